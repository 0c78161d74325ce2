"""Live sessions for tests: a community that sells a pack, a session of Saturday evening, what it became."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import sql

from community.activity.record import reach
from community.bundle import Bundle
from community.database.pool import Connection
from community.live.ladder import STAGE
from community.live.models import Live
from community.live.requests import new_live
from community.live.sessions import add
from community.outbox.bundles import publish
from community.outreach.plan import PlanResult, plan
from tests.integration.conftest import BOT_ID

HOUR = timedelta(hours=1)
ADDED = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
"""Wednesday noon in Shanghai."""
START = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
"""Saturday, 20:00 in Shanghai."""
END = START + 1.5 * HOUR
CLOSE = END + 48 * HOUR
PACK = {"title": {"en": "Freight pack", "zh-Hans": "物流包", "zh-Hant": "物流包"}, "line": "pack", "price": "29.90 USD"}


@pytest.fixture
async def selling(conn: Connection, bundle: Bundle) -> Bundle:
    """The shipped playbook with a pack to sell and no caps, in force."""
    source = {**bundle.source, "plans": {"pack": PACK}, "caps": {"per_day": 15, "per_week": 100}}
    published = Bundle(source, bundle.copy)
    await publish(conn, published, "test")
    return published


async def add_live(
    conn: Connection, bundle: Bundle, *, at: datetime = ADDED, offered: dict[str, Any] | None = None, **values: Any
) -> Live:
    """A session with a pack at 19.90, 50 of them; `offered={}`: nothing is sold."""
    pack = {"plan": "pack", "price": "19.90 USD", "first_n": 50} if offered is None else offered
    shape = {"title": "Freight", "speaker": "Mei", "url": "https://live.example/1", "starts_at": START, "ends_at": END}
    return await add(conn, bundle.playbook, new_live({**shape, **values}, pack), at)


async def plan_at(conn: Connection, bundle: Bundle, at: datetime, **options: Any) -> PlanResult:
    """Plan the stage."""
    return await plan(conn, bundle, STAGE, at, bot_id=BOT_ID, **options)


async def got(conn: Connection, *states: str) -> list[tuple[int, str, str]]:
    """Member, step, occurrence of the stage's messages, in these states if given."""
    query = (
        "SELECT member_id, step, occurrence FROM messages"
        " WHERE stage = %(stage)s AND (%(any)s OR state = ANY (%(states)s)) ORDER BY wanted_at, member_id, step"
    )
    values = {"stage": STAGE, "any": not states, "states": list(states)}
    rows = await (await conn.execute(query, values)).fetchall()
    return [(row["member_id"], row["step"], row["occurrence"]) for row in rows]


async def dropped(conn: Connection) -> dict[str, int]:
    """Reason → messages that were cancelled for it."""
    rows = await conn.execute("SELECT reason, count(*) AS n FROM messages WHERE state = 'cancelled' GROUP BY reason")
    return {row["reason"]: row["n"] for row in await rows.fetchall()}


async def deliver(conn: Connection, at: datetime) -> None:
    """All that waits is sent."""
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = %s WHERE state = 'waiting'", [at])


async def buy(conn: Connection, member_id: int, at: datetime) -> None:
    """The member reaches what buying the pack reaches."""
    await reach(conn, member_id, ["purchase", "purchase:pack"], at)


async def row_of(conn: Connection, table: str, **key: Any) -> dict[str, Any]:
    """The one row of a table with that key."""
    ((name, value),) = key.items()
    query = sql.SQL("SELECT * FROM {} WHERE {} = %s").format(sql.Identifier(table), sql.Identifier(name))
    rows = await (await conn.execute(query, [value])).fetchall()
    assert len(rows) == 1, rows
    return rows[0]
