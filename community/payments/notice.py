"""What a provider says has happened, in our terms. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from community.playbook_types import Amount


class Kind(StrEnum):
    """What happened to a payment or a subscription."""

    paid = "paid"
    failed = "failed"
    refunded = "refunded"
    """Some or all of it was paid back."""
    refund_failed = "refund_failed"
    """What was said to be paid back did not arrive, and is ours again."""
    disputed = "disputed"
    """The payer asks their bank for the money; it is open who is right."""
    dispute_won = "dispute_won"
    dispute_lost = "dispute_lost"
    subscription_changed = "subscription_changed"
    subscription_ended = "subscription_ended"
    unknown = "unknown"
    """Nothing that we know: kept, and left alone."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One event of a provider. What it does not say is None."""

    kind: Kind
    event_id: str
    """The provider's number of the event: the same one is taken once."""
    name: str
    """The provider's own name for what happened."""
    at: datetime
    """The provider's time, aware."""
    charge: str | None = None
    """The provider's number of the payment; refunds and disputes name the payment they are of."""
    order: str | None = None
    """Our order's number, if it was passed through."""
    plan: str | None = None
    """Key of the plan, if it was passed through: some providers sell without an order of ours."""
    amount: Amount | None = None
    """Paid: of this payment. Refunded: all that has been refunded of it so far. Of a refund that failed: this one's."""
    payer: int | None = None
    """Telegram's number of who paid, if the provider passes it through."""
    also: str | None = None
    """Another number of the same payment, by which the provider may name it in other events."""
    subscription: str | None = None
    period_ends_at: datetime | None = None
