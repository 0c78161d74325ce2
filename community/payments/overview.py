"""Payments at a glance: of some members lately, or those that wait for somebody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "overview.sql")

Row = dict[str, Any]
"""provider, charge, member_id, plan, state, why, disputed, paid_minor, currency, order_number, `has_access`,
`needs_human`."""


async def settled(conn: Connection, members: Sequence[int], since: datetime, until: datetime) -> list[Row]:
    """What these members paid, as it stands, if it changed within that time."""
    values = {"members": list(members), "since": since, "until": until}
    return await (await conn.execute(queries.settled, values)).fetchall()


async def waiting(conn: Connection) -> list[Row]:
    """Payments that give nothing yet: they fit nothing, or nobody is known whose they are; and open disputes."""
    return await (await conn.execute(queries.waiting)).fetchall()


async def overdue(conn: Connection, seconds: float) -> int:
    """Events that wait to be settled for longer than that."""
    row = await (await conn.execute(queries.overdue, {"seconds": seconds})).fetchone()
    return int(row["events"]) if row else 0


async def awaited(conn: Connection) -> int:
    """Ways in that somebody waits for and Telegram has not made."""
    row = await (await conn.execute(queries.awaited)).fetchone()
    return int(row["links"]) if row else 0
