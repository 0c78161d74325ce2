"""Import a list of members from CSV: checked line by line, shown first, brought in whole or not at all."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from psycopg import Rollback
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from community.database.installation import sop_now
from community.database.pool import Connection
from community.errors import ImportRefused
from community.members.bring_in import Listed, bring_in_listed
from community.members.clean import storable
from community.playbook_types import Locale, Zone

LINE_LIMIT = 200_000
"""Most members of a list: it is brought in by one transaction."""
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


class Line(BaseModel):
    """A line of the list, as validated. Columns not given, or empty, are None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    telegram_id: Annotated[int, Field(gt=0, lt=2**53)]
    username: Annotated[str, Field(pattern=r"^@?[A-Za-z0-9_]{1,32}$")] | None = None
    first_name: Annotated[str, Field(max_length=256)] | None = None
    last_name: Annotated[str, Field(max_length=256)] | None = None
    locale: Locale | None = None
    zone: Zone | None = None
    joined_at: Annotated[datetime | None, BeforeValidator(_moment)] = None
    source: Annotated[str, Field(max_length=256)] | None = None
    consent: Annotated[str, Field(max_length=256)] | None = None

    def listed(self, zone: ZoneInfo) -> Listed:
        """The member; a moment without a zone is taken in `zone`."""
        at = self.joined_at
        values = self.model_dump(exclude={"joined_at", "username"})
        aware = at.replace(tzinfo=at.tzinfo or zone).astimezone(UTC) if at else None
        return Listed(**values, username=self.username.removeprefix("@") if self.username else None, joined_at=aware)


@dataclass
class Roster:
    """A list as read: its members, and what is wrong with it by line of the file."""

    lines: list[Line] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a list brings, or brought."""

    added: int
    known: int
    unreachable: int
    """How many of the list the bot may not write to, as they have not opened the private chat."""


def read_roster(path: Path) -> Roster:
    """Read and check the list. Raises ImportRefused when the file is no CSV with a column `telegram_id`."""
    roster = Roster()
    seen: dict[int, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in _rows(path, file):
                try:
                    line = Line(**row)
                except ValidationError as error:
                    roster.problems.extend((number, _words(one)) for one in error.errors())
                    continue
                if before := seen.get(line.telegram_id):
                    roster.problems.append((number, f"telegram_id {line.telegram_id} is in line {before} already"))
                seen[line.telegram_id] = number
                roster.lines.append(line)
    except OSError as error:
        raise ImportRefused(f"{path}: {error.strerror}; give a CSV file") from None
    except UnicodeDecodeError:
        raise ImportRefused(f"{path}: it is not in UTF-8; save it as CSV UTF-8") from None
    except csv.Error as error:
        raise ImportRefused(f"{path}: {error}; save it as CSV with commas") from None
    return roster


async def bring_in_roster(conn: Connection, roster: Roster, zone: ZoneInfo, *, apply: bool) -> Outcome:
    """Bring the list in, in one transaction; without `apply` all is undone, and the outcome is what it would be."""
    outcome = Outcome(0, 0, 0)
    async with conn.transaction():
        brought = await bring_in_listed(conn, [line.listed(zone) for line in roster.lines], await sop_now(conn))
        outcome = Outcome(brought.added, len(brought.ids) - brought.added, brought.unreachable)
        if not apply:
            raise Rollback
    return outcome


def _rows(path: Path, file: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines by number in the file, with what is given of them."""
    reader = csv.DictReader(file, strict=True)
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    known = ", ".join(Line.model_fields)
    if "telegram_id" not in names:
        raise ImportRefused(f"{path}:1: no column telegram_id; the first line names the columns: {known}")
    if strange := sorted({name for name in names if name not in Line.model_fields}):
        raise ImportRefused(f"{path}:1: unknown column {strange[0][:40]!r}; known: {known}")
    reader.fieldnames = names
    for row in reader:
        if None in row:
            row = {"telegram_id": f"more than {len(names)} columns"}
        if reader.line_num > LINE_LIMIT:
            raise ImportRefused(f"{path}: more than {LINE_LIMIT:,} lines; split it")
        yield reader.line_num, {key: storable(value).strip() for key, value in row.items() if value and value.strip()}


def _words(error: Any) -> str:
    """pydantic's error as the problem of a line."""
    name = ".".join(str(part) for part in error["loc"][:1])
    given = "" if error["type"] in ("missing", "value_error") else f" ({str(error['input'])[:40]!r})"
    what = error["msg"].removeprefix("Value error, ")
    return f"{name}: {what[:1].lower()}{what[1:]}{given}"
