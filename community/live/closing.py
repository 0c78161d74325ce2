"""What ends by itself: offers that are sold out, windows that close, ladders of former times."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.live.ladder import STAGE, occurrence
from community.live.models import Live
from community.outreach.stopping import stop_occurrences, stop_offers

queries = load(__file__)

FORMER_FOR = timedelta(days=1)
"""How long after its window what waits of a session's former ladders is still looked for."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: whose windows it closed, and messages dropped by the reason."""

    closed: tuple[int, ...]
    dropped: dict[str, int]


async def sweep(conn: Connection, at: datetime, *, bot_id: int) -> Swept:
    """Close windows, drop what offers something sold out, and what waits of ladders that are no more. Repeatable.

    Whoever moves or cancels a session drops what waits of it; a plan that was approved later may have brought more.
    """
    dropped: dict[str, int] = {}
    async with transaction(conn):
        closed = await close_due(conn, at, bot_id=bot_id)
        dropped["window_closed"] = sum(closed.values())
        dropped["sold_out"] = await _drop_sold_out(conn, at)
        dropped |= await _drop_former(conn, at, bot_id)
    return Swept(tuple(closed), {reason: number for reason, number in dropped.items() if number})


async def close_due(conn: Connection, at: datetime, *, bot_id: int) -> dict[int, int]:
    """Close the sessions whose window is over; session → messages that still waited, which are dropped.

    The window closes by itself, to the second: its messages expire with it, and its coupon is refused.
    """
    closed = {}
    async with transaction(conn):
        for row in await (await conn.execute(queries.close, {"at": at})).fetchall():
            live = Live(**row)
            closed[live.id] = await stop_occurrences(conn, bot_id, STAGE, all_of(live), "window_closed")
    return closed


def all_of(live: Live) -> list[str]:
    """The occurrences of a session, one for each ladder that it has had."""
    return [occurrence(live.id, version) for version in range(1, live.version + 1)]


async def _drop_sold_out(conn: Connection, at: datetime) -> int:
    rows = await (await conn.execute(queries.sold_out, {"at": at})).fetchall()
    return sum([await stop_offers(conn, STAGE, row["coupon"]) for row in rows])


async def _drop_former(conn: Connection, at: datetime, bot_id: int) -> dict[str, int]:
    dropped: dict[str, int] = {}
    for row in await (await conn.execute(queries.former, {"since": at - FORMER_FOR})).fetchall():
        reason = "session_cancelled" if row["cancelled"] else "session_moved"
        former = [occurrence(row["id"], version) for version in range(1, row["version"])]
        dropped[reason] = dropped.get(reason, 0) + await stop_occurrences(conn, bot_id, STAGE, former, reason)
    return dropped
