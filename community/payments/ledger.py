"""The ledger: where a payment's money is, by double entry. What is booked is the difference to what was booked before.

So it is booked once, whatever came how often and in which order, and what it says in the end is the same.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from community.activity.counted import mark_late_since
from community.database.pool import Connection
from community.database.queries import load
from community.payments.fold import Dispute, Standing

queries = load(__file__, "ledger.sql")

REVENUE = "revenue:"
_DAY = timedelta(days=1)

Entries = Mapping[tuple[str, str], int]
"""Account and currency → smallest units; debit positive."""


@dataclass(frozen=True, slots=True)
class Booking:
    """Whose books: a payment, and what made it known."""

    provider: str
    charge: str
    at: datetime
    by: str
    order_id: int | None = None
    event_id: str | None = None
    note: str = ""


def position(provider: str, standing: Standing, plan: str | None) -> dict[tuple[str, str], int]:
    """Where the money is. `plan`: what it was paid for; None: not known, so that it is nobody's yet. It adds up to 0.

    Disputed money is not with us; lost, it counts as refunded.
    """
    if standing.paid is None:
        return {}
    paid, refunded, suspense = standing.paid.minor, standing.refunded_minor, f"suspense:{provider}"
    held = max(0, paid - refunded)
    withheld = held if standing.disputed in (Dispute.open, Dispute.lost) else 0
    lost = held if standing.disputed is Dispute.lost else 0
    entries: Counter[str] = Counter()
    entries[f"cash:{provider}"] += paid - refunded - withheld
    entries[f"{REVENUE}{plan}" if plan else suspense] -= paid
    entries[f"refunds:{plan}" if plan else suspense] += refunded + lost
    entries[f"disputed:{provider}"] += withheld - lost
    return {(account, standing.paid.currency): minor for account, minor in entries.items() if minor}


async def book(conn: Connection, booking: Booking, before: Standing, now: Standing, plan: str | None) -> list[str]:
    """Book what is new of the payment, in the caller's transaction and under the payment's lock; returns what it was.

    `before`: how it stood when it was last booked. Nothing new books nothing.
    """
    done: dict[str, datetime] = {}
    booked = await entries_of(conn, booking.provider, booking.charge)
    for what, standing, said_at in _steps(before, now, known=bool(booked)):
        wanted = position(booking.provider, standing, plan)
        if new := difference(booked, wanted):
            done[what] = min(said_at or booking.at, booking.at)
            await _append(conn, booking, what, done[what], new)
            booked = wanted
    first = min(done.values(), default=booking.at)
    if booking.at - first > _DAY:  # what somebody has paid counts for all days that it is for
        await mark_late_since(conn, first, booking.at)
    return list(done)


async def entries_of(conn: Connection, provider: str, charge: str) -> dict[tuple[str, str], int]:
    """What the ledger says of a payment."""
    found = await conn.execute(queries.booked, {"provider": provider, "charge": charge})
    return {(row["account"], row["currency"]): row["minor"] for row in await found.fetchall()}


async def balances(conn: Connection) -> dict[tuple[str, str], int]:
    """Every account's balance in each currency."""
    rows = await (await conn.execute(queries.balances)).fetchall()
    return {(row["account"], row["currency"]): row["minor"] for row in rows}


def plan_of(entries: Entries) -> str | None:
    """The plan whose revenue a payment is by its entries; None: nobody's yet."""
    plans = [account.removeprefix(REVENUE) for account, _ in entries if account.startswith(REVENUE)]
    return min(plans, default=None)


def _steps(before: Standing, now: Standing, *, known: bool) -> Iterator[tuple[str, Standing, datetime | None]]:
    """What happened and when, each as a transaction of its own: paid or placed, refunded, disputed.

    It is known now what it was paid for: that is news of now.
    """
    before = before if known else Standing()
    former = replace(now, refunded_minor=before.refunded_minor, disputed=before.disputed)
    yield ("placed", former, None) if known else ("payment", former, now.paid_at)
    fell = now.refunded_minor < before.refunded_minor
    yield "refund_failed" if fell else "refund", replace(now, disputed=before.disputed), now.refunded_at
    names = {Dispute.open: "dispute", Dispute.lost: "dispute_lost"}
    yield names.get(now.disputed, "dispute_won"), now, now.disputed_at


def difference(booked: Entries, wanted: Entries) -> dict[tuple[str, str], int]:
    """What is to be booked so that it is as wanted."""
    keys = booked.keys() | wanted.keys()
    found = {key: wanted.get(key, 0) - booked.get(key, 0) for key in sorted(keys)}
    return {key: minor for key, minor in found.items() if minor}


async def _append(conn: Connection, booking: Booking, what: str, happened_at: datetime, entries: Entries) -> None:
    values = {
        "provider": booking.provider,
        "charge": booking.charge,
        "at": booking.at,
        "happened_at": happened_at,
        "by": booking.by,
        "order_id": booking.order_id,
        "event_id": booking.event_id,
        "note": booking.note,
        "what": what,
        "account": [account for account, _ in entries],
        "currency": [currency for _, currency in entries],
        "minor": list(entries.values()),
    }
    await conn.execute(queries.book, values)
