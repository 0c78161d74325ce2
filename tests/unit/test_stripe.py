"""Stripe: its own signature check with our clock, and what its events mean, in both forms of its API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st
from stripe import WebhookSignature

from community.payments.notice import Kind, Notice
from community.payments.provider import Forged
from community.payments.providers.stripe import Stripe
from community.payments.reading import Malformed
from community.playbook_types import Amount
from tests.hostile import bend
from tests.unit.payment_kit import (
    NOW,
    NOW_S,
    STRIPE_SECRET,
    new_invoice,
    old_invoice,
    raw,
    session,
    signed_stripe,
    stripe,
)

PROVIDER = Stripe([STRIPE_SECRET], live=False)
USD = Amount(minor=2990, currency="USD")


def refused(headers: dict[str, str], body: bytes, provider: Stripe = PROVIDER, now: datetime = NOW) -> str | None:
    """Why it is not believed; None: it is."""
    try:
        provider.verify(headers, body, now)
    except Forged as error:
        return error.reason
    return None


def read(type_: str, about: dict[str, Any]) -> Notice:
    return PROVIDER.read(raw(stripe(type_, about)))


def test_a_signed_event_is_believed_within_the_window_of_our_clock() -> None:
    body = raw(stripe("checkout.session.completed", session()))
    for age in (0, 299, 300, -300):
        assert refused(signed_stripe(body, NOW_S - age), body) is None, age
    assert refused(signed_stripe(body, NOW_S - 301), body) == "stale"
    assert refused(signed_stripe(body, NOW_S + 301), body) == "future"


def test_forged_truncated_and_unsigned_events_are_refused() -> None:
    body = raw(stripe("checkout.session.completed", session()))
    right = signed_stripe(body)["Stripe-Signature"]
    stamp = right.partition(",")[0]
    assert refused({}, body) == "unsigned"
    for header in (
        "",
        "x",
        right[:-1],
        right.replace("t=", "t=1"),
        stamp,
        f"{stamp},v0=00",
        f"t=x,{right}",
        "t=,v1=",
        f"{stamp},v1=é",
        "t=1,v1=\udc80",
        "t=²,v1=00",
        f"t={'9' * 5000},v1=00",
    ):
        assert refused({"Stripe-Signature": header}, body) in ("signature", "unsigned"), header
    assert refused({"Stripe-Signature": right}, body[:-1]) == "signature"
    assert refused({"Stripe-Signature": right}, b"\xff" + body) == "signature"
    assert refused(signed_stripe(body, secret="whsec_other"), body) == "signature"


def test_both_secrets_are_taken_while_one_is_rolled() -> None:
    body = raw(stripe("checkout.session.completed", session()))
    both = Stripe(["whsec_old", "whsec_new"], live=False)
    header = ",".join(
        [
            f"t={NOW_S}",
            *(f"v1={WebhookSignature._compute_signature(f'{NOW_S}.{body.decode()}', s)}" for s in ("x", "whsec_new")),
        ]
    )
    assert refused({"Stripe-Signature": header}, body, both) is None
    assert refused(signed_stripe(body, secret="whsec_old"), body, both) is None


def test_events_of_the_other_mode_open_no_door() -> None:
    live = Stripe([STRIPE_SECRET], live=True)
    test, real = (raw(stripe("checkout.session.completed", session(), livemode=livemode)) for livemode in (False, True))
    assert refused(signed_stripe(test), test, live) == "test_mode"
    assert refused(signed_stripe(real), real) == "live_mode"
    assert refused(signed_stripe(real), real, live) is None


def test_a_checkout_names_order_amount_and_intent() -> None:
    event = stripe("checkout.session.completed", session(metadata={"plan": "vip_month", "telegram": "17"}))
    assert PROVIDER.read(raw(event)) == Notice(
        kind=Kind.paid,
        event_id=event["id"],
        name="checkout.session.completed",
        at=NOW,
        charge="pi_1",
        order="A7K2-93QX",
        plan="vip_month",
        amount=USD,
        payer=17,
    )
    assert read("checkout.session.completed", session(metadata={"order": "B"})).order == "B"
    assert read("checkout.session.completed", session(payment_intent={"id": "pi_9"})).charge == "pi_9"


def test_a_checkout_that_is_not_yet_paid_waits_for_the_money() -> None:
    waiting = session(payment_status="unpaid")
    assert read("checkout.session.completed", waiting).kind is Kind.unknown
    assert read("checkout.session.async_payment_succeeded", session()).kind is Kind.paid
    assert read("checkout.session.async_payment_failed", waiting).kind is Kind.failed
    free = session(payment_status="no_payment_required", payment_intent=None, amount_total=0)
    notice = read("checkout.session.completed", free)
    assert (notice.kind, notice.charge, notice.amount) == (Kind.paid, "cs_1", Amount(minor=0, currency="USD"))
    assert read("checkout.session.completed", session(mode="setup", amount_total=None)).kind is Kind.unknown


@pytest.mark.parametrize("invoice", [old_invoice(), new_invoice()], ids=["old", "new"])
def test_an_invoice_of_a_subscription_is_a_payment_in_either_form(invoice: dict[str, Any]) -> None:
    notice = read("invoice.paid", invoice)
    assert (notice.kind, notice.charge, notice.subscription) == (Kind.paid, "in_1", "sub_1")
    assert (notice.plan, notice.payer, notice.amount) == ("vip_month", 17, USD)
    assert notice.period_ends_at == NOW + timedelta(days=30)
    assert read("invoice.payment_failed", invoice).kind is Kind.failed


def test_checkout_refund_and_dispute_name_the_same_payment() -> None:
    charge = {"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 1000, "currency": "usd"}
    dispute = {"id": "dp_1", "charge": "ch_1", "payment_intent": "pi_1", "amount": 2990, "currency": "usd"}
    once = {
        read("checkout.session.completed", session()).charge,
        read("charge.refunded", charge).charge,
        read("charge.dispute.created", dispute).charge,
        read("charge.dispute.closed", {**dispute, "status": "lost"}).charge,
    }
    assert once == {"pi_1"}
    first = session(mode="subscription", payment_intent=None, invoice="in_1", subscription="sub_1")
    pairing = {"id": "inpay_1", "invoice": "in_1", "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}
    with_payments = new_invoice(payments={"data": [{"payment": {"payment_intent": {"id": "pi_1"}}}]})
    again = [
        read("checkout.session.completed", first),
        read("invoice.paid", new_invoice()),
        read("invoice.paid", old_invoice()),
        read("invoice.paid", with_payments),
        read("invoice_payment.paid", pairing),
    ]
    assert {notice.charge for notice in again} == {"in_1"}
    assert [notice.also for notice in again] == [None, None, "pi_1", "pi_1", "pi_1"]
    legacy = {"id": "ch_0", "payment_intent": None, "amount_refunded": 1, "currency": "usd"}
    assert read("charge.refunded", legacy).charge == "ch_0"


def test_an_invoice_that_is_only_paper_pays_nothing_twice() -> None:
    paper = old_invoice(subscription=None, subscription_details=None)
    assert read("invoice.paid", paper).kind is Kind.unknown
    assert read("invoice.paid", new_invoice(parent=None)).kind is Kind.unknown


@pytest.mark.parametrize(
    ("name", "status"),
    [("refund.failed", "failed"), ("refund.updated", "failed"), ("charge.refund.updated", "canceled")],
)
def test_a_refund_that_failed_is_one_event_however_often_it_is_said(name: str, status: str) -> None:
    refund = {"id": "re_1", "charge": "ch_1", "payment_intent": "pi_1", "amount": 500, "currency": "usd"}
    notice = read(name, refund | {"status": status})
    assert (notice.kind, notice.charge, notice.event_id) == (Kind.refund_failed, "pi_1", "re_1:failed")
    assert notice.amount == Amount(minor=500, currency="USD")
    assert read(name, refund | {"status": "succeeded"}).kind is Kind.unknown


def test_a_refund_says_all_that_has_been_refunded() -> None:
    charge = {"id": "ch_1", "payment_intent": "pi_1", "amount": 2990, "amount_refunded": 1000, "currency": "usd"}
    notice = read("charge.refunded", charge)
    assert (notice.kind, notice.amount) == (Kind.refunded, Amount(minor=1000, currency="USD"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("won", Kind.dispute_won),
        ("lost", Kind.dispute_lost),
        ("warning_closed", Kind.dispute_won),
        ("prevented", Kind.dispute_won),
        ("something_new", Kind.unknown),
    ],
)
def test_how_a_dispute_closed(status: str, kind: Kind) -> None:
    about = {"id": "dp_1", "charge": "ch_1", "payment_intent": "pi_1", "amount": 1, "currency": "usd", "status": status}
    assert read("charge.dispute.closed", about).kind is kind


@pytest.mark.parametrize(
    ("about", "ends"),
    [
        ({}, False),
        ({"cancel_at_period_end": True}, True),
        ({"cancel_at_period_end": False, "cancel_at": None, "status": "active"}, False),
        ({"cancel_at": NOW_S + 60}, True),
        ({"status": "past_due"}, False),
        ({"status": "unpaid"}, True),
    ],
)
def test_a_subscription_that_is_to_be_charged_no_more_has_ended_though_its_period_runs(
    about: dict[str, Any], ends: bool
) -> None:
    kind = read("customer.subscription.updated", {"id": "sub_1", **about}).kind
    assert kind is (Kind.subscription_ended if ends else Kind.subscription_changed)


def test_a_subscription_tells_its_end_in_either_form() -> None:
    end = NOW_S + 86_400
    new = {"id": "sub_1", "items": {"data": [{"current_period_end": end}]}, "metadata": {"plan": "vip_month"}}
    old = {"id": "sub_1", "current_period_end": end, "metadata": {}}
    for about in (new, old):
        notice = read("customer.subscription.updated", about)
        assert (notice.kind, notice.subscription) == (Kind.subscription_changed, "sub_1")
        assert notice.period_ends_at == NOW + timedelta(days=1)
    assert read("customer.subscription.deleted", new).kind is Kind.subscription_ended


@pytest.mark.parametrize(
    ("given_", "currency", "minor"),
    [
        (2990, "usd", 2990),
        (500, "jpy", 500),
        (500, "xof", 500),
        (1500, "isk", 15),
        (1500, "ugx", 15),
        (5120, "kwd", 5120),
        (7, "mga", 700),
        (299000, "huf", 299000),
        (100, "twd", 100),
    ],
)
def test_amounts_become_ours(given_: int, currency: str, minor: int) -> None:
    notice = read("checkout.session.completed", session(amount_total=given_, currency=currency))
    assert notice.amount == Amount(minor=minor, currency=currency.upper())


def test_an_amount_that_cannot_be_is_malformed() -> None:
    for change in (
        {"amount_total": 150, "currency": "isk"},
        {"amount_total": None},
        {"amount_total": -1},
        {"currency": None},
        {"amount_total": 29.9},
    ):
        with pytest.raises(Malformed):
            read("checkout.session.completed", session(**change))


def test_what_is_not_known_is_left_alone() -> None:
    notice = read("radar.early_fraud_warning.created", {"id": "issfr_1"})
    assert (notice.kind, notice.charge, notice.name) == (Kind.unknown, None, "radar.early_fraud_warning.created")


SEEDS = {
    "checkout.session.completed": session(metadata={"order": "A", "telegram": "17"}),
    "invoice.paid": old_invoice(),
    "invoice.payment_failed": new_invoice(),
    "invoice_payment.paid": {"invoice": "in_1", "payment": {"payment_intent": "pi_1"}},
    "customer.subscription.updated": {"id": "sub_1", "items": {"data": [{"current_period_end": NOW_S}]}},
    "refund.failed": {"id": "re_1", "payment_intent": "pi_1", "amount": 5, "currency": "usd", "status": "failed"},
    "charge.refunded": {"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 5, "currency": "usd"},
    "charge.dispute.closed": {"id": "d", "charge": "ch", "amount": 5, "currency": "usd", "status": "won"},
}


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    name = draw(st.sampled_from(sorted(SEEDS)))
    return raw(bend(draw, stripe(name, SEEDS[name])))


@given(bent())
def test_a_bent_event_is_read_or_malformed_and_nothing_else(body: bytes) -> None:
    try:
        notice = PROVIDER.read(body)
    except Malformed:
        return
    assert notice.at.tzinfo is UTC
    assert notice.amount is None or notice.amount.minor >= 0
