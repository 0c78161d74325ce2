"""Users, bots and groups: bringing them into the world, and the list of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from community.sandbox import settings, views
from community.sandbox.accounts import User
from community.sandbox.chats import Group
from community.sandbox.control.registry import JSON, Asked, Name, Number, each, route
from community.sandbox.errors import Refused
from community.sandbox.members import ALL_PERMISSIONS, ALL_RIGHTS, Member
from community.sandbox.world import World


class NewUser(Asked):
    id: Annotated[int, Field(ge=1, le=2**52)]
    first_name: Name = "User"
    last_name: Name | None = None
    username: Name | None = None
    language_code: Name | None = None
    hides_forwards: bool = False


class NewBot(Asked):
    """`reads_all`: group privacy mode is off."""

    token: Annotated[str, Field(min_length=3, max_length=128)]
    username: Name | None = None
    first_name: Name | None = None
    reads_all: bool = True


class NewGroup(Asked):
    """A group, supergroup or channel.

    `bots`: numbers of those inside, as administrators unless `admin` is false, with `rights` if not all.
    `permissions` of ordinary members, all by default. `linked`: the channel of a discussion group, or the other way.
    `signed`: a channel's posts carry their author's name.
    """

    title: Annotated[str, Field(min_length=1, max_length=128)]
    kind: Literal["group", "supergroup", "channel"] = "supergroup"
    id: Number | None = None
    username: Name | None = None
    owner: Number | None = None
    administrators: list[Number] = Field(default_factory=list)
    members: list[Number] = Field(default_factory=list)
    bots: list[Number] | None = None
    admin: bool = True
    rights: list[str] | None = None
    description: Annotated[str, Field(max_length=255)] | None = None
    permissions: list[str] | None = None
    slow_mode_delay: Annotated[int, Field(ge=0, le=86_400)] = 0
    is_forum: bool = False
    join_by_request: bool = False
    signed: bool = False
    linked: Number | None = None

    def create(self, world: World) -> JSON:
        """Nobody is told; unknown members are an error, and then nothing is created."""
        bots = list(world.bots) if self.bots is None else self.bots
        self._check(world, bots)
        group = world.add_group(self.kind, self.title, id=self.id, username=self.username)
        self._configure(world, group)
        for number in dict.fromkeys([*self.members, *self.administrators, *self._owners()]):
            group.enrol(world.users[number], admin=number in self.administrators, owner=number == self.owner)
        rights = ALL_RIGHTS if self.rights is None else ALL_RIGHTS & set(self.rights)
        for number in bots:
            member = Member(world.bots[number], "administrator", rights=rights, promoted_by=self.owner or 0)
            group.members[number] = member if self.admin else Member(world.bots[number], "member")
        world.live.chat(group)
        return {"id": group.id}

    def _owners(self) -> list[int]:
        return [] if self.owner is None else [self.owner]

    def _check(self, world: World, bots: list[int]) -> None:
        people = [*self._owners(), *self.administrators, *self.members]
        missing = [number for number in people if number not in world.users]
        missing += [number for number in bots if number not in world.bots]
        missing += [self.linked] if self.linked is not None and self.linked not in world.groups else []
        if missing:
            raise Refused(f"unknown: {', '.join(map(str, missing[:10]))}")
        settings.check_username(world, None, self.username)
        if self.is_forum and self.kind != "supergroup":
            raise Refused(f"a {self.kind} has no topics: only supergroups do")
        if self.kind == "channel" and bots and not self.admin:
            raise Refused("in a channel a bot can only be an administrator")

    def _configure(self, world: World, group: Group) -> None:
        group.description = self.description or None
        group.slow_mode_delay, group.join_by_request = self.slow_mode_delay, self.join_by_request
        group.signed = self.signed
        if self.permissions is not None:
            group.permissions = ALL_PERMISSIONS & set(self.permissions)
        if self.is_forum:
            settings.set_forum(world, group, True)
        if self.linked is not None:
            settings.link(world, group, world.groups[self.linked])


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
        "bots": [bot.me() | {"token": bot.token} for bot in world.bots.values()],
        "groups": [views.group(world, group) for group in world.groups.values()],
    }
