"""Payments: from what a provider says to ledger, access, ways in and one receipt; and back."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from community.access.entry_links import fill, set_address, to_close, to_make, used
from community.access.grant import grant
from community.access.terms import revoke, terms_of
from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.database.queries import Queries
from community.engagement.coupons import NewCoupon, issue
from community.engagement.redemptions import Refusal
from community.errors import OrderRefused
from community.members.models import Member
from community.members.people import by_id
from community.outbox.bundles import Bundles, publish
from community.outbox.compose import Composer
from community.payments import settle as settling, truth
from community.payments.claims import Claim, claim, claim_of_payer, place
from community.payments.entry import made
from community.payments.events import StoredEvent, store
from community.payments.invoices import InvoiceWanted, finish_invoice, request_invoice
from community.payments.listing import payment_named
from community.payments.notice import Kind
from community.payments.numbers import shown
from community.payments.orders import NewOrder, expire, find, open_order
from community.payments.refunds import ask, decide, order_refund, refundable
from community.payments.settle import settle
from community.payments.truth import differences, uneven
from community.payments.work import MOST_ATTEMPTS, drain, pending, retry_failed, work
from community.playbook_types import parse_money
from community.privacy.personal import CORE, erase, export
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.pay_kit import PLANS, Till, addresses, group, paid, ready, refunded, said
from tests.integration.rows import Edit, one

DAY = timedelta(days=1)
PRIVACY = Queries(CORE / "payments" / "privacy.sql")


@pytest.fixture
async def shop(conn: Connection, bundle: Bundle, edited: Edit) -> Till:
    changed = edited(plans=PLANS, offers={}, stages={})
    await publish(conn, changed, "plans of the test")
    return Till(conn, changed)


@pytest.fixture
async def vip(conn: Connection, shop: Till) -> int:
    """The group VIP, with two links that wait."""
    number = await group(conn, "VIP", -1002)
    await ready(conn, number, 2)
    return number


@pytest.fixture
async def ann(member: MakeMember) -> int:
    """A member of the group Club."""
    return await member()


async def person(shop: Till, member_id: int) -> Member:
    found = await by_id(shop.conn, member_id)
    assert found is not None
    return found


# Orders.


async def test_an_order_is_found_by_its_number_however_typed(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann, variant="B")
    assert (order.amount_minor, order.list_minor, order.currency, order.state) == (19900, 19900, "CNY", "open")
    assert order.expires_at == NOON + DAY
    for typed in (order.number, shown(order.number).lower(), f" {order.number[:3]} {order.number[3:]}"):
        found = await find(shop.conn, typed)
        assert found is not None
        assert found.id == order.id
    assert await find(shop.conn, "nonsense") is None


async def test_a_coupon_lowers_the_price_and_is_used_when_it_is_paid(shop: Till, ann: int) -> None:
    await issue(shop.conn, shop.bundle.playbook, NewCoupon(code="SAVE", offer="test", percent=50, first_n=3), NOON)
    order = await shop.order(member_id=ann, coupon="SAVE")
    assert (order.amount_minor, order.list_minor) == (9950, 19900)
    await shop.hear(paid(order=order.number, amount=parse_money("99.50 CNY")))
    assert [row["redeemed"] for row in await shop.rows("SELECT redeemed FROM coupons")] == [1]
    await shop.hear(refunded())
    assert [row["redeemed"] for row in await shop.rows("SELECT redeemed FROM coupons")] == [0]


async def test_a_coupons_price_holds_after_its_window(shop: Till, ann: int) -> None:
    new = NewCoupon(code="SAVE", offer="test", percent=50, valid_until=NOON + timedelta(minutes=1))
    await issue(shop.conn, shop.bundle.playbook, new, NOON)
    order = await shop.order(member_id=ann, coupon="SAVE")
    await shop.later(hours=1).hear(paid(order=order.number, amount=parse_money("99.50 CNY")))
    assert len(await shop.terms(ann)) == 1
    assert len(await shop.rows("SELECT 1 FROM redemptions")) == 1


async def test_what_cannot_be_ordered_is_refused(shop: Till, ann: int) -> None:
    async def refuse(plan: str, currency: str, match: str, **what: Any) -> None:
        with pytest.raises(OrderRefused, match=match):
            await shop.order(plan, currency, member_id=ann, **what)

    await refuse("decade", "CNY", "not on sale; on sale: month")
    await refuse("year", "XTR", "it is in CNY")
    await refuse("year", "CNY", "not of the member", upgrade_of=99)
    new = NewOrder(plan="month", currency="CNY", source="page", coupon="NOPE")
    assert await open_order(shop.conn, shop.bundle.playbook, new, NOON) is Refusal.unknown
    await grant(shop.conn, shop.bundle.playbook, ann, "life", NOON, source="staff", by="op")
    await refuse("month", "CNY", "for life")


async def test_an_order_expires_and_is_honoured_all_the_same(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    assert await expire(shop.conn, NOON + DAY - timedelta(seconds=1)) == 0
    assert await expire(shop.conn, NOON + DAY) == 1
    assert await shop.order_state(order) == "expired"
    await shop.later(days=2).hear(paid(order=order.number))
    assert await shop.order_state(order) == "paid"
    assert len(await shop.terms(ann)) == 1


# Paid.


async def test_who_pays_has_everything_at_once(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order(member_id=ann)
    assert await shop.hear(paid(order=order.number)) == 1
    assert await shop.terms(ann) == [("month", NOON, NOON + 30 * DAY)]
    assert await shop.said(ann) == ["receipt"]
    context = await shop.context("receipt")
    assert addresses(context) == ["https://t.me/+2x1"]
    assert context["inside"] == ["Club"]
    assert (context["order"], context["amount"], context["plan"]) == (shown(order.number), "199.00 CNY", "month")
    assert (context["until"], context["starts"]) == ((NOON + 30 * DAY).isoformat(), None)
    assert context["library"] == ["eu_market_rules"]
    assert await shop.balance() == {"cash:ime": 19900, "revenue:month": -19900}
    assert await shop.order_state(order) == "paid"
    assert [row["kind"] for row in await shop.rows("SELECT kind FROM milestones WHERE kind LIKE 'purchase:%%'")] == [
        "purchase:month"
    ]
    assert [row["stage"] for row in await shop.rows("SELECT stage FROM stage_triggers")] == ["payment_access"]
    [link] = await shop.links("given_at IS NOT NULL")
    assert (link["member_id"], link["order_id"], link["group_id"]) == (ann, order.id, vip)
    await shop.is_true()


async def test_the_receipt_shows_it_all_with_ways_in_as_buttons(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    composer = Composer(Bundles(), bot_id=BOT_ID, username="bot", links_url="https://x.example", link_secret="s")
    [row] = await shop.rows(
        "SELECT m.*, v.first_name, v.last_name, v.username, 'en' AS locale, v.zone, v.group_title"
        " FROM messages m JOIN v_members v ON v.id = m.member_id WHERE stage = 'payment'"
    )
    receipt = await composer.render(shop.conn, shop.bundle, row)
    assert [button.url for line in receipt.buttons for button in line if button.url] == ["https://t.me/+2x1"]
    assert receipt.text is not None
    for words in (
        "Month: 199.00 CNY",
        "until 3 Apr, 12:00",
        shown(order.number),
        "You are in Club already",
        "/l/eu_market",
    ):
        assert words in receipt.text


async def test_the_same_event_again_changes_nothing(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order(member_id=ann)
    event = paid(order=order.number)
    assert await shop.hear(event) == 1
    assert await shop.hear(event, event) == 0
    await shop.hear(paid(order=order.number))
    await settle(shop.conn, shop.bundle, "ime", "c1", NOON, bot_id=BOT_ID)
    assert len(await shop.terms(ann)) == 1
    assert await shop.said(ann) == ["receipt"]
    assert await shop.booked() == ["payment"]
    assert len(await shop.links("given_at IS NOT NULL")) == 1


async def test_sold_without_an_order_of_ours(shop: Till, ann: int) -> None:
    telegram_id = (await person(shop, ann)).telegram_id
    await shop.hear(paid(plan="month", payer=telegram_id, amount=parse_money("1500 XTR")))
    assert len(await shop.terms(ann)) == 1
    assert (await shop.context("receipt"))["order"] is None
    await shop.is_true()


async def test_the_second_payment_of_an_order_prolongs(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number), paid("c2", order=order.number))
    assert await shop.terms(ann) == [
        ("month", NOON, NOON + 30 * DAY),
        ("month", NOON + 30 * DAY, NOON + 60 * DAY),
    ]
    assert await shop.said(ann) == ["receipt", "receipt"]
    starts = await shop.rows("SELECT context ->> 'starts' AS starts FROM messages WHERE step = 'receipt' ORDER BY id")
    assert [row["starts"] for row in starts] == [None, (NOON + 30 * DAY).isoformat()]
    await shop.hear(refunded(charge="c1"))
    assert await shop.terms(ann) == [("month", NOON, NOON + 30 * DAY)]
    assert await shop.order_state(order) == "paid"
    await shop.is_true()


async def test_a_bundle_grants_what_it_includes_and_takes_it_back(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order("all", member_id=ann)
    await shop.hear(paid(order=order.number, amount=parse_money("2000 CNY")))
    assert [plan for plan, *_ in await shop.terms(ann)] == ["all", "pack"]
    assert (await shop.context("receipt"))["includes"] == ["pack"]
    assert len(await shop.links("given_at IS NOT NULL")) == 1
    await shop.is_true()
    await shop.hear(refunded())
    assert await shop.terms(ann) == []
    await shop.is_true()


async def test_a_subscription_goes_on_and_ends(shop: Till, ann: int) -> None:
    until = NOON + 31 * DAY
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number, subscription="s1", period_ends_at=until))
    assert [ends for *_, ends in await shop.terms(ann)] == [until]
    shop.later(days=31)
    await shop.hear(paid("c2", subscription="s1", period_ends_at=until + 30 * DAY, at=shop.at))
    assert [ends for *_, ends in await shop.terms(ann)] == [until, until + 30 * DAY]
    await shop.hear(said(Kind.subscription_ended, None, subscription="s1", at=shop.at + DAY))
    assert [term.renews for term in await terms_of(shop.conn, ann)] == [False, False]
    await shop.is_true()


async def test_that_a_subscription_ends_may_be_said_before_it_is_paid(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(said(Kind.subscription_ended, None, subscription="s1", at=NOON + DAY))
    await shop.hear(paid(order=order.number, subscription="s1"))
    assert [term.renews for term in await terms_of(shop.conn, ann)] == [False]


async def test_a_later_payment_of_a_subscription_may_come_before_its_first(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid("c2", subscription="s1", at=NOON + 30 * DAY))
    assert (await shop.payment("c2"))["why"] == "unknown_plan"
    await shop.hear(paid("c1", order=order.number, subscription="s1"))
    assert [plan for plan, *_ in await shop.terms(ann)] == ["month", "month"]
    await shop.is_true()


# What does not fit.


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"amount": "198 CNY"}, "wrong_amount"),
        ({"amount": "199 USD"}, "wrong_currency"),
        ({"order": "2222-2222"}, "unknown_order"),
        ({"order": None, "plan": "decade"}, "unknown_plan"),
        ({"order": None}, "unknown_plan"),
    ],
)
async def test_what_does_not_fit_gives_nothing_and_is_seen_to(
    shop: Till, ann: int, what: dict[str, Any], why: str
) -> None:
    order = await shop.order(member_id=ann)
    telegram_id = (await person(shop, ann)).telegram_id
    what = what | ({"amount": parse_money(what["amount"])} if "amount" in what else {})
    await shop.hear(paid(**{"order": order.number, "payer": telegram_id, **what}))
    payment = await shop.payment()
    assert (payment["state"], payment["why"]) == ("unmatched", why)
    assert await shop.terms(ann) == []
    assert await shop.said(ann) == ["problem"]
    assert await shop.balance() == {"cash:ime": payment["paid_minor"], "suspense:ime": -payment["paid_minor"]}
    assert [row["kind"] for row in await shop.rows("SELECT kind FROM follow_ups")] == ["payment_problem"]
    assert len(await shop.rows("SELECT 1 FROM alerts")) == 1
    await settle(shop.conn, shop.bundle, "ime", "c1", NOON, bot_id=BOT_ID)
    assert await shop.said(ann) == ["problem"]
    assert [row["times"] for row in await shop.rows("SELECT times FROM alerts")] == [1]
    await shop.is_true()
    await shop.hear(refunded(payment["paid_minor"], amount=None))
    assert (await shop.payment())["state"] == "reversed"
    assert await shop.balance() == {}


async def test_staff_say_what_a_payment_is_for(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number, amount=parse_money("198 CNY")))
    settled = await place(shop.conn, shop.bundle, "ime", "c1", ann, "month", NOON, by="op", bot_id=BOT_ID)
    assert settled.booked == ("placed",)
    assert await shop.said(ann) == ["problem", "receipt"]
    assert await shop.balance() == {"cash:ime": 19800, "revenue:month": -19800}
    assert await shop.order_state(order) == "paid"
    with pytest.raises(OrderRefused, match="sop payments move"):
        await place(shop.conn, shop.bundle, "ime", "c1", ann, "month", NOON, by="op", bot_id=BOT_ID)
    await shop.is_true()


async def test_who_is_covered_for_life_is_not_sold_more(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    await grant(shop.conn, shop.bundle.playbook, ann, "life", NOON, source="staff", by="op")
    await shop.hear(paid(order=order.number))
    assert (await shop.payment())["why"] == "for_life"
    assert [plan for plan, *_ in await shop.terms(ann)] == ["life"]


# Whose it is.


async def test_a_payment_of_nobody_is_claimed_with_the_code(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order()
    await shop.hear(paid(order=order.number))
    assert (await shop.payment())["state"] == "unclaimed"
    assert await shop.order_state(order) == "paid"
    assert await shop.balance() == {"cash:ime": 19900, "suspense:ime": -19900}
    who, code = await person(shop, ann), shop.codes[order.number]

    async def say(number: str, typed: str) -> Claim:
        return await claim(shop.conn, shop.bundle, who, number, typed, NOON, bot_id=BOT_ID)

    assert await say(order.number, "WRONG") is Claim.refused
    assert await say("2222-2222", code) is Claim.refused
    assert await say(shown(order.number), code.lower()) is Claim.given
    assert await say(order.number, code) is Claim.theirs
    assert await shop.balance() == {"cash:ime": 19900, "revenue:month": -19900}
    assert await shop.booked() == ["payment", "placed"]
    assert await shop.said(ann) == ["receipt"]
    await shop.is_true()


async def test_who_guesses_codes_is_shut_out(shop: Till, ann: int) -> None:
    order, who = await shop.order(), await person(shop, ann)
    for _ in range(10):
        await claim(shop.conn, shop.bundle, who, order.number, "GUESS", NOON, bot_id=BOT_ID)
    code = shop.codes[order.number]
    assert await claim(shop.conn, shop.bundle, who, order.number, code, NOON, bot_id=BOT_ID) is Claim.refused


async def test_a_right_code_for_anothers_order_is_a_task_for_staff(shop: Till, ann: int, member: MakeMember) -> None:
    order, ben = await shop.order(member_id=ann), await person(shop, await member())
    await shop.hear(paid(order=order.number))
    code = shop.codes[order.number]
    said = [
        await claim(shop.conn, shop.bundle, ben, order.number, typed, NOON, bot_id=BOT_ID)
        for typed in ("X", code, code)
    ]
    assert said == [Claim.refused, Claim.contested, Claim.refused], "one task"
    rows = await (await shop.conn.execute("SELECT member_id, kind, note FROM follow_ups")).fetchall()
    assert [(row["member_id"], row["kind"]) for row in rows] == [(ben.id, "payment_problem")]
    assert f"paid as member {ann}, claimed by {ben.id}" in rows[0]["note"]
    assert len(await shop.terms(ann)) == 1
    assert await shop.terms(ben.id) == []


async def test_an_order_that_is_claimed_before_it_is_paid(shop: Till, ann: int) -> None:
    order, who = await shop.order(), await person(shop, ann)
    code = shop.codes[order.number]
    assert await claim(shop.conn, shop.bundle, who, order.number, code, NOON, bot_id=BOT_ID) is Claim.noted
    await shop.hear(paid(order=order.number))
    assert len(await shop.terms(ann)) == 1


async def test_a_payers_account_says_whose_it_is(shop: Till, member: MakeMember) -> None:
    await shop.hear(paid(plan="month", payer=777))
    assert (await shop.payment())["state"] == "unclaimed"
    ben = await member(telegram_id=777)
    assert await claim_of_payer(shop.conn, shop.bundle, await person(shop, ben), NOON, bot_id=BOT_ID) == 1
    assert len(await shop.terms(ben)) == 1


# Refunds and disputes.


async def test_a_refund_takes_everything_back(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    await shop.later(days=3).hear(refunded())
    assert await shop.terms(ann) == []
    assert await shop.said(ann) == ["refunded"], "the receipt had not gone out yet"
    assert (await shop.context("refunded")) | {"plan": 0} == {
        "plan": 0,
        "order": shown(order.number),
        "amount": "199.00 CNY",
        "refunded": "199.00 CNY",
        "ended": True,
        "stays": False,
        "stopped": False,
    }
    assert await shop.balance() == {"refunds:month": 19900, "revenue:month": -19900}
    assert await shop.booked() == ["payment", "refund"]
    assert await shop.order_state(order) == "refunded"
    [link] = await shop.links("given_at IS NOT NULL")
    assert link["revoked_at"] == shop.at
    assert [each.id for each in await to_close(shop.conn, 10)] == [link["id"]]
    await shop.is_true()


async def test_a_partial_refund_leaves_access(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    for event in (paid(order=order.number), refunded(5000), refunded(8000)):
        await shop.hear(event)
    assert len(await shop.terms(ann)) == 1
    assert await shop.said(ann) == ["receipt", "refunded", "refunded"]
    assert await shop.balance() == {"cash:ime": 11900, "refunds:month": 8000, "revenue:month": -19900}
    assert await shop.order_state(order) == "paid"
    await shop.is_true()
    await shop.hear(refunded(19900))
    assert await shop.terms(ann) == []
    assert await shop.booked() == ["payment", "refund", "refund", "refund"]


async def test_a_refund_that_comes_before_the_payment_gives_nothing(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(refunded())
    assert (await shop.payment())["state"] == "received"
    assert await shop.booked() == []
    await shop.hear(paid(order=order.number))
    assert (await shop.payment())["state"] == "reversed"
    assert await terms_of(shop.conn, ann) == []
    assert await shop.said(ann) == ["refunded"]
    context = await shop.context("refunded")
    assert (context["ended"], context["stays"]) == (False, False), "it gave nothing"
    assert await shop.links("given_at IS NOT NULL") == []
    assert await shop.balance() == {"refunds:month": 19900, "revenue:month": -19900}
    await shop.is_true()


async def test_what_was_taken_back_is_given_again_when_the_refund_fails(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    payment = await payment_named(shop.conn, "ime:c1")
    request = await ask(shop.conn, shop.bundle.playbook, order, payment, NOON)
    await decide(shop.conn, request.request.id, NOON, approve=True, by="op")
    await shop.hear(refunded(at=NOON + DAY))
    assert await shop.terms(ann) == []
    failed = said(Kind.refund_failed, event_id="re_1:failed", at=NOON + 2 * DAY, amount=parse_money("199 CNY"))
    assert await shop.hear(failed, failed) == 1
    assert len(await shop.terms(ann)) == 1
    assert await shop.balance() == {"cash:ime": 19900, "revenue:month": -19900}
    assert await shop.booked() == ["payment", "refund", "refund_failed"]
    assert await shop.order_state(order) == "paid"
    assert (await shop.rows("SELECT state FROM refund_requests")) == [{"state": "failed"}]
    assert "refund_failed" in [row["kind"] for row in await shop.rows("SELECT kind FROM follow_ups")]
    await shop.is_true()
    again = await order_refund(shop.conn, await payment_named(shop.conn, "ime:c1"), NOON, by="op")
    assert again.id != request.request.id, "it can be asked for again"


async def test_a_refund_may_fail_before_it_is_known(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    failed = said(Kind.refund_failed, event_id="re_1:failed", at=NOON + 2 * DAY, amount=parse_money("199 CNY"))
    await shop.hear(failed, paid(order=order.number), refunded(at=NOON + DAY))
    assert len(await shop.terms(ann)) == 1
    assert await shop.balance() == {"cash:ime": 19900, "revenue:month": -19900}
    await shop.is_true()


async def test_what_is_in_dispute_is_not_refunded_too(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    assert await refundable(shop.conn, order.id) is not None
    await shop.hear(said(Kind.disputed, at=NOON + DAY))
    assert await refundable(shop.conn, order.id) is None
    with pytest.raises(OrderRefused, match="its dispute is open"):
        await order_refund(shop.conn, await payment_named(shop.conn, "ime:c1"), NOON, by="op")
    await shop.hear(said(Kind.dispute_won, at=NOON + 2 * DAY))
    assert await refundable(shop.conn, order.id) is not None


async def test_a_dispute_is_seen_to_and_access_ends_when_it_is_lost(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number), said(Kind.disputed, at=NOON + DAY))
    assert len(await shop.terms(ann)) == 1
    assert await shop.balance() == {"disputed:ime": 19900, "revenue:month": -19900}
    assert [row["kind"] for row in await shop.rows("SELECT kind FROM follow_ups")] == ["payment_dispute"]
    assert await shop.order_state(order) == "disputed"
    await shop.is_true()
    await shop.hear(said(Kind.dispute_lost, at=NOON + 2 * DAY))
    assert await shop.terms(ann) == []
    assert await shop.balance() == {"refunds:month": 19900, "revenue:month": -19900}
    assert (await shop.context("refunded"))["refunded"] is None
    await shop.is_true()
    await shop.hear(said(Kind.dispute_won, at=NOON + 3 * DAY))
    assert len(await shop.terms(ann)) == 1
    assert await shop.said(ann) == ["refunded", "receipt"], "with a way in that works"
    assert len(await shop.links("given_at IS NOT NULL AND revoked_at IS NULL")) == 1
    assert await shop.booked() == ["payment", "dispute", "dispute_lost", "dispute_won"]
    await shop.is_true()


async def test_a_dispute_that_is_won_leaves_everything(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    won = said(Kind.dispute_won, at=NOON + 2 * DAY)
    await shop.hear(paid(order=order.number), won, said(Kind.disputed, at=NOON + DAY))
    assert await shop.balance() == {"cash:ime": 19900, "revenue:month": -19900}
    assert await shop.said(ann) == ["receipt"]
    assert await shop.order_state(order) == "paid"


# Upgrades.


async def test_an_upgrade_takes_the_place_of_what_is_left(shop: Till, ann: int, vip: int) -> None:
    first = await shop.order(member_id=ann)
    await shop.hear(paid(order=first.number))
    [term] = await terms_of(shop.conn, ann)
    order = await shop.later(days=10).order("year", member_id=ann, upgrade_of=term.id)
    assert order.amount_minor == 168800 - 13267, "two thirds of 199.00 are left, rounded up for the member"
    await shop.hear(paid("c2", order=order.number, amount=parse_money("1555.33 CNY")))
    assert await shop.terms(ann) == [("month", NOON, shop.at), ("year", shop.at, shop.at + 360 * DAY)]
    await shop.is_true()
    await shop.hear(refunded(charge="c2"))
    assert await shop.terms(ann) == [("month", NOON, NOON + 30 * DAY)], "as it was"
    assert len(await shop.links("revoked_at IS NULL AND given_at IS NOT NULL")) == 1
    await shop.is_true()


async def test_what_cannot_be_upgraded_is_refused(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    [term] = await terms_of(shop.conn, ann)
    for plan, currency, match in [("month", "CNY", "of that plan already"), ("pack", "USD", "is of the line")]:
        with pytest.raises(OrderRefused, match=match):
            await shop.order(plan, currency, member_id=ann, upgrade_of=term.id)
    await shop.later(days=1).hear(paid("c2", order=order.number))
    with pytest.raises(OrderRefused, match="is followed by"):
        await shop.order("year", member_id=ann, upgrade_of=term.id)


# Ways in.


async def test_a_way_in_that_is_not_made_yet_follows(shop: Till, ann: int, conn: Connection) -> None:
    number = await group(conn, "VIP", -1002)
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    context = await shop.context("receipt")
    assert (context["entries"], context["awaited"], context["inside"]) == ([], ["VIP"], ["Club"])
    [link] = await to_make(conn, 10)
    assert (link.group_id, link.member_id) == (number, ann)
    assert await made(conn, shop.bundle, link.id, "https://t.me/+new", NOON, bot_id=BOT_ID)
    assert not await made(conn, shop.bundle, link.id, "https://t.me/+other", NOON, bot_id=BOT_ID)
    assert await shop.said(ann) == ["receipt", "entry"]
    assert addresses(await shop.context("entry")) == ["https://t.me/+new"]


async def test_a_link_that_was_not_used_stays_the_members(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number), paid("c2", order=order.number))
    [link] = await shop.links("given_at IS NOT NULL")
    await shop.hear(refunded(charge="c2"))
    assert await shop.links("revoked_at IS NOT NULL") == [], "the first month opens it too"
    assert await used(shop.conn, link["invite_link"], NOON) is not None
    await shop.hear(paid("c3", order=order.number))
    assert len(await shop.links("given_at IS NOT NULL")) == 2, "who left again gets another"


async def test_a_chat_that_the_bot_is_not_in_is_told_to_staff(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    assert [row["subject"] for row in await shop.rows("SELECT subject FROM alerts")] == ["payment:astray:VIP"]
    assert await shop.said(ann) == ["receipt"]


async def test_the_supply_is_filled_up(shop: Till, vip: int) -> None:
    assert await fill(shop.conn, vip, 5) == 3
    assert await fill(shop.conn, vip, 5) == 0
    assert await fill(shop.conn, vip, 1) == 0
    waiting = await to_make(shop.conn, 10)
    assert len(waiting) == 3
    assert all(len(link.name) <= 32 and link.name.startswith("vip-") for link in waiting)
    assert await set_address(shop.conn, waiting[0].id, "https://t.me/+a", NOON) is not None


async def test_two_who_pay_at_once_never_share_a_link(shop: Till, member: MakeMember, vip: int, pool: Pool) -> None:
    people = [await member() for _ in range(4)]
    orders = [await shop.order(member_id=each) for each in people]
    events = [StoredEvent("ime", paid(f"c{o.id}", order=o.number), "") for o in orders]
    await store(shop.conn, events)

    async def one_worker() -> None:
        async with pool.connection() as conn:
            await drain(conn, shop.bundle, NOON, bot_id=BOT_ID)

    await asyncio.gather(*(one_worker() for _ in range(4)))
    given = await shop.links("given_at IS NOT NULL")
    assert sorted(link["member_id"] for link in given) == sorted(people)
    assert sorted(link["invite_link"] is not None for link in given) == [False, False, True, True]


# What always holds.


async def test_one_payment_in_many_hands_is_settled_once(shop: Till, ann: int, vip: int, pool: Pool) -> None:
    order = await shop.order(member_id=ann)
    await store(shop.conn, [StoredEvent("ime", paid(order=order.number), "") for _ in range(6)])

    async def once() -> None:
        async with pool.connection() as conn:
            await work(conn, shop.bundle, NOON, bot_id=BOT_ID)
            await settle(conn, shop.bundle, "ime", "c1", NOON, bot_id=BOT_ID)

    await asyncio.gather(*(once() for _ in range(6)))
    assert len(await shop.terms(ann)) == 1
    assert await shop.said(ann) == ["receipt"]
    assert await shop.booked() == ["payment"]


@pytest.mark.parametrize(
    "dies_in", ["_judged", "book", "fulfil", "send_receipt", "_leave_trigger", "_keep", "keep_order_right"]
)
async def test_a_death_between_statements_leaves_nothing_half_done(
    shop: Till, ann: int, vip: int, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    order = await shop.order(member_id=ann)
    real = getattr(settling, dies_in)

    async def die(*what: Any, **more: Any) -> None:
        await real(*what, **more)
        raise RuntimeError("killed")

    monkeypatch.setattr(settling, dies_in, die)
    await store(shop.conn, [StoredEvent("ime", paid(order=order.number), "")])
    await work(shop.conn, shop.bundle, NOON, bot_id=BOT_ID)
    for table in ("payments", "terms", "ledger_transactions", "ledger_entries", "messages", "stage_triggers"):
        assert await shop.rows(f"SELECT 1 FROM {table}") == [], table
    assert await shop.links("given_at IS NOT NULL") == []
    assert await shop.order_state(order) == "open"
    [event] = await shop.rows("SELECT state, attempts, error FROM provider_events")
    assert (event["state"], event["attempts"], event["error"]) == ("pending", 1, "RuntimeError: killed")
    monkeypatch.undo()
    await shop.conn.execute("UPDATE provider_events SET retry_wall = NULL")
    await shop.hear()
    assert len(await shop.terms(ann)) == 1
    await shop.is_true()


async def test_what_fails_waits_longer_each_time_and_is_told_in_the_end(
    shop: Till, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(settling, "book", die)
    order = await shop.order(member_id=ann)
    await store(shop.conn, [StoredEvent("ime", paid(order=order.number), "")])
    for attempt in range(MOST_ATTEMPTS):
        assert await work(shop.conn, shop.bundle, NOON, bot_id=BOT_ID) is not None
        assert await work(shop.conn, shop.bundle, NOON, bot_id=BOT_ID) is None, "it waits its time"
        waits = await shop.rows("SELECT retry_wall - clock_timestamp() AS wait FROM provider_events")
        assert waits[0]["wait"] > timedelta(seconds=min(2**attempt, 300) - 1)
        await shop.conn.execute("UPDATE provider_events SET retry_wall = NULL")
    assert [row["state"] for row in await shop.rows("SELECT state FROM provider_events")] == ["failed"]
    [told] = await shop.rows("SELECT subject FROM alerts")
    assert told["subject"] == "payment_event:RuntimeError:ime"
    monkeypatch.undo()
    assert await retry_failed(shop.conn) == 1
    assert (await pending(shop.conn))["events"] == 1
    await shop.hear()
    assert len(await shop.terms(ann)) == 1


async def test_what_is_not_about_a_payment_is_kept_and_left_alone(shop: Till) -> None:
    await shop.hear(said(Kind.unknown, None), said(Kind.failed), said(Kind.subscription_ended, None, subscription="x"))
    found = await shop.rows("SELECT state, result FROM provider_events ORDER BY state, result")
    assert [tuple(row.values()) for row in found] == [
        ("handled", "nothing of it runs"),
        ("ignored", "of no payment"),
        ("ignored", "of no payment"),
    ]
    assert await shop.rows("SELECT 1 FROM payments") == []


async def test_hostile_words_are_stored(shop: Till) -> None:
    event = StoredEvent("ime", said(Kind.unknown, "c\0\ud800", order="'; DROP TABLE orders --\0"), "\0{\ud800}")
    assert len(await store(shop.conn, [event])) == 1
    assert (await shop.rows("SELECT charge, body FROM provider_events"))[0] == {"charge": "c", "body": "{}"}


async def test_an_erasure_and_a_settlement_do_not_wait_for_each_other(shop: Till, ann: int, pool: Pool) -> None:
    order = await shop.order(member_id=ann)
    await store(shop.conn, [StoredEvent("ime", paid(order=order.number), "")])
    async with pool.connection() as conn:
        async with shop.conn.transaction(force_rollback=True):
            await shop.conn.execute(PRIVACY.hold_payments)
            working = asyncio.create_task(work(conn, shop.bundle, NOON, bot_id=BOT_ID))
            await asyncio.sleep(0.2)
            await shop.conn.execute("SET LOCAL lock_timeout = '1s'")
            await shop.conn.execute(PRIVACY.erase_provider_events, {"id": ann, "telegram_id": 1})
        assert await working is not None
    assert len(await shop.terms(ann)) == 1


# The ledger.


@pytest.mark.parametrize("table", ["ledger_transactions", "ledger_entries"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_nobody_changes_the_ledger(shop: Till, ann: int, table: str, change: str) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    column = "by" if table == "ledger_transactions" else "account"
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        await shop.conn.execute(change.format(table, column, column))  # type: ignore[arg-type]
    assert await shop.balance() == {"cash:ime": 19900, "revenue:month": -19900}


async def test_what_does_not_balance_cannot_be_committed(shop: Till) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="does not balance"):
        async with shop.conn.transaction():
            row = await one(
                await shop.conn.execute(
                    "INSERT INTO ledger_transactions (at, happened_at, what, provider, charge, version, by)"
                    " VALUES (%s, %s, 'payment', 'ime', 'c', 1, 'x') RETURNING id",
                    [NOON, NOON],
                )
            )
            for account, currency, minor in (("a", "CNY", 5), ("b", "USD", -5)):
                await shop.conn.execute(
                    "INSERT INTO ledger_entries VALUES (%s, %s, %s, %s)", [row["id"], account, currency, minor]
                )
    assert await shop.rows("SELECT 1 FROM ledger_transactions") == []


async def test_the_truth_is_told_when_access_is_not_what_was_paid_for(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    await shop.hear(paid(order=order.number))
    [term] = await terms_of(shop.conn, ann)
    await revoke(shop.conn, term.id, NOON, by="op", note="by hand")
    [found] = await differences(shop.conn, ann)
    assert (found.charge, found.plan, found.due, found.held) == ("c1", "month", 1, 0)
    await grant(shop.conn, shop.bundle.playbook, ann, "year", NOON, source="ime", by="c9")
    assert [(each.charge, each.due, each.held) for each in await differences(shop.conn)] == [("c1", 1, 0), ("c9", 0, 1)]
    await shop.conn.execute("UPDATE payments SET refunded_minor = 5")
    assert {each.what for each in await uneven(shop.conn)} == {"ledger", "events"}


async def test_however_many_events_there_are_some_payments_are_looked_at_at_a_time(
    shop: Till, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "BATCH", 2)
    for charge in ("c1", "c2", "c3", "c4", "c5"):
        await shop.hear(paid(charge, plan="month", payer=100), *(refunded(minor, charge) for minor in (1, 2, 3)))
    found = [batch async for batch in truth.batches(shop.conn)]
    assert [[(*key, len(rows)) for key, rows in batch.items()] for batch in found] == [
        [("ime", "c1", 4), ("ime", "c2", 4)],
        [("ime", "c3", 4), ("ime", "c4", 4)],
        [("ime", "c5", 4)],
    ], "no payment is parted"
    await shop.is_true()
    await shop.conn.execute("UPDATE payments SET disputed = 'won' WHERE charge IN ('c1', 'c4', 'c5')")
    assert [(each.charge, each.what) for each in await uneven(shop.conn)] == [
        (charge, "events") for charge in ("c1", "c4", "c5")
    ], "the last of a batch and the first of the next too"


# Invoices.


async def test_an_invoice_is_asked_for_and_becomes_a_task_once(shop: Till, ann: int) -> None:
    order = await shop.order(member_id=ann)
    wanted = InvoiceWanted(title="Ann Ltd\0", tax_id="91-1", email="a@b.c", address="")
    assert await request_invoice(shop.conn, shop.bundle.playbook, order, wanted, NOON)
    assert not await request_invoice(shop.conn, shop.bundle.playbook, order, wanted, NOON + DAY)
    [task] = await shop.rows("SELECT kind, note, due_at FROM follow_ups")
    assert (task["kind"], task["due_at"]) == ("invoice", NOON + 3 * DAY)
    assert shown(order.number) in task["note"]
    [asked] = await shop.rows("SELECT title, state FROM invoice_requests")
    assert asked == {"title": "Ann Ltd", "state": "open"}
    await finish_invoice(shop.conn, order.id, NOON + DAY)
    assert (await shop.rows("SELECT state FROM invoice_requests"))[0]["state"] == "done"


# Erasure.


async def test_of_an_erased_member_the_books_keep_nothing_personal(shop: Till, ann: int, vip: int) -> None:
    order = await shop.order(member_id=ann)
    who = await person(shop, ann)
    await shop.hear(paid(order=order.number, payer=who.telegram_id))
    await shop.conn.execute(
        "INSERT INTO invoice_requests (order_id, title, email, requested_at) VALUES (%s, 'Ann Ltd', 'a@b.c', %s)",
        [order.id, NOON],
    )
    held = await export(shop.conn, who)
    for table in ("orders", "payments", "provider_events", "invoice_requests", "entry_links"):
        assert len(held[table]) == 1, table
    await erase(shop.conn, who, "secret", NOON)
    assert [row["body"] for row in await shop.rows("SELECT body, payer FROM provider_events")] == [""]
    assert await shop.rows("SELECT 1 FROM provider_events WHERE payer IS NOT NULL") == []
    assert await shop.rows("SELECT 1 FROM invoice_requests") == []
    assert await shop.rows("SELECT 1 FROM orders WHERE member_id IS NOT NULL OR claim_hash IS NOT NULL") == []
    assert await shop.balance() == {"cash:ime": 19900, "revenue:month": -19900}
    assert len(await to_close(shop.conn, 10)) == 1, "the way in is closed"
    await shop.hear(refunded())
    assert (await shop.payment())["state"] == "reversed"
    assert await shop.balance() == {"refunds:month": 19900, "revenue:month": -19900}
