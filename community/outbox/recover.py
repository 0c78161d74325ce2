"""What time alone does to the outbox: leases run out, messages expire."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from community.database.pool import Connection
from community.database.queries import load
from community.outbox.claim import LEASE

queries = load(__file__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many messages a sweep moved."""

    again: int
    """Transactional, waiting once more."""
    uncertain: int
    """Marketing, parked: it may have arrived."""
    expired: int


async def recover(conn: Connection, bot_id: int, now_at: datetime) -> Recovered:
    """Take back messages whose sender vanished, and expire those whose time is over."""
    async with conn.transaction():
        lost = await (await conn.execute(queries.recover_leases, {"bot_id": bot_id})).fetchall()
        expired = await conn.execute(queries.expire_waiting, {"bot_id": bot_id, "now_at": now_at})
    again = sum(row["state"] == "waiting" for row in lost)
    return Recovered(again=again, uncertain=len(lost) - again, expired=expired.rowcount)


async def follow_clock(conn: Connection, back: timedelta) -> None:
    """The database's clock was set back: what was to come in a second still does, not `back` later."""
    await conn.execute(queries.follow_clock, {"back": back, "lease": LEASE})
