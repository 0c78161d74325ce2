"""Whose a payment is: nobody's money is left lying, whoever is faster."""

import asyncio

import pytest

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.members.models import Member
from community.members.people import by_id
from community.outbox.bundles import publish
from community.payments.claims import Claim, claim, claim_left
from community.payments.events import StoredEvent, store
from community.payments.models import Order
from community.payments.work import drain, work
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.pay_kit import PLANS, Till, paid
from tests.integration.rows import Edit
from tests.integration.telegram_kit import ANN, Desk, desk, private

__all__ = ["desk"]


@pytest.fixture
async def shop(conn: Connection, bundle: Bundle, edited: Edit) -> Till:
    changed = edited(plans=PLANS, offers={}, stages={})
    await publish(conn, changed, "plans of the test")
    return Till(conn, changed)


@pytest.fixture
async def ann(conn: Connection, member: MakeMember) -> Member:
    found = await by_id(conn, await member())
    assert found is not None
    return found


async def say(shop: Till, who: Member, order: Order) -> Claim:
    code = shop.codes[order.number]
    return await claim(shop.conn, shop.bundle, who, order.number, code, NOON, bot_id=BOT_ID)


async def test_a_claim_waits_for_a_settlement_that_is_under_way(shop: Till, ann: Member, pool: Pool) -> None:
    order = await shop.order()
    await store(shop.conn, [StoredEvent("ime", paid(order=order.number), "")])
    async with pool.connection() as conn:
        async with conn.transaction():
            await work(conn, shop.bundle, NOON, bot_id=BOT_ID)
            claiming = asyncio.create_task(say(shop, ann, order))
            await asyncio.sleep(0.2)
            assert not claiming.done()
        assert await claiming is Claim.given
    assert len(await shop.terms(ann.id)) == 1
    await shop.is_true()


async def test_a_settlement_waits_for_a_claim_that_is_under_way(shop: Till, ann: Member, pool: Pool) -> None:
    order = await shop.order()
    await store(shop.conn, [StoredEvent("ime", paid(order=order.number), "")])
    async with pool.connection() as conn:
        async with shop.conn.transaction():
            assert await say(shop, ann, order) is Claim.noted
            settling = asyncio.create_task(drain(conn, shop.bundle, NOON, bot_id=BOT_ID))
            await asyncio.sleep(0.2)
            assert not settling.done()
        await settling
    assert len(await shop.terms(ann.id)) == 1


async def test_what_was_left_lying_of_an_order_that_is_somebodys_is_settled(shop: Till, ann: Member) -> None:
    first, second = await shop.order(), await shop.order()
    await shop.hear(paid("c1", order=first.number), paid("c2", order=second.number))
    await shop.conn.execute("UPDATE orders SET member_id = %s", [ann.id])
    assert await say(shop, ann, first) is Claim.given
    assert await say(shop, ann, first) is Claim.theirs
    assert await claim_left(shop.conn, shop.bundle, NOON, bot_id=BOT_ID) == 1, "the sweep finds the other"
    assert await claim_left(shop.conn, shop.bundle, NOON, bot_id=BOT_ID) == 0
    assert len(await shop.terms(ann.id)) == 2
    await shop.is_true()


async def test_the_sweep_finds_who_has_come_since_they_paid(shop: Till, member: MakeMember) -> None:
    await shop.hear(paid(plan="month", payer=777))
    assert await claim_left(shop.conn, shop.bundle, NOON, bot_id=BOT_ID) == 0
    ben = await member(telegram_id=777)
    assert await claim_left(shop.conn, shop.bundle, NOON, bot_id=BOT_ID) == 1
    assert len(await shop.terms(ben)) == 1


async def test_who_starts_the_bot_has_what_their_account_has_paid(desk: Desk, bundle: Bundle) -> None:
    till = Till(desk.conn, bundle)
    await till.hear(paid(plan="month", payer=ANN))
    await desk.take(private("/start"))
    who = (await desk.member())["id"]
    assert len(await till.terms(who)) == 1
    assert await till.said(who) == ["receipt"]


async def test_what_nobody_can_claim_is_told_to_staff_once(shop: Till) -> None:
    order = await shop.order()
    await shop.hear(paid("c1", order=order.number))
    assert await shop.rows("SELECT FROM alerts") == [], "its payer has a code"
    await shop.hear(paid("c2", plan="month"), paid("c2", plan="month"))
    assert await shop.rows("SELECT subject, times FROM alerts") == [
        {"subject": "payment:payment_problem:unclaimed", "times": 1}
    ]
