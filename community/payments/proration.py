"""What is left of a term's price when a longer one takes its place. Pure arithmetic."""

from datetime import datetime, timedelta

_TICK = timedelta(microseconds=1)


def unused(paid_minor: int, starts_at: datetime, ends_at: datetime, at: datetime) -> int:
    """The part of what was paid that the rest of the term is worth; a part of the smallest unit is the member's."""
    left = min(max(ends_at - at, timedelta()), ends_at - starts_at)
    return -(-paid_minor * (left // _TICK) // ((ends_at - starts_at) // _TICK))


def price_of_upgrade(price_minor: int, credit_minor: int) -> int:
    """What is left to pay; never less than nothing."""
    return max(0, price_minor - credit_minor)
