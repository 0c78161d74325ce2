"""Row of payments: the service is killed again and again, and PostgreSQL once, while providers call."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import aiohttp

from community.database.embedded import temporary_postgres
from community.database.pool import Connection
from community.payments.truth import differences, uneven
from tests.benchmarks.harness import count, free_port
from tests.benchmarks.service import evenly, last_entry
from tests.benchmarks.shop import SECRET, VIP, call, paid, selling, signed
from tests.chaos.database import kept_up, kill_postgres
from tests.chaos.scene import PATIENCE_S, Scene, scene
from tests.chaos.verdict import Row, settled

PER_SECOND, KILLED_EVERY_S, RETRY_S = 10, 4.0, 1.0
LINKS = 50
"""Made ahead; the rest is made while payers wait, and comes in a second message."""


async def payments(size: int, seconds: float) -> Row:
    """Callbacks for so many seconds; whoever is not answered with 200 calls again, as providers do."""
    guards = "2-4, 8: every payer has their access, one link and their receipt; the ledger balances"
    row = Row(
        "payments", "the service is killed every few seconds, PostgreSQL once, while payers' callbacks come", guards
    )
    port = str(free_port())
    settings = {"SOP_GATEWAY_PORT": port, "SOP_IME_SECRETS": f"chaos:{SECRET}"}
    with temporary_postgres(durable=True) as own:
        async with (
            kept_up(own),
            scene(int(PER_SECOND * seconds / 2), own, bundle=selling(LINKS), group=VIP, **settings) as s,
        ):
            await _sell(s, row, settings)
    return row


async def _sell(s: Scene, row: Row, settings: dict[str, str]) -> None:
    await s.open_chats()
    await s.client.wait_idle(PATIENCE_S, bot=s.bot_id)
    async with await s.reconnect() as conn:
        await settled(conn, s.bot_id, PATIENCE_S)
    before = await last_entry(s.client)
    killing = asyncio.create_task(_kill(s, settings))
    row.figures["called again"] = await _pay(s, f"http://127.0.0.1:{settings['SOP_GATEWAY_PORT']}")
    killing.cancel()
    await asyncio.gather(killing, return_exceptions=True)
    if s.services[-1].returncode is not None:  # it was killed last, or began without PostgreSQL
        await s.serve(**settings)
    row.figures["services killed"] = len(s.services) - 1
    await _finish(s, row, before)


async def _pay(s: Scene, gateway: str) -> int:
    """Everybody pays once; how many calls had to be repeated."""
    repeated = 0

    async def pay(user: int) -> None:
        nonlocal repeated
        while not await _taken(gateway, user):
            repeated += 1
            await asyncio.sleep(RETRY_S)

    await evenly(s.users, PER_SECOND, pay)
    return repeated


async def _taken(gateway: str, user: int) -> bool:
    content = paid(user, user)
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            return await call(http, gateway, content, signed(content)) == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _kill(s: Scene, settings: dict[str, str]) -> None:
    """SIGKILL to the service, and another one in its place; the second time to PostgreSQL as well."""
    kills = 0
    while True:
        await asyncio.sleep(random.uniform(0.5, 1.5) * KILLED_EVERY_S)
        if s.services[-1].returncode is None:  # one that starts while PostgreSQL is away ends by itself
            s.services[-1].kill()
            await s.services[-1].wait()
            kills += 1
        if kills == 2:
            await kill_postgres(s)
        await (await s.reconnect()).close()
        await s.serve(**settings)


async def _finish(s: Scene, row: Row, before: int) -> None:
    healed = time.monotonic()
    async with await s.reconnect() as conn:
        row.must(await _done(conn, PATIENCE_S), "payments still wait")
        row.must(await settled(conn, s.bot_id, PATIENCE_S), f"not normal after {PATIENCE_S:.0f} s")
        row.normal_again_s = time.monotonic() - healed
        await _judge(s, row, conn)
    told: dict[int, int] = {}
    while page := await s.client.journal(after=before, method="sendMessage", limit=5_000):
        before = page[-1]["number"]
        for each in page:
            if each["error"] is None:
                told[int(each["chat_id"])] = told.get(int(each["chat_id"]), 0) + 1
    row.none("payers without a message", sum(user not in told for user in s.users))
    row.figures["payers with more than one message"] = sum(number > 1 for number in told.values())


async def _done(conn: Connection, within_s: float) -> bool:
    until = time.monotonic() + within_s
    waits = (
        "SELECT (SELECT count(*) FROM provider_events WHERE state = 'pending')"
        " + (SELECT count(*) FROM entry_links WHERE given_at IS NOT NULL AND invite_link IS NULL) AS n"
    )
    while await count(conn, waits):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.2)
    return True


async def _judge(s: Scene, row: Row, conn: Connection) -> None:
    payers = len(s.users)
    per_payer = "SELECT count(*) FROM (SELECT member_id FROM {} GROUP BY member_id HAVING count(*) = 1) AS t"
    receipts = "messages WHERE stage = 'payment' AND step = 'receipt' AND state IN ('sent', 'uncertain')"
    row.none("events lost", payers - await count(conn, "SELECT count(*) FROM provider_events WHERE state = 'handled'"))
    row.none("payers without one term", payers - await count(conn, per_payer.format("terms")))
    links = "entry_links WHERE member_id IS NOT NULL AND invite_link IS NOT NULL"
    row.none("payers without one link", payers - await count(conn, per_payer.format(links)))
    row.none("payers without one receipt", payers - await count(conn, per_payer.format(receipts)))
    row.none("payments that differ from the ledger", len(await differences(conn)) + len(await uneven(conn)))


ROWS: dict[str, Callable[[int, float], Awaitable[Row]]] = {"payments": payments}
