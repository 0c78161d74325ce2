"""What staff do for a member in person: promised, listed by when it is due, closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from community.database.pool import Connection
from community.database.queries import load
from community.members.clean import storable
from community.members.names import display_name

queries = load(__file__, "follow_ups.sql")

NOTE_LIMIT = 2000
"""Longest note kept of what somebody typed, in characters."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something for staff to do, by `due_at`. `name`: what the member is called, not escaped."""

    id: int
    member_id: int
    telegram_id: int
    name: str
    kind: str
    note: str
    created_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A task, and what became of it: `done_at` None while it is open. `group_id`: where it was said."""

    task: Task
    done_at: datetime | None
    done_by: str | None
    outcome: str
    group_id: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many tasks of a kind are open, and how many of these should have been done by now."""

    kind: str
    waiting: int
    late: int


async def promise(
    conn: Connection,
    member_id: int,
    kind: str,
    note: str,
    at: datetime,
    due_at: datetime,
    *,
    occurrence: str | None = None,
    group_id: int | None = None,
) -> int | None:
    """A human sees to the member by `due_at`; returns the task's number.

    None if it is promised already: for an `occurrence` once for all, else while the very same is not done.
    """
    values = {"member_id": member_id, "kind": kind, "occurrence": occurrence, "at": at, "due_at": due_at}
    values["group_id"] = group_id
    row = await (await conn.execute(queries.promise, values | {"note": storable(note)[:NOTE_LIMIT]})).fetchone()
    return row["id"] if row else None


async def open_due(
    conn: Connection, due: LiteralString, values: Mapping[str, Any], at: datetime, within: timedelta, *, listed: int
) -> tuple[int, list[Task]]:
    """Open a task for each row of the query `due` (member_id, kind, occurrence, note); what was opened before is not.

    Returns how many are new, and the first of them.
    """
    statement = queries.fill("open_due", due=due)
    cursor = await conn.execute(statement, {**values, "at": at, "within": within, "listed": listed})
    rows = await cursor.fetchall()
    return (rows[0]["opened"] if rows else 0), _tasks(rows)


async def waiting(conn: Connection, kind: str | None, limit: int) -> list[Task]:
    """Open tasks, of one kind or all, the most urgent first."""
    return _tasks(await (await conn.execute(queries.waiting, {"kind": kind, "limit": limit})).fetchall())


async def how_many_since(conn: Connection, member_id: int, kinds: Sequence[str], since: datetime) -> int:
    """How many tasks of these kinds were opened for a member after `since`, done or not."""
    values = {"member_id": member_id, "kinds": list(kinds), "since": since}
    row = await (await conn.execute(queries.how_many_since, values)).fetchone()
    return row["opened"] if row else 0


async def opened(
    conn: Connection, kinds: Sequence[str], since: datetime, until: datetime, *, member_id: int | None, limit: int
) -> list[Opened]:
    """Tasks of these kinds that were opened from `since` on, before `until`; the newest first."""
    values = {"kinds": list(kinds), "since": since, "until": until, "member_id": member_id, "limit": limit}
    rows = await (await conn.execute(queries.opened, values)).fetchall()
    tasks = zip(_tasks(rows), rows, strict=True)
    return [Opened(task, row["done_at"], row["done_by"], row["outcome"], row["group_id"]) for task, row in tasks]


async def how_many(conn: Connection, at: datetime) -> list[Waiting]:
    """Open tasks by kind, and how many of them are late at `at`."""
    return [Waiting(**row) for row in await (await conn.execute(queries.how_many, {"at": at})).fetchall()]


async def close(conn: Connection, task_id: int, at: datetime, *, by: str, outcome: str = "") -> Task | None:
    """The task is done; None if no such task is open."""
    values = {"id": task_id, "at": at, "by": by, "outcome": storable(outcome)[:NOTE_LIMIT]}
    rows = await (await conn.execute(queries.close, values)).fetchall()
    return _tasks(rows)[0] if rows else None


async def task_for(conn: Connection, member_id: int, kind: str, occurrence: str) -> int | None:
    """The number of the task about a member for that occasion; None: none is open."""
    values = {"member_id": member_id, "kind": kind, "occurrence": occurrence}
    row = await (await conn.execute(queries.task_for, values)).fetchone()
    return row["id"] if row else None


async def close_of(
    conn: Connection, member_id: int, kind: str, occurrence: str, at: datetime, *, by: str, outcome: str = ""
) -> None:
    """The task about a member for that occasion is done, if it was open."""
    values = {"member_id": member_id, "kind": kind, "occurrence": occurrence, "at": at, "by": by, "outcome": outcome}
    await conn.execute(queries.close_of, values)


def _tasks(rows: Sequence[dict[str, Any]]) -> list[Task]:
    fields = [name for name in Task.__dataclass_fields__ if name != "name"]
    return [
        Task(
            **{name: row[name] for name in fields},
            name=display_name(row["first_name"], row["last_name"], row["username"]),
        )
        for row in rows
    ]
