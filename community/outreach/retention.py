"""Forget the frozen rows of proposals that are done; the plans stay, with their counts."""

from datetime import timedelta

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "proposals.sql")

BATCH = 2_000


async def forget_rows(conn: Connection, after: timedelta) -> int:
    """Delete rows of proposals that were made longer ago than `after` (wall time) and are done; returns how many."""
    forgotten = 0
    while deleted := (await conn.execute(queries.forget_rows, {"after": after, "batch": BATCH})).rowcount:
        forgotten += deleted
    return forgotten
