"""Late or on time, in words."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from community.outreach.attainment import Punctuality
from tasks.words import PUT_OFF, age

HEAD = (
    "in time",
    "wanted",
    "on time",
    "put off, then in time",
    "late",
    "late, not sent yet",
    "missed",
    "dropped by rule",
)


def shares(found: Iterable[Punctuality]) -> list[tuple[object, ...]]:
    """Cells under `HEAD` for each, after its name."""
    return [
        (
            *(row.of, share_words(row), row.wanted, row.on_time, row.put_off),
            *(late_words(row), row.overdue, row.missed, row.dropped),
        )
        for row in found
    ]


def share_words(row: Punctuality) -> str | None:
    """The share that went in time, rounded down: 100 % is all of it."""
    return None if row.attained is None else f"{int(row.attained * 1000) / 10:g} %"


def late_words(row: Punctuality) -> str:
    """How many were late, and by how much."""
    if row.median_s is None or row.worst_s is None:
        return f"{row.late:,}"
    median, worst = (age(timedelta(seconds=int(seconds))) for seconds in (row.median_s, row.worst_s))
    return f"{row.late:,}: by {median} (median), {worst} (worst)"


def total(found: Sequence[Punctuality]) -> str:
    """One sentence over several: "128 of 130 in time (98.4 %)"."""
    kept, wanted = sum(row.on_time + row.put_off for row in found), sum(row.wanted for row in found)
    share = share_words(Punctuality("", on_time=kept, missed=wanted - kept))
    return f"{kept:,} of {wanted:,} in time ({share})" if share else "nothing was wanted yet"


def verdict(
    wanted_at: datetime, due_at: datetime, sent_at: datetime | None, late_s: int, reason: str | None, on_time: timedelta
) -> str:
    """Of one message that was sent: "on time", how late, or why it went later than wanted."""
    if sent_at is None:
        return "not sent"
    late = timedelta(seconds=late_s) + max(sent_at - due_at, timedelta())
    if late > on_time:
        return f"{age(late)} late"
    if sent_at - wanted_at > on_time:
        return f"in time, after it waited {PUT_OFF.get(reason or '', 'for quiet hours or caps')}"
    return "on time"
