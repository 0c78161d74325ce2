"""What coupon and upgrade take off a price is had once, however often it is paid, and by no more than there are."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from community.access.terms import revoke, set_end, terms_of
from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.engagement.coupons import NewCoupon, issue
from community.engagement.redemptions import Refusal
from community.members.people import by_id
from community.outbox.bundles import publish
from community.payments.claims import Claim, claim
from community.payments.models import Order
from community.payments.orders import NewOrder, Opened, expire, open_order
from community.payments.settle import queries, settle
from community.playbook_types import parse_money
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.pay_kit import PLANS, Till, paid, refunded
from tests.integration.rows import Edit

DAY = timedelta(days=1)
HALF = parse_money("99.50 CNY")


@pytest.fixture
async def shop(conn: Connection, bundle: Bundle, edited: Edit) -> Till:
    changed = edited(plans=PLANS, offers={}, stages={})
    await publish(conn, changed, "plans of the test")
    return Till(conn, changed)


@pytest.fixture
async def ann(member: MakeMember) -> int:
    return await member()


async def coupon(shop: Till, code: str = "SAVE", **what: Any) -> None:
    await issue(shop.conn, shop.bundle.playbook, NewCoupon(code=code, offer="test", percent=50, **what), NOON)


async def discounted(shop: Till, **what: Any) -> Order:
    return await shop.order(coupon="SAVE", **what)


# The discount of an order.


async def test_the_second_payment_at_a_discount_gives_nothing_and_a_human_looks(shop: Till, ann: int) -> None:
    await coupon(shop)
    order = await discounted(shop, member_id=ann)
    await shop.hear(paid("c1", order=order.number, amount=HALF), paid("c2", order=order.number, amount=HALF))
    second = await shop.payment("c2")
    assert (second["state"], second["why"]) == ("unmatched", "second_payment")
    assert len(await shop.terms(ann)) == 1
    assert await shop.said(ann) == ["receipt", "problem"]
    assert await shop.balance() == {"cash:ime": 19900, "revenue:month": -9950, "suspense:ime": -9950}
    await shop.hear(paid("c3", order=order.number))
    assert len(await shop.terms(ann)) == 2, "at the listed price it prolongs"
    await shop.is_true()


async def test_paid_twice_before_it_is_claimed_it_is_given_once(shop: Till, ann: int) -> None:
    await coupon(shop)
    order, who = await discounted(shop), await by_id(shop.conn, ann)
    assert who is not None
    await shop.hear(paid("c1", order=order.number, amount=HALF), paid("c2", order=order.number, amount=HALF))
    code = shop.codes[order.number]
    assert await claim(shop.conn, shop.bundle, who, order.number, code, NOON, bot_id=BOT_ID) is Claim.given
    assert len(await shop.terms(ann)) == 1
    assert [(await shop.payment(charge))["why"] for charge in ("c1", "c2")] == [None, "second_payment"]
    await shop.hear(refunded(charge="c1"))
    assert (await shop.payment("c2"))["state"] == "matched", "the discount is free again"
    assert len(await shop.terms(ann)) == 1
    assert [row["outcome"] for row in await shop.rows("SELECT outcome FROM follow_ups")] == [
        "another payment of its order was taken back"
    ]
    assert await shop.order_state(order) == "paid"
    await shop.is_true()


async def test_of_several_that_wait_one_has_the_price_that_is_free_again(shop: Till, ann: int) -> None:
    await coupon(shop)
    order = await discounted(shop, member_id=ann)
    await shop.hear(*(paid(charge, order=order.number, amount=HALF) for charge in ("c1", "c2", "c3")))
    await shop.hear(refunded(charge="c1"))
    assert [(await shop.payment(charge))["why"] for charge in ("c2", "c3")] == [None, "second_payment"]
    await shop.hear(refunded(charge="c2"))
    assert [(await shop.payment(charge))["state"] for charge in ("c2", "c3")] == ["reversed", "matched"]
    assert len(await shop.terms(ann)) == 1
    assert [row["redeemed"] for row in await shop.rows("SELECT redeemed FROM coupons")] == [1]
    await shop.is_true()


async def test_a_refund_does_not_wait_for_who_settles_the_second_payment(shop: Till, ann: int, pool: Pool) -> None:
    await coupon(shop)
    order = await discounted(shop, member_id=ann)
    await shop.hear(paid("c1", order=order.number, amount=HALF), paid("c2", order=order.number, amount=HALF))
    async with pool.connection() as other, other.transaction():
        await other.execute(queries.take_turns, {"provider": "ime", "charge": "c2"})
        async with shop.conn.transaction():
            async with asyncio.timeout(5):
                await shop.hear(refunded(charge="c1"))
            settling = asyncio.create_task(settle(other, shop.bundle, "ime", "c2", NOON, bot_id=BOT_ID))
            await asyncio.sleep(0.2)
            assert not settling.done(), "it waits for the order"
        assert (await settling).payment is not None
    assert (await shop.payment("c2"))["state"] == "matched"
    await shop.is_true()


async def test_a_subscription_renews_at_the_listed_price(shop: Till, ann: int) -> None:
    await coupon(shop)
    order = await discounted(shop, member_id=ann)
    await shop.hear(paid("c1", order=order.number, amount=HALF, subscription="s1"))
    await shop.hear(paid("c2", subscription="s1", at=NOON + 30 * DAY))
    await shop.hear(paid("c3", subscription="s1", at=NOON + 60 * DAY, amount=HALF))
    assert [(await shop.payment(charge))["why"] for charge in ("c1", "c2", "c3")] == [None, None, "second_payment"]
    assert len(await shop.terms(ann)) == 2


# How many a coupon is for.


async def test_open_orders_have_their_coupon(shop: Till, member: MakeMember) -> None:
    await coupon(shop, first_n=2)
    new = NewOrder(plan="month", currency="CNY", source="page", coupon="SAVE")
    await discounted(shop), await discounted(shop, member_id=await member())
    assert await open_order(shop.conn, shop.bundle.playbook, new, NOON) is Refusal.sold_out
    assert await expire(shop.conn, NOON + DAY) == 2
    assert isinstance(await open_order(shop.conn, shop.bundle.playbook, new, NOON + DAY), Opened)


async def test_two_at_once_do_not_order_the_last_one_twice(shop: Till, pool: Pool) -> None:
    await coupon(shop, first_n=1)
    new = NewOrder(plan="month", currency="CNY", source="page", coupon="SAVE")

    async def one_more() -> bool:
        async with pool.connection() as conn:
            return isinstance(await open_order(conn, shop.bundle.playbook, new, NOON), Opened)

    assert sorted(await asyncio.gather(*(one_more() for _ in range(5)))) == [False] * 4 + [True]


async def test_what_is_paid_and_nobodys_yet_has_its_coupon(shop: Till) -> None:
    await coupon(shop, first_n=1)
    order = await discounted(shop)
    await shop.hear(paid(order=order.number, amount=HALF))
    new = NewOrder(plan="month", currency="CNY", source="page", coupon="SAVE")
    assert await open_order(shop.conn, shop.bundle.playbook, new, NOON) is Refusal.sold_out


async def test_a_member_has_one_open_order_with_a_coupon(shop: Till, ann: int) -> None:
    await coupon(shop, first_n=1)
    first = await discounted(shop, member_id=ann)
    second = await discounted(shop, member_id=ann)
    assert [await shop.order_state(order) for order in (first, second)] == ["cancelled", "open"]
    await shop.hear(paid("c1", order=first.number, amount=HALF), paid("c2", order=second.number, amount=HALF))
    assert [(await shop.payment(charge))["why"] for charge in ("c1", "c2")] == [None, "coupon_refused"]
    assert len(await shop.terms(ann)) == 1


async def test_a_coupon_that_is_used_up_when_it_is_paid_gives_nothing(shop: Till, ann: int, member: MakeMember) -> None:
    await coupon(shop, first_n=1)
    late = await discounted(shop, member_id=ann)
    await expire(shop.conn, NOON + DAY)
    shop.later(days=1)
    soon = await discounted(shop, member_id=await member())
    await shop.hear(paid("c1", order=soon.number, amount=HALF), paid("c2", order=late.number, amount=HALF))
    second = await shop.payment("c2")
    assert (second["state"], second["why"]) == ("unmatched", "coupon_refused")
    assert await shop.terms(ann) == []
    assert [row["kind"] for row in await shop.rows("SELECT kind FROM follow_ups")] == ["payment_problem"]
    assert [row["redeemed"] for row in await shop.rows("SELECT redeemed FROM coupons")] == [1]
    await shop.hear(refunded(charge="c1"))
    await settle(shop.conn, shop.bundle, "ime", "c2", shop.at, bot_id=BOT_ID)
    assert len(await shop.terms(ann)) == 1, "there is one again"
    await shop.is_true()


# What an upgrade credits.


@pytest.mark.parametrize("what", ["revoked", "ends earlier"])
async def test_an_upgrade_of_what_is_no_more_is_looked_at(shop: Till, ann: int, what: str) -> None:
    first = await shop.order(member_id=ann)
    await shop.hear(paid("c1", order=first.number))
    [term] = await terms_of(shop.conn, ann)
    order = await shop.later(days=10).order("year", member_id=ann, upgrade_of=term.id)
    if what == "revoked":
        await revoke(shop.conn, term.id, shop.at, by="op", note="by hand")
    else:
        await set_end(shop.conn, term.id, shop.at + DAY, shop.at, by="op", note="by hand")
    await shop.hear(paid("c2", order=order.number, amount=parse_money("1555.33 CNY")))
    assert ((await shop.payment("c2"))["state"], (await shop.payment("c2"))["why"]) == ("unmatched", "wrong_amount")
    assert "year" not in [plan for plan, *_ in await shop.terms(ann)]
