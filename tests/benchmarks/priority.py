"""Row `priority`: a payment's message arrives within a second although 10,000 promotional ones wait.

The sandbox enforces Telegram's limits at 60 ms latency, one process delivers 30 messages a second. Payment messages are
put in one at a time at random moments, for a minute; each waits from its commit to its arrival. The reference is what
the next promotional message waits that is put in at the same moments, if it had to queue behind the rest: the queue's
length at the bot's rate.
"""

import asyncio
import os
import random
import statistics
import time

from community.database.pool import Connection, connect
from community.sandbox.client import SandboxClient
from tests.benchmarks.deliverer import Deliverer
from tests.benchmarks.harness import BOT_ID, NOON, Row, database, install, open_chats, sandbox

RATE = 30
QUEUE, PAYMENTS, SECONDS = 10_000, 200, 60
LATENCY_MS = 60
CONNECTIONS = 32
FIRST_USER = 1_000_000
FIRST_PAYER = FIRST_USER + QUEUE
CAMPAIGN, PAYMENT = 55, 15
"""Lanes of the message classes."""


async def run() -> Row:
    """Deliver the queue, and put payments in."""
    with database() as url:
        async with sandbox("--journal-limit", "20000") as api, SandboxClient(api) as client:
            await open_chats(api, FIRST_USER, QUEUE + PAYMENTS)
            await client.set_limits(True)
            await client.set_latency(LATENCY_MS)
            async with await connect(url) as conn:
                await _fill(url, conn)
                put_in = await _deliver_and_pay(url, api, conn)
            arrived = await _arrived(client)
            too_many = (await client.meter())["too_many"]
    waits = sorted(arrived[chat] - moment for chat, moment in put_in.items() if chat in arrived)
    lost = PAYMENTS - len(waits)
    p99 = statistics.quantiles(waits, n=100)[98]
    figure = {"p50": statistics.median(waits) * 1e3, "p99": p99 * 1e3}
    details: dict[str, float | int | str] = {"lost": lost, "429": too_many, "load average": f"{os.getloadavg()[0]:.1f}"}
    reference = {"behind the queue, ms": QUEUE / RATE * 1e3}
    passed = p99 < 1 and not lost and not too_many
    return Row("priority", figure, "ms", reference, p99 * RATE / QUEUE, "p99 < 1 s", passed, details)


async def _fill(url: str, conn: Connection) -> None:
    bundle = await install(url, rate=RATE)
    await _put(conn, bundle.hash, FIRST_USER, QUEUE, lane=CAMPAIGN, promotional=True)
    await conn.execute("VACUUM ANALYZE messages")


async def _put(conn: Connection, bundle: str, first: int, count: int, *, lane: int, promotional: bool) -> None:
    """Messages due now, each to a chat of its own."""
    await conn.execute(
        "INSERT INTO messages (bot_id, chat_id, lane, stage, step, occurrence, promotional, template, bundle,"
        " planned_at, due_at) SELECT %s, %s + i, %s, 'welcome_drip', 'day_1', (%s + i)::text, %s,"
        " 'welcome_drip/day_1', %s, %s, %s FROM generate_series(0, %s) AS i",
        [BOT_ID, first, lane, first, promotional, bundle, NOON, NOON, count - 1],
    )


async def _deliver_and_pay(url: str, api: str, conn: Connection) -> dict[int, float]:
    """Chat → monotonic second at which its payment was committed."""
    deliverer = Deliverer(url, api, "priority", CONNECTIONS)
    await deliverer.ready()
    deliverer.go()
    await asyncio.sleep(2)
    row = await (await conn.execute("SELECT hash FROM bundles LIMIT 1")).fetchone()
    assert row
    begin, put_in = time.monotonic(), {}
    for number, moment in enumerate(sorted(random.uniform(0, SECONDS) for _ in range(PAYMENTS))):
        await asyncio.sleep(max(0.0, begin + moment - time.monotonic()))
        await _put(conn, row["hash"], FIRST_PAYER + number, 1, lane=PAYMENT, promotional=False)
        put_in[FIRST_PAYER + number] = time.monotonic()
    await asyncio.sleep(3)
    await deliverer.stop()
    return put_in


async def _arrived(client: SandboxClient) -> dict[int, float]:
    arrived: dict[int, float] = {}
    seen = 0
    while page := await client.journal(after=seen, method="sendMessage", bot_id=BOT_ID, limit=5_000):
        seen = page[-1]["number"]
        arrived |= {int(call["chat_id"]): call["arrived"] for call in page if call["error"] is None}
    return arrived
