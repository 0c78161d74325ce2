"""Record what happened: events by COPY, milestones and last activity in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__)

SIGNS_OF_LIFE = frozenset({"message", "reaction", "click", "button", "start", "answer"})
"""Kinds by which a member shows to be active (SOP: engaged = click, button, reply, vote or reaction)."""


@dataclass(frozen=True, slots=True)
class Activity:
    """One event. `at` is SOP time; `data` holds small facts (link token, message id), never a member's words."""

    kind: str
    at: datetime
    member_id: int | None
    group_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


async def record(conn: Connection, activities: Sequence[Activity]) -> None:
    """Append the events, making missing months, and bring milestones and last activity up to date."""
    if not activities:
        return
    async with conn.transaction():
        await ensure_months(conn, "events", {a.at for a in activities})
        await _append(conn, activities)
        await _reach(conn, [a for a in activities if a.member_id is not None])


async def _append(conn: Connection, activities: Sequence[Activity]) -> None:
    async with conn.cursor() as cursor, cursor.copy(queries.copy_events) as copy:
        for a in activities:
            await copy.write_row((a.at, a.kind, a.member_id, a.group_id, Jsonb(dict(a.data))))


async def _reach(conn: Connection, activities: Sequence[Activity]) -> None:
    lively = [a for a in activities if a.kind in SIGNS_OF_LIFE]
    await conn.execute(
        queries.reach_milestones,
        {
            "member": [a.member_id for a in activities],
            "kind": [a.kind for a in activities],
            "at": [a.at for a in activities],
        },
    )
    if lively:
        await conn.execute(
            queries.touch_members, {"member": [a.member_id for a in lively], "at": [a.at for a in lively]}
        )
