"""When a term ends: calendar months at the same time of day in the community's zone, or hours. Pure arithmetic."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from community.playbook_types import Months


def end_of(start: datetime, counted_from: datetime, length: Months | None, zone: str) -> datetime | None:
    """The end (exclusive, UTC) of a term of that length which begins at `start`; None: for life.

    Months are counted from `counted_from`, the first day of those that follow each other: what began on 31 January ends
    on 28 February, and what follows that on 31 March. Where `start` is no whole number of months after it, the months
    are counted from `start`.
    """
    if length is None:
        return None
    if not length.months:
        return start.astimezone(UTC) + timedelta(hours=length.hours)
    anchor = anchor_of(start, counted_from, zone)
    return plus_months(anchor, _months_between(anchor, start, zone) + length.months, zone)


def anchor_of(start: datetime, counted_from: datetime, zone: str) -> datetime:
    """From where the months of a term that begins at `start` are counted: `counted_from` if it fits, else `start`."""
    months = _months_between(counted_from, start, zone)
    return counted_from if months >= 0 and plus_months(counted_from, months, zone) == start else start


def plus_months(at: datetime, months: int, zone: str) -> datetime:
    """The same day and time of day `months` later in `zone`; the last day of a month that is too short.

    A time of day that the clocks skip is as much later as they are put forward.
    """
    local = at.astimezone(ZoneInfo(zone))
    years, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(years, month + 1)[1])
    return local.replace(year=years, month=month + 1, day=day).astimezone(UTC)


def _months_between(earlier: datetime, later: datetime, zone: str) -> int:
    """By the names of the months alone."""
    first, last = earlier.astimezone(ZoneInfo(zone)), later.astimezone(ZoneInfo(zone))
    return (last.year - first.year) * 12 + last.month - first.month
