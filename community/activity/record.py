"""Record what happened: events (a batch by COPY), milestones and last activity in the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
from psycopg.types.json import Jsonb

from community.database.partitions import ensure_months
from community.database.pool import Connection, transaction
from community.database.queries import load

queries = load(__file__)

SIGNS_OF_LIFE = frozenset({"message", "private", "reaction", "click", "button", "start", "answer"})
"""Kinds by which a member shows to be active (SOP: engaged = click, button, reply, vote or reaction). `message` is
written in a group, `private` to the bot."""

MANY = 100
"""From so many on COPY is quicker; below, its own exchanges take longer than the rows."""


class Activity(NamedTuple):
    """One event. `at` is SOP time; `data` holds small facts (link token, message id), never a member's words."""

    kind: str
    at: datetime
    member_id: int | None
    group_id: int | None = None
    data: Mapping[str, Any] = MappingProxyType({})


async def record(conn: Connection, activities: Sequence[Activity]) -> None:
    """Append the events, making missing months, and bring milestones and last activity up to date."""
    if not activities:
        return
    await ensure_months(conn, "events", {a.at for a in activities})
    if len(activities) < MANY:
        await _record(conn, activities)
        return
    async with transaction(conn):
        await _copy(conn, activities)
        await _record(conn, activities, copied=True)


async def reach(conn: Connection, member_id: int, kinds: Iterable[str], at: datetime) -> None:
    """The member reached these milestones, of which nothing else is to be recorded."""
    await reach_many(conn, [(member_id, kind, at) for kind in kinds])


async def reach_many(conn: Connection, reached: Sequence[tuple[int, str, datetime]]) -> None:
    """As `reach`, for many members: member, kind, when."""
    if reached:
        member, kind, at = (list(column) for column in zip(*reached, strict=True))
        await conn.execute(queries.reach, {"member": member, "kind": kind, "at": at})


async def _copy(conn: Connection, activities: Sequence[Activity]) -> None:
    async with conn.cursor() as cursor, cursor.copy(queries.copy_events) as copy:
        for a in activities:
            await copy.write_row((a.at, a.kind, a.member_id, a.group_id, Jsonb(dict(a.data))))


async def _record(conn: Connection, activities: Sequence[Activity], *, copied: bool = False) -> None:
    columns = {
        "at": [a.at for a in activities],
        "kind": [a.kind for a in activities],
        "member": [a.member_id for a in activities],
        "group": [a.group_id for a in activities],
        "data": [orjson.dumps(dict(a.data)).decode() for a in activities],
    }
    await conn.execute(queries.record, {**columns, "copied": copied, "signs_of_life": list(SIGNS_OF_LIFE)})
