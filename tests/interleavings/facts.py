"""What there is to know of members, what they hold, and live sessions; as those know it who were there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Term:
    """A member holds a plan from when until when."""

    id: int
    plan: str
    line: str
    trial: bool
    starts_at: datetime
    ends_at: datetime | None
    cancelled: bool
    revoked: bool

    def matters(self, others: Sequence["Term"]) -> bool:
        """Whether its end is one to remind of: nobody took it back, and nothing of the line goes further."""
        if self.ends_at is None or self.cancelled or self.revoked:
            return False
        line = [term for term in others if term.line == self.line and not term.revoked and term.id != self.id]
        return all(term.ends_at is not None and (term.ends_at, term.id) < (self.ends_at, self.id) for term in line)


@dataclass
class Person:
    """A member as they know themselves."""

    number: int
    chat_id: int
    zone: str | None = None
    home: int | None = None
    """The group joined last, by its place; `groups`: those they are in."""
    groups: set[int] = field(default_factory=set)
    entered_at: datetime | None = None
    dm: str = "none"
    opted_out: bool = False
    zones: set[str] = field(default_factory=set)
    """Every zone they ever lived by: a message keeps the times that held when it was planned."""
    reached: dict[str, datetime] = field(default_factory=dict)
    """When they last did something of a kind."""
    terms: list[Term] = field(default_factory=list)
    counted: list[datetime] = field(default_factory=list)
    """When promotional messages reached them, or may have."""

    def last(self, *kinds: str) -> datetime | None:
        """When they last did one of these."""
        return max((self.reached[kind] for kind in kinds if kind in self.reached), default=None)

    def did(self, kind: str, since: datetime) -> bool:
        """Whether they did it since."""
        return self.reached.get(kind, since - timedelta(days=1)) >= since


@dataclass(frozen=True, slots=True)
class Times:
    """When a session is, in one version of it."""

    announce_at: datetime
    starts_at: datetime
    ends_at: datetime
    window_until_at: datetime


@dataclass
class Live:
    """A live session, and who takes part."""

    id: int
    plan: str | None
    created_at: datetime
    versions: list[Times]
    moved_at: dict[int, datetime] = field(default_factory=dict)
    """Version → when it became that one."""
    cancelled_at: datetime | None = None
    registered: dict[int, datetime] = field(default_factory=dict)
    watched: set[int] = field(default_factory=set)

    @property
    def version(self) -> int:
        """The one in force; calling it off counts as one."""
        return len(self.versions) + (self.cancelled_at is not None)

    @property
    def times(self) -> Times:
        """Those in force."""
        return self.versions[-1]


@dataclass(frozen=True, slots=True)
class Intent:
    """Why somebody is written to."""

    stage: str
    step: str
    occurrence: str
    member: int


People = Mapping[int, Person]


def utc_day(at: datetime) -> date:
    """The day it is in UTC, by which occurrences are named."""
    return at.astimezone(UTC).date()
