"""What the control interface accepts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from community.sandbox.errors import Refused
from community.sandbox.members import ALL_RIGHTS, Member
from community.sandbox.world import World

Number = Annotated[int, Field(ge=-(2**52), le=2**52)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
ChatRef = Annotated[int | str, BeforeValidator(lambda value: int(value) if _numeric(value) else value)]
"""A number or a username; numbers come as text from a query string."""
Moment = Annotated[float, Field(ge=0, le=4e9, allow_inf_nan=False)]


def _numeric(value: Any) -> bool:
    return isinstance(value, str) and len(value) < 20 and value.removeprefix("-").isdecimal()


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewUser(Asked):
    id: Annotated[int, Field(ge=1, le=2**52)]
    first_name: Name = "User"
    last_name: Name | None = None
    username: Name | None = None
    language_code: Name | None = None


class NewBot(Asked):
    """`reads_all`: group privacy mode is off."""

    token: Annotated[str, Field(min_length=3, max_length=128)]
    username: Name | None = None
    first_name: Name | None = None
    reads_all: bool = True


class NewGroup(Asked):
    """`bots`: numbers of those inside, as administrators unless `admin` is false, with `rights` if not all."""

    title: Annotated[str, Field(min_length=1, max_length=128)]
    kind: Literal["group", "supergroup"] = "supergroup"
    id: Number | None = None
    username: Name | None = None
    owner: Number | None = None
    members: list[Number] = []
    bots: list[Number] | None = None
    admin: bool = True
    rights: list[str] | None = None

    def create(self, world: World) -> dict[str, Any]:
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
        return {"id": group.id}


class HistoryQuery(Asked):
    chat: ChatRef | None = None
    user: int | None = None
    limit: Annotated[int, Field(ge=1, le=100_000)] = 100


class ReceivedQuery(Asked):
    user: int
    since: float = 0


class FeedQuery(Asked):
    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=100_000)] = 10_000


class ChatQuery(Asked):
    chat: int | None = None


class CallbackQuery(Asked):
    id: str


class BotQuery(Asked):
    bot: ChatRef | None = None


class RuleQuery(Asked):
    id: int | None = None


class JournalQuery(Asked):
    after: Annotated[int, Field(ge=0, le=2**52)] = 0
    method: str | None = None
    chat_id: str | None = None
    bot_id: int | None = None
    limit: Annotated[int, Field(ge=1, le=1_000_000)] = 1000


class LimitChanges(Asked):
    enforced: bool | None = None
    per_second: Annotated[int, Field(ge=1, le=10**6)] | None = None
    per_chat_second: Annotated[int, Field(ge=1, le=10**6)] | None = None
    per_group_minute: Annotated[int, Field(ge=1, le=10**6)] | None = None


class Latency(Asked):
    latency_ms: Annotated[float, Field(ge=0, le=600_000)]


class ClockChange(Asked):
    """`real` first, then `now`, then `advance` (seconds)."""

    now: Moment | None = None
    frozen: bool = False
    advance: Annotated[float, Field(ge=-4e9, le=4e9, allow_inf_nan=False)] = 0
    real: bool = False


class Injection(Asked):
    bot: ChatRef | None = None
    update: dict[str, Any]
