"""Import a list of members from CSV: checked line by line, shown first, brought in whole or not at all."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from psycopg import Rollback
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from community.database.installation import sop_now
from community.database.pool import Connection
from community.members.bring_in import Listed, bring_in_listed
from community.members.lists import ReadList, read_list
from community.playbook_types import Locale, Zone

YEARS = range(2000, 2100)


def _moment(text: object) -> datetime | None:
    """An ISO date, or date and time; without a zone it stays without one."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError(f"{str(text)[:40]!r} is no date; write 2026-03-04 or 2026-03-04T10:00+08:00") from None
    if at.year not in YEARS:
        raise ValueError(f"the year {at.year} cannot be right")
    return at


Moment = Annotated[datetime | None, BeforeValidator(_moment)]
TelegramId = Annotated[int, Field(gt=0, lt=2**53)]


def aware(at: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC; without a zone it is taken in `zone`."""
    return at.replace(tzinfo=at.tzinfo or zone).astimezone(UTC)


class Line(BaseModel):
    """A line of the list, as validated. Columns not given, or empty, are None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    telegram_id: TelegramId
    username: Annotated[str, Field(pattern=r"^@?[A-Za-z0-9_]{1,32}$")] | None = None
    first_name: Annotated[str, Field(max_length=256)] | None = None
    last_name: Annotated[str, Field(max_length=256)] | None = None
    locale: Locale | None = None
    zone: Zone | None = None
    joined_at: Moment = None
    source: Annotated[str, Field(max_length=256)] | None = None
    consent: Annotated[str, Field(max_length=256)] | None = None

    def listed(self, zone: ZoneInfo) -> Listed:
        """The member; a moment without a zone is taken in `zone`."""
        values = self.model_dump(exclude={"joined_at", "username"})
        joined_at = aware(self.joined_at, zone) if self.joined_at else None
        username = self.username.removeprefix("@") if self.username else None
        return Listed(**values, username=username, joined_at=joined_at)


Roster = ReadList[Line]
"""A list as read: its members, and what is wrong with it, by line of the file."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a list brings, or brought."""

    added: int
    known: int
    unreachable: int
    """How many of the list the bot may not write to, as they have not opened the private chat."""


def read_roster(path: Path) -> Roster:
    """Read and check the list. Raises ImportRefused when the file is no CSV with a column `telegram_id`."""
    return read_list(path, Line, ["telegram_id"])


async def bring_in_roster(conn: Connection, roster: Roster, zone: ZoneInfo, *, apply: bool) -> Outcome:
    """Bring the list in, in one transaction; without `apply` all is undone, and the outcome is what it would be."""
    outcome = Outcome(0, 0, 0)
    async with conn.transaction():
        brought = await bring_in_listed(conn, [line.listed(zone) for _, line in roster.lines], await sop_now(conn))
        outcome = Outcome(brought.added, len(brought.ids) - brought.added, brought.unreachable)
        if not apply:
            raise Rollback
    return outcome
