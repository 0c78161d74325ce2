"""Decide what became of messages whose delivery is in doubt, and drop what nobody needs any more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from community.activity.counted import mark_late
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.playbook_stages import PRIORITIES, MessageClass

queries = load(__file__, "settle.sql")

LANES = list(range(len(MessageClass) * PRIORITIES))
"""Every place in the queue."""


async def confirm(conn: Connection, message_id: int) -> bool:
    """A member's click or button carried this message's number: uncertain becomes sent. True if it was uncertain."""
    return await _close(conn, queries.confirm, {"id": message_id}) == 1


async def retry(conn: Connection, message_ids: Sequence[int]) -> int:
    """Send failed or uncertain messages again, by an operator's decision; returns how many."""
    return (await conn.execute(queries.retry, {"ids": list(message_ids)})).rowcount


async def settle(conn: Connection, message_ids: Sequence[int], *, arrived: bool) -> int:
    """Close uncertain messages as sent or failed, by an operator's decision; returns how many."""
    return await _close(conn, queries.settle, {"ids": list(message_ids), "state": "sent" if arrived else "failed"})


async def arrived(conn: Connection, message_id: int) -> bool:
    """Telegram shows that a failed action was done all the same: its answer was lost. True if it counted as failed."""
    return (await conn.execute(queries.arrived, {"id": message_id})).rowcount == 1


async def cancel_waiting(conn: Connection, member_id: int, reason: str) -> int:
    """Drop what waits for a member who left; answers to what the member did are kept. Returns how many."""
    return (await conn.execute(queries.cancel_waiting, {"member_id": member_id, "reason": reason})).rowcount


async def cancel_occurrences(conn: Connection, bot_id: int, stage: str, occurrences: Sequence[str], reason: str) -> int:
    """Drop what waits of a stage for these reasons to write; returns how many.

    A planner at work may still add some: whoever must not have that holds `outreach.plan.one_planner` meanwhile.
    """
    values = {"bot_id": bot_id, "stage": stage, "occurrences": list(occurrences), "reason": reason, "lanes": LANES}
    return (await conn.execute(queries.cancel_occurrences, values)).rowcount


async def withdraw(conn: Connection, stage: str, step: str, occurrences: Sequence[str], reason: str) -> list[str]:
    """Drop actions that wait and are no member's; returns the occurrences of those that had not begun.

    One that has begun is not tried again.
    """
    values = {"stage": stage, "step": step, "occurrences": list(occurrences), "reason": reason}
    rows = await (await conn.execute(queries.withdraw, values)).fetchall()
    return [row["occurrence"] for row in rows if row["state"] == "cancelled"]


async def count_anew(conn: Connection, member_id: int, goal: str, at: datetime, context: dict[str, Any]) -> int:
    """A goal reached before `at` turned out not to be: what waits for it, or was dropped by it, goes on.

    Only what is still of use. `context`: what its copy is given otherwise now. Returns how many messages.
    """
    values = {"member_id": member_id, "goal": goal, "at": at, "context": Jsonb(context)}
    return (await conn.execute(queries.count_anew, values)).rowcount


async def cancel_offers(conn: Connection, code: str, stage: str | None = None) -> int:
    """Drop the promotional messages, of one stage or all, that wait to offer a coupon of which none is left."""
    if stage is None:
        return (await conn.execute(queries.cancel_offers, {"code": code})).rowcount
    values = {"code": code, "stage": stage, "lanes": LANES}
    return (await conn.execute(queries.cancel_offers_of_stage, values)).rowcount


async def _close(conn: Connection, statement: LiteralString, values: dict[str, Any]) -> int:
    """Close what was uncertain: figures of the days on which it left change. Returns how many."""
    async with transaction(conn):
        rows = await (await conn.execute(statement, values)).fetchall()
        if rows:
            await mark_late(conn, [row["sent_at"] for row in rows])
    return len(rows)
