"""What a coupon takes off a price: whole numbers of the currency's smallest unit. Pure arithmetic."""

from enum import StrEnum
from typing import Any, Protocol

from community.playbook_types import Amount

WHOLE = 100_00
"""A hundred percent, in hundredths of a percent."""


class Kind(StrEnum):
    """What a coupon does with a price."""

    percent = "percent"
    amount = "amount"
    price = "price"
    opens = "opens"
    """A term for nothing."""


class Gift(Protocol):
    """What is written of a discount, in the playbook or by an operator: exactly one of the first four is given."""

    @property
    def percent(self) -> float | None: ...
    @property
    def amount(self) -> Amount | None: ...
    @property
    def price(self) -> Amount | None: ...
    @property
    def opens(self) -> str | None: ...
    @property
    def minimum(self) -> Amount | None: ...


def kind_of(gift: Gift) -> tuple[Kind, int]:
    """The kind and its value: hundredths of a percent, or the smallest unit of the currency; 0 for `opens`."""
    if gift.percent is not None:
        return Kind.percent, round(gift.percent * 100)
    if gift.amount is not None:
        return Kind.amount, gift.amount.minor
    return (Kind.price, gift.price.minor) if gift.price is not None else (Kind.opens, 0)


def currencies(gift: Gift) -> set[str]:
    """The currencies that it names; more than one cannot be."""
    return {amount.currency for amount in (gift.amount, gift.price, gift.minimum) if amount}


def discount(kind: Kind, value: int, price_minor: int) -> int:
    """What is taken off a price: never more than the price, never less than nothing.

    A part of the smallest unit is the member's: what is left to pay of a percentage is rounded down.
    """
    match kind:
        case Kind.percent:
            off = -(-price_minor * value // WHOLE)
        case Kind.amount:
            off = value
        case Kind.price:
            off = price_minor - value
        case Kind.opens:
            off = price_minor
    return max(0, min(off, price_minor))


def columns_of(gift: Gift) -> dict[str, Any]:
    """What a gift is, as a coupon's columns."""
    kind, value = kind_of(gift)
    return {
        "kind": kind,
        "value": value,
        "currency": min(currencies(gift), default=None),
        "opens": gift.opens,
        "minimum_minor": gift.minimum.minor if gift.minimum else None,
    }
