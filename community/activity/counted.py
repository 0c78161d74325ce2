"""Days that are counted already, and those of them that something happened on after all.

Whoever brings in much of the past and whoever counts keep out of each other's way: what one transaction writes while
the other looks would be neither counted nor late.
"""

from collections.abc import Iterable
from datetime import date, datetime

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "counted.sql")
COUNTER_LOCK = 0x50B_0009


async def count_alone(conn: Connection) -> None:
    """Nobody else counts until this transaction ends, and what is being brought in of the past is there first."""
    await conn.execute(queries.count_alone, {"key": COUNTER_LOCK})


async def keep_counter_out(conn: Connection) -> None:
    """Nobody counts until this transaction ends: it brings in what may be of any day.

    Its first statement, so that it holds nothing that others need while it waits for a count to end.
    """
    await conn.execute(queries.keep_counter_out, {"key": COUNTER_LOCK})


async def mark_late(conn: Connection, moments: Iterable[datetime]) -> None:
    """Something was entered that had happened then: those of the days that are counted already are counted anew.

    `record` and `backfill` do so for events; whoever enters other things of the past (payments, members) calls it in
    the same transaction.
    """
    await conn.execute(queries.mark_late, {"at": list(moments)})


async def mark_late_days(conn: Connection, days: Iterable[date]) -> None:
    """As `mark_late`, for what says its day itself."""
    await conn.execute(queries.mark_late_days, {"days": list(days)})


async def mark_late_since(conn: Connection, first_at: datetime, at: datetime) -> None:
    """As `mark_late`, for what lasts: all days from then to now, such as those for which somebody has paid."""
    await conn.execute(queries.mark_late_since, {"first_at": first_at, "at": at})


async def counted_before(conn: Connection, zone: str) -> date | None:
    """Days before this one are counted, in that zone; None: nothing is, or in another zone."""
    row = await (await conn.execute(queries.counted, {"zone": zone})).fetchone()
    return row["before"] if row else None


async def count_before(conn: Connection, zone: str, before: date) -> None:
    """From now on days before this one are counted, in that zone."""
    await conn.execute(queries.count_before, {"zone": zone, "before": before})


async def mark_days_late(conn: Connection, since: date, before: date) -> None:
    """All days from `since` to before `before` are to be counted (anew)."""
    await conn.execute(queries.mark_days_late, {"since": since, "before": before})


async def late_days(conn: Connection, most: int) -> list[date]:
    """Days that are to be counted anew, the newest first."""
    rows = await (await conn.execute(queries.late_days, {"most": most})).fetchall()
    return [row["day"] for row in rows]


async def take_late(conn: Connection, days: list[date]) -> None:
    """The days are counted in this transaction: what has marked them so far is done with.

    What marks them while they are counted is not seen by this, and they are counted once more.
    """
    await conn.execute(queries.take_late, {"days": days})
