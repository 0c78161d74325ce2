"""What Stripe says of a subscription's payment under two numbers is settled as one, in whatever order it comes."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from community.access.terms import terms_of
from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from community.payments.events import StoredEvent, store
from community.payments.orders import NewOrder, Opened, open_order
from community.payments.providers.stripe import Stripe
from community.payments.work import drain
from tests.integration.conftest import BOT_ID, MakeMember
from tests.unit import payment_kit as kit

STRIPE = Stripe([kit.STRIPE_SECRET], live=False)
PRICE = {"amount_total": 19900, "amount_paid": 19900, "amount_due": 19900, "currency": "cny"}


def story(number: int, payer: int) -> dict[str, dict[str, Any]]:
    """A subscription's first payment, and its refund; by the forms of before and after 2025-03-31."""
    intent, paper, subscription = f"pi_{number}", f"in_{number}", f"sub_{number}"
    passed = {"plan": "month", "telegram": str(payer)}
    session = kit.session(
        id=f"cs_{number}", mode="subscription", payment_intent=None, invoice=paper, subscription=subscription,
        client_reference_id=None, metadata=passed,
    )  # fmt: skip
    parent = {"subscription_details": {"subscription": subscription, "metadata": passed}}
    pairing = {"id": f"inpay_{number}", "invoice": paper, "payment": {"payment_intent": intent}}
    refund = {"id": f"ch_{number}", "payment_intent": intent, "amount_refunded": 19900, "currency": "cny"}
    old = kit.old_invoice(id=paper, payment_intent=intent, subscription=subscription)
    return {
        "session": kit.stripe("checkout.session.completed", session | PRICE),
        "invoice": kit.stripe("invoice.paid", kit.new_invoice(id=paper, parent=parent) | PRICE),
        "old invoice": kit.stripe("invoice.paid", old | PRICE),
        "pairing": kit.stripe("invoice_payment.paid", pairing),
        "refund": kit.stripe("charge.refunded", refund),
    }


async def deliver(conn: Connection, bundle: Bundle, events: Sequence[dict[str, Any]]) -> None:
    """Store and settle them one after the other."""
    for event in events:
        body = kit.raw(event)
        await store(conn, [StoredEvent("stripe", STRIPE.read(body), body.decode())])
        await drain(conn, bundle, kit.NOW + timedelta(minutes=1), bot_id=BOT_ID)


async def terms(conn: Connection) -> list[dict[str, Any]]:
    return await (await conn.execute("SELECT revoked_at IS NULL AS runs FROM terms ORDER BY id")).fetchall()


@pytest.mark.parametrize("parts", [("session", "invoice", "pairing", "refund"), ("session", "old invoice", "refund")])
async def test_in_whatever_order_the_payment_is_one_and_ends_refunded(
    conn: Connection, bundle: Bundle, member: MakeMember, parts: tuple[str, ...]
) -> None:
    await set_virtual_now(conn, kit.NOW)
    for number, order in enumerate(permutations(parts), start=1):
        await member()
        told = story(number, 10_000 + number)
        await deliver(conn, bundle, [told[part] for part in order])
        found = await conn.execute(
            "SELECT state, paid_minor, refunded_minor FROM payments WHERE charge = %s", [f"in_{number}"]
        )
        assert await found.fetchall() == [{"state": "reversed", "paid_minor": 19900, "refunded_minor": 19900}], order
        others = await conn.execute("SELECT FROM payments WHERE charge = %s", [f"pi_{number}"])
        assert await others.fetchall() == [], order
    assert not any(term["runs"] for term in await terms(conn))
    booked = await (await conn.execute("SELECT account, sum(amount_minor) AS sum FROM v_ledger GROUP BY 1")).fetchall()
    sums = {row["account"]: int(row["sum"]) for row in booked}
    assert sums["cash:stripe"] == 0
    assert sums["revenue:month"] + sums["refunds:month"] == 0


async def test_the_checkout_and_its_invoice_are_one_payment(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await member()
    told = story(1, 10_001)
    await deliver(conn, bundle, [told["session"], told["invoice"], told["pairing"], told["session"]])
    assert await terms(conn) == [{"runs": True}]
    receipts = await (await conn.execute("SELECT step FROM messages WHERE stage = 'payment'")).fetchall()
    assert receipts == [{"step": "receipt"}]


async def test_a_subscription_of_the_page_goes_on_and_is_stopped_at_stripe(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """By what `checkout` passes through: the order in both metadata; the later payments know the subscription's."""
    await set_virtual_now(conn, kit.NOW)
    who = await member()
    new = NewOrder(plan="month", currency="CNY", source="page", member_id=who, renews=True)
    opened = await open_order(conn, bundle.playbook, new, kit.NOW)
    assert isinstance(opened, Opened)
    passed = {"order": opened.order.number, "plan": "month", "telegram": "10001"}
    session = kit.session(
        mode="subscription", payment_intent=None, invoice="in_1", subscription="sub_1",
        client_reference_id=opened.order.number, metadata=passed,
    )  # fmt: skip
    parent = {"subscription_details": {"subscription": "sub_1", "metadata": passed}}
    first, second = (kit.stripe("invoice.paid", kit.new_invoice(id=n, parent=parent) | PRICE) for n in ("in_1", "in_2"))
    second["created"] += 60
    await deliver(conn, bundle, [kit.stripe("checkout.session.completed", session | PRICE), first, second, first])
    held = await terms_of(conn, who)
    assert [(term.plan, term.renews) for term in held] == [("month", True)] * 2
    assert held[0].ends_at == held[1].starts_at
    payments = await (await conn.execute("SELECT state, order_id, subscription FROM payments")).fetchall()
    assert payments == [{"state": "matched", "order_id": opened.order.id, "subscription": "sub_1"}] * 2

    stopped = kit.stripe("customer.subscription.updated", {"id": "sub_1", "cancel_at_period_end": True})
    stopped["created"] += 90
    await deliver(conn, bundle, [stopped])
    assert [term.renews for term in await terms_of(conn, who)] == [False, False]


async def test_an_invoice_that_is_only_paper_does_not_take_the_payment_away(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """A one-time checkout may make an invoice; that one's pairing must not move the refund to another payment."""
    await member()
    metadata = {"plan": "month", "telegram": "10001"}
    session = kit.session(client_reference_id=None, metadata=metadata, invoice="in_1") | PRICE
    pairing = {"id": "inpay_1", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}}
    refund = {"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 19900, "currency": "cny"}
    paper = kit.old_invoice(subscription=None, subscription_details=None) | PRICE
    events = [("checkout.session.completed", session), ("invoice.paid", paper), ("invoice_payment.paid", pairing)]
    await deliver(conn, bundle, [kit.stripe(name, about) for name, about in events])
    assert await terms(conn) == [{"runs": True}]
    await deliver(conn, bundle, [kit.stripe("charge.refunded", refund)])
    assert await terms(conn) == [{"runs": False}]
