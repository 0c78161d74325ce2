"""Was everybody who paid treated well? What payers remember and Telegram saw against orders, ledger and terms. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from community.simulation.crowd import Done
from community.simulation.paying import Paid
from community.simulation.shopping import FIRST_STRANGER

Row = Mapping[str, Any]
Problems = Iterator[str]
NOT_IN = "outside"
"""Reconciliation's word for who holds a way in and did not come; nobody must."""


@dataclass(frozen=True, slots=True)
class Trade:
    """Everything known at the end of what was sold, from three sides."""

    paid: Sequence[Paid] = ()
    """What people remember."""
    done: Sequence[Done] = ()
    """What people did."""
    refunded: frozenset[str] = frozenset()
    """Charges that Telegram has given back."""
    receipts: Sequence[str] = ()
    """The charge of every receipt that arrived."""
    shown: Sequence[tuple[int, str]] = ()
    """(person, link) of each entry link that reached somebody, once for each message."""
    inside: frozenset[int] = frozenset()
    """Who is in the group that is paid for, by Telegram; without those who run it."""
    payments: Sequence[Row] = ()
    """telegram_id, charge, state, minor, refunded_minor, currency, order_state, counted."""
    balances: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By account and currency."""
    entries: Sequence[Row] = ()
    """Entry links that were given: invite_link, telegram_id."""
    holders: Sequence[Row] = ()
    """Who holds or held what opens the group: telegram_id, holds, grace_over, removed (seconds), bought."""
    findings: Sequence[Row] = ()
    """What reconciliation found: kind, telegram_id, about."""


def _receipts(trade: Trade) -> Problems:
    arrived, known = Counter(trade.receipts), {row["charge"]: row for row in trade.payments}
    for paid in trade.paid:
        if arrived[paid.charge] != 1:
            yield f"{paid.user} got {arrived[paid.charge]} receipts for {paid.charge}"
        if known.get(paid.charge, {}).get("telegram_id") != paid.user:
            yield f"{paid.charge} is not known to be {paid.user}'s"
    for charge in arrived.keys() - {paid.charge for paid in trade.paid}:
        yield f"a receipt for {charge}, which nobody paid"


def _links(trade: Trade) -> Problems:
    """One link each: nobody paid and has none, nobody has another's, nobody has two that both open."""
    readers: dict[str, set[int]] = defaultdict(set)
    for person, link in trade.shown:
        readers[link].add(person)
    yield from (f"{link} was shown to {sorted(who)}" for link, who in readers.items() if len(who) > 1)
    owners = {row["telegram_id"] for row in trade.entries}
    yield from (f"{paid.user} paid and has no way in" for paid in trade.paid if paid.user not in owners)
    open_ = Counter(row["telegram_id"] for row in trade.entries if row["revoked_at"] is None)
    yield from (f"{person} has {number} links" for person, number in open_.items() if number > 1)


def _ledger(trade: Trade) -> Problems:
    kept: dict[tuple[str, str], int] = defaultdict(int)
    for paid in trade.paid:
        kept[f"cash:{paid.provider}", paid.currency] += 0 if paid.charge in trade.refunded else paid.minor
    booked = {key: minor for key, minor in trade.balances.items() if key[0].startswith("cash:")}
    for key in kept.keys() | booked.keys():
        if kept.get(key, 0) != booked.get(key, 0):
            yield f"{key[0]}: booked are {booked.get(key, 0)} {key[1]}, {kept.get(key, 0)} were paid and kept"
    sums: Counter[str] = Counter()
    for (account, currency), minor in trade.balances.items():
        sums[currency] += minor
        if account.startswith(("suspense:", "disputed:")) and minor:
            yield f"{account}: {minor} {currency} are nobody's"
    yield from (f"the books are out by {minor} {currency}" for currency, minor in sums.items() if minor)


def _nobody_inside(trade: Trade) -> Problems:
    known = {row["telegram_id"]: row for row in trade.holders}
    for person in sorted(trade.inside):
        row = known.get(person)
        if row is None:
            yield f"{person} is inside and never held anything"
        elif row["grace_over"]:
            yield f"{person} is inside, and what they held is over"


def _everybody_inside(trade: Trade) -> Problems:
    asked = {act.user: act.at for act in _asked(trade)}
    for row in trade.holders:
        person = row["telegram_id"]
        if row["holds"] and person not in trade.inside and asked.get(person, 0.0) > (row["removed"] or 0.0):
            yield f"{person} holds a way in, asked to come in, and is outside"


def _strangers(trade: Trade) -> Problems:
    yield from (f"{person} came in by another's link" for person in trade.inside if person >= FIRST_STRANGER)


def _refunds(trade: Trade) -> Problems:
    for row in trade.payments:
        given_back, over = row["charge"] in trade.refunded, row["state"] == "reversed"
        if given_back is not over:
            yield f"{row['charge']} is {row['state']}, and the money was {'' if given_back else 'not '}given back"
        if given_back and row["order_state"] != "refunded":
            yield f"{row['charge']} was given back, and its order is {row['order_state']}"


def _counted(trade: Trade) -> Problems:
    for row in trade.payments:
        if row["state"] in ("matched", "reversed") and not row["counted"]:
            yield f"{row['telegram_id']} bought, and it is not counted"
        if row["state"] in ("received", "unmatched", "unclaimed"):
            yield f"{row['charge']} is {row['state']}"


def _reconciled(trade: Trade) -> Problems:
    yield from (f"{row['kind']}: {row['about']}" for row in trade.findings if row["kind"] != NOT_IN)


def _asked(trade: Trade) -> Iterator[Done]:
    """Each time somebody asked to come in by an entry link."""
    links = {row["invite_link"] for row in trade.entries}
    for act in trade.done:
        if act.do == "request_join" and not act.refused and act.gesture.get("link") in links:
            yield act


CLAIMS: Mapping[str, Callable[[Trade], Problems]] = {
    "whoever paid got one receipt for each payment": _receipts,
    "whoever paid has a way in of their own, and one only": _links,
    "the ledger balances, and says what payers and Telegram say": _ledger,
    "nobody is in the paid group without a term, but for the days of grace": _nobody_inside,
    "everybody with a term who wanted in is in": _everybody_inside,
    "nobody came in by another's link": _strangers,
    "what was refunded was given back and is over, and nothing else": _refunds,
    "every purchase is counted": _counted,
    "reconciliation finds nothing that does not fit": _reconciled,
}
