"""Stripe: its own signature check, and what its events mean to us.

Which number names a payment, so that checkout, refund and dispute speak of the same one:

- A one-time payment has its payment intent's (`pi_…`): the session, the charge that is refunded and the dispute all
  name it.
- A payment of a subscription has its invoice's (`in_…`): the session of the first one and `invoice.paid` name it.
  Refunds and disputes name the payment intent; which invoice that one paid is told by the invoice itself in versions of
  Stripe's API before 2025-03-31, by `invoice_payment.paid` since then. Both numbers are kept (`charge`, `also`).
- An invoice without a subscription is only the paper of a one-time payment, and says nothing new.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from stripe import SignatureVerificationError, WebhookSignature

from community.payments.notice import Kind, Notice
from community.payments.provider import Forged
from community.payments.reading import Body, Malformed, moment_of, number_of, part, read_object, text_of
from community.playbook_types import Amount, minor_digits

SIGNATURE_HEADER = "Stripe-Signature"
WINDOW = timedelta(minutes=5)
"""Stripe's own tolerance; it signs each attempt anew."""
SETTLED = ("paid", "no_payment_required")
"""A session's payment_status by which its order is to be fulfilled."""
DISPUTES = {"won": Kind.dispute_won, "warning_closed": Kind.dispute_won, "prevented": Kind.dispute_won,
            "lost": Kind.dispute_lost}  # fmt: skip
"""How a dispute closed. One that was only an inquiry, or was prevented, took no money."""
BOUNCED = ("failed", "canceled")
"""A refund's status by which its money is ours again."""
OVER = ("canceled", "unpaid", "incomplete_expired")
"""A subscription's status by which nothing is charged any more."""
WITHOUT_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)  # fmt: skip
"""Currencies whose amounts Stripe gives in whole units. It gives ISK and UGX, which have none either, in hundredths."""
WITH_THREE = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])


class Stripe:
    """The provider `stripe`. `secrets`: the endpoint's, old and new ones while they are rolled.

    `live`: whether real money is meant. Events of Stripe's other mode are refused, so that no test opens a real door.
    """

    name = "stripe"

    def __init__(self, secrets: Sequence[str], *, live: bool) -> None:
        self._secrets = secrets
        self._live = live

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Raises Forged unless Stripe signed this body, for this endpoint and mode, within its window."""
        header = headers.get(SIGNATURE_HEADER, "")
        if not header:
            raise Forged("unsigned")
        # Stripe's own comparison raises TypeError for what is not ASCII.
        if not header.isascii() or not any(_signed(secret, header, body) for secret in self._secrets):
            raise Forged("signature")
        age = now.timestamp() - _timestamp(header)
        if abs(age) > WINDOW.total_seconds():
            raise Forged("stale" if age > 0 else "future")
        if read_object(body).get("livemode") is not self._live:
            raise Forged("test_mode" if self._live else "live_mode")

    def read(self, body: bytes) -> Notice:
        """What the event says. Raises Malformed for one that is not as Stripe documents it."""
        event = read_object(body)
        name, event_id = text_of(event.get("type"), "type"), text_of(event.get("id"), "id")
        at, about = moment_of(event.get("created"), "created"), part(event, "data", "object")
        if not (name and event_id and at and isinstance(about, Mapping)):
            raise Malformed("it is not an event of Stripe's")
        said = _said(name, about)
        return Notice(**{"event_id": event_id, "name": name, "at": at, "kind": Kind.unknown, **said})


def _signed(secret: str, header: str, body: bytes) -> bool:
    try:
        return bool(WebhookSignature.verify_header(body, header, secret))
    except (SignatureVerificationError, UnicodeError):
        return False


def _timestamp(header: str) -> int:
    """The moment that Stripe's own check took for signed: the first `t`."""
    return next(int(item[2:]) for item in header.split(",") if item.startswith("t="))


def _said(name: str, about: Body) -> dict[str, Any]:
    match name:
        case "checkout.session.completed" | "checkout.session.async_payment_succeeded":
            return _session(about)
        case "checkout.session.async_payment_failed":
            return _session(about) | {"kind": Kind.failed}
        case "invoice.paid":
            return _invoice(about, Kind.paid, "amount_paid")
        case "invoice.payment_failed":
            return _invoice(about, Kind.failed, "amount_due")
        case "invoice_payment.paid":
            return _pairing(about)
        case "customer.subscription.updated":
            return _subscription(about, Kind.subscription_ended if _stops(about) else Kind.subscription_changed)
        case "customer.subscription.deleted":
            return _subscription(about, Kind.subscription_ended)
        case "charge.refunded":
            return _of_charge(about, about.get("id")) | {"kind": Kind.refunded, **_money(about, "amount_refunded")}
        case "refund.failed" | "refund.updated" | "charge.refund.updated":
            return _failed_refund(about)
        case "charge.dispute.created":
            return _of_charge(about, about.get("charge")) | {"kind": Kind.disputed, **_money(about, "amount")}
        case "charge.dispute.closed":
            kind = DISPUTES.get(str(about.get("status")), Kind.unknown)
            return _of_charge(about, about.get("charge")) | {"kind": kind, **_money(about, "amount")}
        case _:
            return {}


