"""Forget what old messages were filled in with; the messages stay, as their intents must (invariant 2)."""

from datetime import timedelta

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__)

BATCH = 2_000


async def forget_contexts(conn: Connection, after: timedelta) -> int:
    """Empty the context of messages sent or dropped longer ago than `after` (wall time); returns how many.

    Failed and uncertain ones keep theirs: an operator may send them again.
    """
    forgotten = 0
    while emptied := (await conn.execute(queries.forget_contexts, {"after": after, "batch": BATCH})).rowcount:
        forgotten += emptied
    return forgotten
