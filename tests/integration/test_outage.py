"""Telegram does not answer for a while: marketing is not used up, and nothing else is lost."""

import asyncio
import time

import pytest

from community.bundle import Bundle
from community.channels.channel import Outcome, Outgoing, Result
from community.channels.memory import MemoryChannel
from community.database.installation import set_virtual_now
from community.database.pool import Connection, Pool
from tests.integration.conftest import NOON
from tests.integration.rows import put_many, states
from tests.integration.test_delivery import delivering, make

OUTAGE_S = 0.6
CONNECTIONS = 8


async def settled(conn: Connection) -> dict[str, int]:
    """States once nothing waits any more; what was put off by the outage, even lately, need not wait for its time."""
    async with asyncio.timeout(20):
        while (found := await states(conn)).keys() - {"sent", "uncertain"}:
            await conn.execute("UPDATE messages SET not_before_wall = NULL WHERE state = 'waiting'")
            await conn.execute("DELETE FROM chat_paces")
            await asyncio.sleep(0.05)
    return found


@pytest.mark.parametrize(
    "trouble", [Outcome(Result.unknown, "connection_lost"), Outcome(Result.later, "not_connected")], ids=str
)
async def test_a_queue_outlives_an_outage(
    pool: Pool, conn: Connection, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, trouble: Outcome
) -> None:
    monkeypatch.setattr("community.outbox.outage.FIRST_REST_S", 0.02)
    monkeypatch.setattr("community.outbox.outage.LONGEST_REST_S", 0.1)
    await set_virtual_now(conn, NOON)
    await put_many(conn, 300, stage="campaign", promotional=True, lane=55)
    await put_many(conn, 5, stage="receipts")
    began = time.monotonic()

    def answer(outgoing: Outgoing) -> Outcome:
        return trouble if time.monotonic() < began + OUTAGE_S else Outcome(Result.sent, telegram_message_id=1)

    channel = MemoryChannel(answer)
    async with delivering(make(pool, channel, connections=CONNECTIONS)):
        await asyncio.sleep(OUTAGE_S)
        asked = len(channel.sent)
        found = await settled(conn)
    doubted = found.get("uncertain", 0)
    assert found.get("sent", 0) == 305 - doubted
    assert asked <= CONNECTIONS + 12, "what was in flight, then one at a time with ever longer rests"
    assert (doubted > 0) == (trouble.result is Result.unknown)
