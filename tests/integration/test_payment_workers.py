"""What was stored is settled at once, in several workers, through lost wake-ups and restarts."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from community.database.installation import claim, set_virtual_now
from community.database.pool import Connection, Pool
from community.database.wakeup import ENTRIES, OUTBOX, PAYMENTS, Wakeup
from community.outbox.bundles import Bundles, publish
from community.payments import workers as module
from community.payments.events import StoredEvent, store
from community.payments.workers import PaymentWorkers
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.pay_kit import PLANS, Till, paid
from tests.integration.rows import Edit


@pytest.fixture
async def shop(conn: Connection, edited: Edit) -> Till:
    """A shop whose plans open no chats; SOP time stands."""
    plans = {name: {**plan, "chats": [], "library": []} for name, plan in PLANS.items()}
    till = Till(conn, edited(plans=plans, offers={}, stages={}))
    await publish(conn, till.bundle, "test")
    await claim(conn, BOT_ID, "sandbox")
    await set_virtual_now(conn, NOON)
    return till


@asynccontextmanager
async def working(pool: Pool, wakeup: Wakeup) -> AsyncIterator[None]:
    task = asyncio.create_task(PaymentWorkers(pool, Bundles(), wakeup, BOT_ID).run())
    await asyncio.sleep(0.1)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def said(shop: Till, member_id: int, charge: str) -> None:
    """The provider says that the member's new order was paid."""
    order = await shop.order(member_id=member_id)
    await store(shop.conn, [StoredEvent("ime", paid(charge, order=order.number), "{}")])


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> float:
    """How long it took until the condition held."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)
    return time.monotonic() - began


async def handled(shop: Till, number: int) -> bool:
    return len(await shop.rows("SELECT FROM provider_events WHERE state = 'handled'")) == number


async def test_rung_for_it_is_settled_at_once_and_the_receipt_goes_out(
    shop: Till, pool: Pool, member: MakeMember, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_S", 60.0)
    ann, wakeup = await member(), Wakeup(database_url)
    async with working(pool, wakeup):
        await said(shop, ann, "c1")
        wakeup.ring(PAYMENTS)
        assert await until(lambda: handled(shop, 1)) < 1
    assert await shop.said(ann) == ["receipt"]
    assert wakeup.event(OUTBOX).is_set()
    assert wakeup.event(ENTRIES).is_set()


async def test_without_a_ring_the_poll_finds_it(shop: Till, pool: Pool, member: MakeMember, database_url: str) -> None:
    ann = await member()
    async with working(pool, Wakeup(database_url)):
        await said(shop, ann, "c1")
        assert await until(lambda: handled(shop, 1)) < 3


async def test_one_payment_that_waits_holds_up_no_other(
    shop: Till, pool: Pool, member: MakeMember, database_url: str
) -> None:
    ann, ben = await member(), await member()
    wakeup = Wakeup(database_url)
    await said(shop, ann, "held")
    for number in range(5):
        await said(shop, ben, f"c{number}")
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('payment:ime:held', 0))"
    async with pool.connection() as holder:
        async with holder.transaction():
            await holder.execute(lock)
            async with working(pool, wakeup):
                await until(lambda: handled(shop, 5))
        async with working(pool, wakeup):
            await until(lambda: handled(shop, 6))
    assert len(await shop.terms(ben)) == 5
    assert len(await shop.terms(ann)) == 1
    await shop.is_true()


async def test_killed_in_the_middle_nothing_is_lost_and_nothing_given_twice(
    shop: Till, pool: Pool, member: MakeMember, database_url: str
) -> None:
    members = [await member() for _ in range(4)]
    wakeup = Wakeup(database_url)
    for number in range(40):
        await said(shop, members[number % 4], f"c{number}")
    for rest in (0.0, 0.02, 0.05):
        async with working(pool, wakeup):
            await asyncio.sleep(rest)
    async with working(pool, wakeup):
        await until(lambda: handled(shop, 40), 30)
    assert [len(await shop.terms(each)) for each in members] == [10] * 4
    receipts = await shop.rows("SELECT FROM messages WHERE stage = 'payment' AND step = 'receipt'")
    assert len(receipts) == 40
    await shop.is_true()
