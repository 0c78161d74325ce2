"""Stop what a stage wanted to send before it is sent: what waits in the outbox, and what waits for somebody's word."""

from collections.abc import Sequence

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.outbox.settle import cancel_occurrences, cancel_offers

queries = load(__file__, "stopping.sql")


async def stop_occurrences(conn: Connection, bot_id: int, stage: str, occurrences: Sequence[str], reason: str) -> int:
    """Send nothing more of the stage for these reasons to write; returns how many messages were dropped.

    Whoever may not have a planner at work add more holds `plan.one_planner` meanwhile.
    """
    async with transaction(conn):
        values = {"stage": stage, "occurrences": list(occurrences), "reason": reason}
        await conn.execute(queries.stop_rows, values)
        return await cancel_occurrences(conn, bot_id, stage, occurrences, reason)


async def stop_offers(conn: Connection, stage: str, code: str) -> int:
    """Send nothing more of the stage that offers this coupon, of which none is left; returns how many were dropped."""
    async with transaction(conn):
        await conn.execute(queries.stop_offers, {"stage": stage, "code": code})
        return await cancel_offers(conn, code, stage)
