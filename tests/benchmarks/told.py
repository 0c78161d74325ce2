"""Random histories of payments, as each provider tells them: paid, refunded, disputed; twice, late, out of order."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from community.payments.events import StoredEvent
from community.payments.notice import Kind
from community.payments.providers import stars
from community.payments.providers.ime import Ime
from community.payments.providers.stripe import Stripe
from tests.benchmarks.harness import NOON
from tests.benchmarks.shop import SECRET, signed
from tests.benchmarks.stripes import STRIPE_SECRET, session, signed_stripe

PRICES = {"ime": ("CNY", 19_900), "stripe": ("EUR", 2_500), "stars": ("XTR", 1_500)}
SKEW = timedelta(minutes=20)
_ime, _stripe = Ime({"bench": SECRET}), Stripe([STRIPE_SECRET], live=False)
Say = Callable[["Charge", Kind, str, datetime, int], StoredEvent]


@dataclass
class Charge:
    """A payment, as its payer's bank knows it."""

    provider: str
    number: str
    order: str
    payer: int
    paid: int
    right: bool
    """Whether it is what the order costs."""
    refunded: int = 0
    disputed: str = "none"
    events: list[StoredEvent] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        """Whether the money stays."""
        return self.refunded < self.paid and self.disputed != "lost"


@dataclass(frozen=True)
class Pace:
    """When an order is paid, and how much time passes between what happens to it, in seconds."""

    paid_at: datetime = NOON - timedelta(hours=1)
    between: tuple[int, ...] = (1, 30, 600)


def history(
    provider: str, number: int, order: str, payer: int, dice: random.Random, *, price: int = 0, pace: Pace = Pace()
) -> list[Charge]:
    """What happens to an order: nearly always one payment, sometimes two. It costs a month's price, unless said."""
    price = price or PRICES[provider][1]
    places = range(1 + (dice.random() < 0.05))
    return [_charge(provider, f"{number}-{place}", order, payer, price, pace, dice) for place in places]


def deliveries(charges: list[Charge], dice: random.Random) -> list[StoredEvent]:
    """Their events as they come: some more than once, in any order."""
    events = [event for charge in charges for event in charge.events for _ in range(dice.choice((1, 1, 1, 2, 3)))]
    dice.shuffle(events)
    return events


def _charge(provider: str, number: str, order: str, payer: int, price: int, pace: Pace, dice: random.Random) -> Charge:
    right = dice.random() < 0.92
    charge = Charge(
        provider, f"pi_{number}", order, payer, price if right else price + dice.choice((-1, 1, 500)), right
    )
    at = pace.paid_at + dice.uniform(-1, 1) * SKEW  # the provider's clock is not ours
    for place, (kind, amount) in enumerate(_happens(charge, dice)):
        at += timedelta(seconds=dice.choice(pace.between))
        charge.events.append(SAY[provider](charge, kind, f"{kind}-{place}", at, amount))
    return charge


def _happens(charge: Charge, dice: random.Random) -> Iterator[tuple[Kind, int]]:
    """Kinds of events and their amounts, in the order in which they come about."""
    if dice.random() < 0.1 and charge.provider != "stars":
        yield Kind.failed, charge.paid
    yield Kind.paid, charge.paid
    if charge.provider == "stars":  # Telegram knows refunds of all, and no disputes
        if dice.random() < 0.25:
            charge.refunded = charge.paid
            yield Kind.refunded, charge.paid
        return
    while dice.random() < 0.25 and charge.refunded < charge.paid:
        rest = charge.paid - charge.refunded
        charge.refunded += rest if dice.random() < 0.6 else dice.randint(1, rest)
        yield Kind.refunded, charge.refunded
    if dice.random() < 0.15 and charge.refunded < charge.paid:
        charge.disputed = "open"
        yield Kind.disputed, charge.paid
        if ends := dice.choice((None, Kind.dispute_won, Kind.dispute_lost)):
            charge.disputed = "won" if ends is Kind.dispute_won else "lost"
            yield ends, charge.paid


# How each provider says it. What is signed is verified first, as in use.


def _by_ime(charge: Charge, kind: Kind, event: str, at: datetime, amount: int) -> StoredEvent:
    names = {
        Kind.paid: "payment.paid", Kind.failed: "payment.failed", Kind.refunded: "payment.refunded",
        Kind.disputed: "dispute.opened", Kind.dispute_won: "dispute.won", Kind.dispute_lost: "dispute.lost",
    }  # fmt: skip
    body = orjson.dumps({
        "id": f"{charge.number}:{event}", "type": names[kind], "created_at": at.isoformat(), "order": charge.order,
        "amount": amount, "currency": PRICES["ime"][0], "charge": charge.number, "telegram_id": charge.payer,
    })  # fmt: skip
    _ime.verify(signed(body), body, datetime.now(UTC))
    return StoredEvent("ime", _ime.read(body), body.decode())


def _by_stripe(charge: Charge, kind: Kind, event: str, at: datetime, amount: int) -> StoredEvent:
    name, about = _stripes(charge, kind, amount)
    body = orjson.dumps({
        "id": f"evt_{charge.number}:{event}", "object": "event", "created": int(at.timestamp()), "livemode": False,
        "type": name, "data": {"object": about},
    })  # fmt: skip
    now = datetime.now(UTC)
    _stripe.verify(signed_stripe(body, int(now.timestamp())), body, now)
    return StoredEvent("stripe", _stripe.read(body), body.decode())


def _stripes(charge: Charge, kind: Kind, amount: int) -> tuple[str, dict[str, Any]]:
    currency = PRICES["stripe"][0].lower()
    if kind in (Kind.paid, Kind.failed):
        name = "completed" if kind is Kind.paid else "async_payment_failed"
        metadata = {"order": charge.order, "telegram": str(charge.payer)}
        return f"checkout.session.{name}", session(charge.number, amount, currency, metadata=metadata)
    about: dict[str, Any] = {"payment_intent": charge.number, "currency": currency, "id": f"ch_{charge.number}"}
    if kind is Kind.refunded:
        return "charge.refunded", about | {"amount_refunded": amount, "amount": charge.paid}
    status = {Kind.disputed: "needs_response", Kind.dispute_won: "won", Kind.dispute_lost: "lost"}[kind]
    closed = "created" if kind is Kind.disputed else "closed"
    return f"charge.dispute.{closed}", about | {"amount": amount, "charge": about["id"], "status": status}


def _by_stars(charge: Charge, kind: Kind, event: str, at: datetime, amount: int) -> StoredEvent:
    name = stars.SUCCESSFUL if kind is Kind.paid else stars.REFUNDED
    about = {
        "currency": PRICES["stars"][0], "total_amount": amount, "invoice_payload": charge.order,
        "telegram_payment_charge_id": charge.number, "provider_payment_charge_id": "",
    }  # fmt: skip
    message = {"date": int(at.timestamp()), name: about}
    return StoredEvent(stars.NAME, stars.notice(message, charge.payer), stars.body_of(message).decode())


SAY: Mapping[str, Say] = {"ime": _by_ime, "stripe": _by_stripe, "stars": _by_stars}
