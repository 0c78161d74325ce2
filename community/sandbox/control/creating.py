"""Users, bots and groups: bringing them into the world, and the list of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from community.sandbox import views
from community.sandbox.accounts import FIRST_STARS, User
from community.sandbox.control.registry import JSON, Asked, Name, Number, each, route
from community.sandbox.errors import Refused
from community.sandbox.members import ALL_RIGHTS, Member
from community.sandbox.world import World


class NewUser(Asked):
    id: Annotated[int, Field(ge=1, le=2**52)]
    first_name: Name = "User"
    last_name: Name | None = None
    username: Name | None = None
    language_code: Name | None = None
    stars: Annotated[int, Field(ge=0, le=2**52)] = FIRST_STARS
    hides_forwards: bool = False


class NewBot(Asked):
    """`reads_all`: group privacy mode is off."""

    token: Annotated[str, Field(min_length=3, max_length=128)]
    username: Name | None = None
    first_name: Name | None = None
    reads_all: bool = True


class NewGroup(Asked):
    """`bots`: numbers of those inside, as administrators unless `admin` is false, with `rights` if not all."""

    title: Annotated[str, Field(min_length=1, max_length=128)]
    kind: Literal["group", "supergroup", "channel"] = "supergroup"
    id: Number | None = None
    username: Name | None = None
    owner: Number | None = None
    members: list[Number] = Field(default_factory=list)
    bots: list[Number] | None = None
    admin: bool = True
    rights: list[str] | None = None

    def create(self, world: World) -> JSON:
        """Nobody is told; unknown members are an error, and then nothing is created."""
        bots = list(world.bots) if self.bots is None else self.bots
        people = self.members if self.owner is None else [self.owner, *self.members]
        missing = [number for number in people if number not in world.users]
        missing += [number for number in bots if number not in world.bots]
        if missing:
            raise Refused(f"unknown: {', '.join(map(str, missing[:10]))}")
        group = world.add_group(self.kind, self.title, id=self.id, username=self.username)
        for number in dict.fromkeys(people):
            group.enrol(world.users[number], owner=number == self.owner)
        rights = ALL_RIGHTS if self.rights is None else ALL_RIGHTS & set(self.rights)
        for number in bots:
            member = Member(world.bots[number], "administrator", rights=rights)
            group.members[number] = member if self.admin else Member(world.bots[number], "member")
        world.live.chat(group)
        return {"id": group.id}


@route("POST", "users")
def create_users(world: World, asked: Any) -> list[JSON]:
    def create(entry: Any) -> JSON:
        wanted = NewUser.model_validate(entry)
        world.add_user(User(**wanted.model_dump()))
        return {"id": wanted.id}

    return each(asked, create)


@route("POST", "bots")
def create_bots(world: World, asked: Any) -> list[JSON]:
    def create(entry: Any) -> JSON:
        wanted = NewBot.model_validate(entry)
        bot = world.add_bot(wanted.token, wanted.username, wanted.first_name, reads_all=wanted.reads_all)
        return {"id": bot.id, "username": bot.username}

    return each(asked, create)


@route("POST", "groups")
def create_groups(world: World, asked: Any) -> list[JSON]:
    return each(asked, lambda entry: NewGroup.model_validate(entry).create(world))


@route("GET", "chats")
def list_chats(world: World, asked: Any) -> JSON:
    return {
        "users": [views.user(user) for user in world.users.values()],
        "bots": [views.bot(bot) for bot in world.bots.values()],
        "groups": [views.group(world, group) for group in world.groups.values()],
    }
