"""What time alone does to the outbox: leases run out, messages expire; and what the loss of a database does to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from community.database.pool import Connection
from community.database.queries import load
from community.outbox.claim import LEASE

queries = load(__file__, "recover.sql")


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


@dataclass(frozen=True, slots=True)
class Doubted:
    """Messages of a restored database whose fate after its backup is unknown."""

    uncertain: int
    """Promotional, parked with the reason `restored`: may have been sent."""
    again: int
    """Transactional that were on their way: waiting once more."""
    due: int
    """Transactional that were waiting and are due: they go, and some may go a second time."""


async def doubt(conn: Connection, bot_id: int, taken_at: datetime, due_by: datetime | None) -> Doubted:
    """Settle what a lost database may have sent between `taken_at` and `due_by` (SOP time) without our knowing.

    `due_by` None: nothing was sent since; in doubt is only what was on its way when the backup was taken.
    """
    values = {"bot_id": bot_id, "taken_at": taken_at, "due_by": due_by}
    rows = await (await conn.execute(queries.doubt, values)).fetchall()
    due = await (await conn.execute(queries.due_unparked, values)).fetchone()
    uncertain = sum(row["state"] == "uncertain" for row in rows)
    return Doubted(uncertain=uncertain, again=len(rows) - uncertain, due=due["messages"] if due else 0)


async def follow_clock(conn: Connection, back: timedelta) -> None:
    """The database's clock was set back: what was to come in a second still does, not `back` later."""
    await conn.execute(queries.follow_clock, {"back": back, "lease": LEASE})