def _session(about: Body) -> dict[str, Any]:
    """A checkout; one that is completed but not yet paid for is settled by a later event."""
    mode, paid = about.get("mode"), about.get("payment_status") in SETTLED
    if mode not in ("payment", "subscription"):
        return {}
    number = _id(about, "invoice") if mode == "subscription" else _id(about, "payment_intent")
    said = {
        "kind": Kind.paid if paid else Kind.unknown,
        "charge": number or _id(about, "id"),  # nothing was to be paid: neither intent nor invoice
        "subscription": _id(about, "subscription"),
    }
    order = text_of(about.get("client_reference_id"), "client_reference_id")
    passed = _passed_through([about.get("metadata")])
    return said | passed | _money(about, "amount_total") | {"order": passed["order"] or order}


def _invoice(about: Body, kind: Kind, amount: str) -> dict[str, Any]:
    """An invoice of a subscription, in either form of Stripe's API."""
    parent = part(about, "parent", "subscription_details")
    subscription = _id(parent or {}, "subscription") or _id(about, "subscription")
    if subscription is None:
        return {}
    lines = [line for line in _list(about, "lines") if isinstance(line, Mapping)]
    ends = [end for line in lines if (end := moment_of(part(line, "period", "end"), "end of the period"))]
    holders = [parent, about.get("subscription_details"), about, *lines]
    return {
        "kind": kind,
        "charge": _id(about, "id"),
        "also": _id(about, "payment_intent") or _intent_among(_list(about, "payments")),
        "subscription": subscription,
        "period_ends_at": max(ends, default=None),
        **_passed_through([part(holder, "metadata") for holder in holders]),
        **_money(about, amount),
    }


def _pairing(about: Body) -> dict[str, Any]:
    """Which payment intent has paid which invoice."""
    return {"charge": _id(about, "invoice"), "also": _id(about.get("payment") or {}, "payment_intent")}


def _intent_among(payments: Sequence[Any]) -> str | None:
    found = [_id(each.get("payment") or {}, "payment_intent") for each in payments if isinstance(each, Mapping)]
    return next((intent for intent in found if intent), None)


def _subscription(about: Body, kind: Kind) -> dict[str, Any]:
    """Its period lies in its items; in versions before 2025-03-31 in itself."""
    holders = [about, *_list(about, "items")]
    ends = [moment_of(part(each, "current_period_end"), "end of the period") for each in holders]
    return {
        "kind": kind,
        "subscription": _id(about, "id"),
        "period_ends_at": max((end for end in ends if end), default=None),
        **_passed_through([about.get("metadata")]),
    }


def _stops(about: Body) -> bool:
    """Whether no further payment of the subscription is to come, though its period may run."""
    return bool(about.get("cancel_at_period_end") or about.get("cancel_at")) or about.get("status") in OVER


def _of_charge(about: Body, charge: Any) -> dict[str, Any]:
    """Which payment a refund or a dispute is of. Charges made without a payment intent have only their own number."""
    return {"charge": _id(about, "payment_intent") or _id({"charge": charge}, "charge")}


def _failed_refund(about: Body) -> dict[str, Any]:
    """A refund that did not arrive. Several events may say so, which is one: it goes by the refund's own number."""
    number = _id(about, "id")
    if about.get("status") not in BOUNCED or number is None:
        return {}
    said = {"kind": Kind.refund_failed, "event_id": f"{number}:failed", **_money(about, "amount")}
    return _of_charge(about, about.get("charge")) | said


def _passed_through(holders: Sequence[Any]) -> dict[str, Any]:
    """Our own numbers out of metadata, the first that has each."""

    def first(key: str) -> Any:
        return next((value for holder in holders if (value := part(holder, key)) not in (None, "")), None)

    return {
        "order": text_of(first("order"), "metadata.order"),
        "plan": text_of(first("plan"), "metadata.plan"),
        "payer": number_of(first("telegram"), "metadata.telegram"),
    }


def _money(about: Body, name: str) -> dict[str, Amount]:
    """An amount as Stripe gives it, in the currency's smallest unit as we count it."""
    given, currency = number_of(about.get(name), name), text_of(about.get("currency"), "currency")
    if given is None or given < 0 or currency is None:
        raise Malformed(f"{name}: no amount")
    code = currency.upper()
    digits = 0 if code in WITHOUT_DECIMALS else 3 if code in WITH_THREE else 2
    scaled, rest = divmod(given * 10 ** minor_digits(code), 10**digits)
    if rest:
        raise Malformed(f"{name}: {code} has no such small amounts")
    return {"amount": Amount(minor=scaled, currency=code)}


def _id(holder: Body, name: str) -> str | None:
    """The number of an object of Stripe's, which may be there as a whole ("expanded")."""
    value = holder.get(name) if isinstance(holder, Mapping) else None
    return text_of(value.get("id") if isinstance(value, Mapping) else value, name)


def _list(holder: Body, name: str) -> list[Any]:
    """The objects of one of Stripe's lists."""
    found = part(holder, name, "data")
    return found if isinstance(found, list) else []
