"""The forecast: how much is due, how much later, and how long it takes."""

from datetime import timedelta

from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.claim import ensure_budget
from community.outbox.forecast import Forecast, forecast
from tests.integration.conftest import BOT_ID, NOON
from tests.integration.rows import put, put_many


async def test_counts_what_waits_at_the_bots_rate(conn: Connection, bundle: Bundle) -> None:
    await put_many(conn, 60)
    await put_many(conn, 7, stage="later", due_at=NOON + timedelta(hours=1))
    await put(conn, state="sent")
    await put(conn, state="sending")
    await put(conn, bot_id=BOT_ID + 1)
    await ensure_budget(conn, BOT_ID, 30)
    found = await forecast(conn, BOT_ID, NOON)
    assert found == Forecast(due=60, later=7, rate=30)
    assert found.takes == timedelta(seconds=2)


async def test_without_a_limit_or_a_queue_it_takes_no_time(conn: Connection, bundle: Bundle) -> None:
    assert (await forecast(conn, BOT_ID, NOON)) == Forecast(due=0, later=0, rate=None)
    await put(conn)
    assert (await forecast(conn, BOT_ID, NOON)).takes == timedelta()
