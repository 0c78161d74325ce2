"""Forget what Telegram delivered once it is long handled: updates hold members' words."""

from datetime import timedelta

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__)

BATCH = 5_000


async def forget_updates(conn: Connection, bot_id: int, after: timedelta) -> int:
    """Delete updates handled, or given up, longer ago than `after` (wall time); returns how many. Pending ones stay."""
    removed, last = 0, -1
    while True:
        values = {"bot_id": bot_id, "after": after, "after_id": last, "batch": BATCH}
        row = await (await conn.execute(queries.forget_updates, values)).fetchone()
        if row is None or row["last"] is None:
            return removed
        removed, last = removed + row["removed"], row["last"]
