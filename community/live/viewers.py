"""The list of who watched, as a platform gives it: taken in whole, or with one wrong line not at all."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from community.activity.counted import keep_counter_out, mark_late
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.errors import LiveRefused
from community.live.models import Live
from community.live.people import watched
from community.members.lists import ReadList, read_list, refuse

queries = load(__file__)

KEYS = ("telegram_id", "username")
Minutes = dict[int, int | None]
"""Who watched, by member number, with the minutes where the list says."""


def _bare(username: object) -> object:
    return username.removeprefix("@") if isinstance(username, str) else username


class Viewer(BaseModel):
    """A line of the list: who, and for how long if the platform tells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    telegram_id: Annotated[int, Field(gt=0, lt=2**53)] | None = None
    username: Annotated[str, BeforeValidator(_bare), Field(pattern=r"^[A-Za-z0-9_]{1,32}$")] | None = None
    minutes: Annotated[int, Field(ge=0, le=1440)] | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.telegram_id is None and self.username is None:
            raise ValueError("nobody is named; give telegram_id or username")
        return self

    def __str__(self) -> str:
        return f"telegram_id {self.telegram_id}" if self.telegram_id else f"@{self.username}"


async def read_viewers(conn: Connection, path: Path) -> Minutes:
    """Read the list and find its members. Raises ImportRefused with every problem as `file:line: what`."""
    read = read_list(path, Viewer, KEYS)
    refuse(path, read.problems)
    found = await _members(conn, read)
    refuse(path, _problems(read, found))
    return {number: line.minutes for number, (_, line) in zip(found, read.lines, strict=True) if number}


async def bring_in_viewers(conn: Connection, live: Live, viewers: Minutes, at: datetime) -> None:
    """Count them as viewers. Raises LiveRefused for a session that has not begun, or is cancelled."""
    if live.cancelled_at is not None or live.starts_at > at:
        what = "it is cancelled" if live.cancelled_at else "it has not begun"
        raise LiveRefused(f"live {live.id}: {what}, so nobody has watched it")
    async with transaction(conn):
        await keep_counter_out(conn)
        await watched(conn, live.id, viewers, live.starts_at, "list")
        await mark_late(conn, [live.window_until_at])


async def _members(conn: Connection, read: ReadList[Viewer]) -> list[int | None]:
    """The member of each line."""
    columns = {key: [getattr(line, key) for _, line in read.lines] for key in KEYS}
    rows = await (await conn.execute(queries.members_named, columns)).fetchall()
    return [row["member_id"] for row in rows]


def _problems(read: ReadList[Viewer], found: list[int | None]) -> list[tuple[int, str]]:
    problems: list[tuple[int, str]] = []
    seen: dict[int, int] = {}
    for member_id, (number, line) in zip(found, read.lines, strict=True):
        if member_id is None:
            problems.append((number, f"{line}: no such member; leave the line out, or import the member first"))
        elif before := seen.get(member_id):
            problems.append((number, f"{line} is the member of line {before}"))
        else:
            seen[member_id] = number
    return problems
