"""What a payment's events add up to, whatever order they came in and however often. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from community.payments.notice import Kind, Notice
from community.playbook_types import Amount


class Dispute(StrEnum):
    """How it stands with the payer's bank."""

    none = "none"
    open = "open"
    lost = "lost"
    won = "won"


_DISPUTES = {Kind.disputed: Dispute.open, Kind.dispute_won: Dispute.won, Kind.dispute_lost: Dispute.lost}
"""In the order in which they follow each other when the provider gives them one time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a payment stands by all that is known of it."""

    paid: Amount | None = None
    """None: only what came after it is known yet."""
    refunded_minor: int = 0
    disputed: Dispute = Dispute.none
    paid_at: datetime | None = None
    refunded_at: datetime | None = None
    """When the latest refund, or its failure, happened."""
    disputed_at: datetime | None = None
    order: str | None = None
    plan: str | None = None
    payer: int | None = None
    subscription: str | None = None
    period_ends_at: datetime | None = None
    bounced: bool = False
    """A refund did not arrive."""
    strange: bool = False
    """Something was refunded in another currency than was paid: it is not counted."""

    @property
    def is_kept(self) -> bool:
        """Whether the money is ours, so that what it is for is the payer's."""
        return (
            self.paid is not None
            and self.disputed is not Dispute.lost
            and (self.refunded_minor < self.paid.minor or self.refunded_minor <= 0)
        )


def fold(notices: Iterable[Notice]) -> Standing | None:
    """The standing of a charge by its notices; None: none of them moves money.

    What was paid is what the earliest says; of refunds, which say all that was refunded so far, the latest counts, less
    what failed since; of a dispute the latest.
    """
    once = {notice.event_id: notice for notice in notices}
    known = sorted(once.values(), key=lambda notice: (notice.at, notice.event_id))
    paid = [notice for notice in known if notice.kind is Kind.paid and notice.amount]
    refunds = [notice for notice in known if notice.kind is Kind.refunded]
    failures = [notice for notice in known if notice.kind is Kind.refund_failed]
    disputes = [notice for notice in known if notice.kind in _DISPUTES]
    if not (paid or refunds or disputes):
        return None
    amount = paid[0].amount if paid else None
    others = [n for n in (*refunds, *failures) if n.amount and amount and n.amount.currency != amount.currency]
    moved = [notice for notice in (*refunds, *failures) if notice not in others]
    return Standing(
        paid=amount,
        refunded_minor=_refunded(moved, amount),
        disputed=_disputed(disputes),
        paid_at=paid[0].at if paid else None,
        refunded_at=_latest(moved),
        disputed_at=_latest(disputes),
        bounced=bool(failures),
        strange=bool(others),
        **{
            name: _first([*paid, *refunds, *disputes], name)
            for name in ("order", "plan", "payer", "subscription", "period_ends_at")
        },
    )


def _refunded(notices: Iterable[Notice], paid: Amount | None) -> int:
    """What is refunded after all of them. Of refunds with one time the largest sum is the latest."""
    minor = 0
    for _, failed, sum_minor in sorted((n.at, n.kind is Kind.refund_failed, _minor(n, paid)) for n in notices):
        minor = max(0, minor - sum_minor) if failed else sum_minor
    return minor


def _minor(refund: Notice, paid: Amount | None) -> int:
    """A refund without an amount is one of all."""
    amount = refund.amount or paid
    return amount.minor if amount else 0


def _disputed(disputes: Sequence[Notice]) -> Dispute:
    ranks = list(_DISPUTES)
    latest = max(disputes, key=lambda notice: (notice.at, ranks.index(notice.kind)), default=None)
    return _DISPUTES[latest.kind] if latest else Dispute.none


def _latest(notices: Sequence[Notice]) -> datetime | None:
    return max((notice.at for notice in notices), default=None)


def _first(notices: Sequence[Notice], name: str) -> Any:
    return next((value for notice in notices if (value := getattr(notice, name)) is not None), None)
