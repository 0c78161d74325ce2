"""Payments brought in by a list: what was paid before, or elsewhere, with what it was paid for.

They become what they would be had their provider told of them: events, a payment, the ledger, a term. Nobody is written
to, and no way into a chat is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from community.access.bring_in import ListedTerm, bring_in_terms
from community.access.calendar import end_of
from community.access.grant import plan_of
from community.activity.counted import keep_counter_out, mark_late_since
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.payments.fold import Standing
from community.payments.ledger import difference, position
from community.playbook import Playbook
from community.playbook_types import Amount

queries = load(__file__, "bring_in.sql")

APART = timedelta(days=3)
"""A term that is there begins at most so long before or after the payment it was bought with."""
Row = dict[str, Any]
Problem = tuple[int, str]


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """A payment of a list. `number`: its line, by which problems are told."""

    number: int
    provider: str
    charge: str
    telegram_id: int
    plan: str
    paid_at: datetime
    paid: Amount
    refunded_minor: int = 0
    refunded_at: datetime | None = None
    starts_at: datetime | None = None
    """None: when it was paid, or what was bought before is over."""
    ends_at: datetime | None = None
    """None: by the plan's length."""

    @property
    def standing(self) -> Standing:
        """How it stands."""
        return Standing(paid=self.paid, refunded_minor=self.refunded_minor, paid_at=self.paid_at)


@dataclass(frozen=True, slots=True)
class PaymentsBroughtIn:
    """What came of a list. With problems, nothing was added."""

    added: int = 0
    known: int = 0
    terms: int = 0
    problems: Sequence[Problem] = ()


async def bring_in_payments(
    conn: Connection, playbook: Playbook, listed: Sequence[ListedPayment], at: datetime, *, by: str, note: str
) -> PaymentsBroughtIn:
    """The payments of a list, all of them or none; those that are there already stay. Plans are of the playbook.

    What was kept gives a term, which may be there already; it lets its member in if it runs now.
    """
    async with transaction(conn):
        await keep_counter_out(conn)
        await conn.execute(queries.alone)
        ids = await _members(conn, listed)
        there = await _there(conn, listed)
        problems = [*_strangers(listed, ids), *_others(listed, there, ids), *_to_come(listed, at)]
        if problems:
            return PaymentsBroughtIn(problems=sorted(problems))
        new = [payment for payment in listed if (payment.provider, payment.charge) not in there]
        terms = [*_terms(playbook, new, await _held(conn, ids))]
        brought = await bring_in_terms(conn, playbook, terms, at, by=by, note=note)
        if brought.problems:
            hints = [(number, f"{what}; say when it starts, if it is that") for number, what in brought.problems]
            return PaymentsBroughtIn(problems=hints)
        if new:
            await _add(conn, new, ids, {"at": at, "by": by, "note": note})
    return PaymentsBroughtIn(len(new), len(listed) - len(new), brought.added)


async def _members(conn: Connection, listed: Sequence[ListedPayment]) -> dict[int, int]:
    wanted = sorted({payment.telegram_id for payment in listed})
    rows = await (await conn.execute(queries.members, {"telegram_ids": wanted})).fetchall()
    return {row["telegram_id"]: row["id"] for row in rows}


async def _there(conn: Connection, listed: Sequence[ListedPayment]) -> dict[tuple[str, str], Row]:
    values = {"provider": [p.provider for p in listed], "charge": [p.charge for p in listed]}
    rows = await (await conn.execute(queries.there, values)).fetchall()
    return {(row["provider"], row["charge"]): row for row in rows}


def _strangers(listed: Sequence[ListedPayment], ids: Mapping[int, int]) -> Iterator[Problem]:
    for payment in listed:
        if payment.telegram_id not in ids:
            yield payment.number, f"telegram_id {payment.telegram_id}: no such member; `sop import members` first"


def _to_come(listed: Sequence[ListedPayment], at: datetime) -> Iterator[Problem]:
    for payment in listed:
        if max(payment.paid_at, payment.refunded_at or payment.paid_at) > at:
            yield payment.number, "it is yet to come; a list is of what has happened"


def _others(
    listed: Sequence[ListedPayment], there: Mapping[tuple[str, str], Row], ids: Mapping[int, int]
) -> Iterator[Problem]:
    """Lines of a payment that is there already, and says something else."""
    for payment in listed:
        row = there.get((payment.provider, payment.charge))
        if row is None or payment.telegram_id not in ids:
            continue
        name = f"payment {payment.provider}:{payment.charge} is there already"
        mine = (payment.paid.minor, payment.paid.currency, payment.plan, ids[payment.telegram_id])
        if mine != (row["paid_minor"], row["currency"], row["plan"], row["member_id"]):
            yield payment.number, f"{name}, with another sum, plan or member: `sop payments show {payment.charge}`"
        elif payment.refunded_minor != row["refunded_minor"]:
            yield payment.number, f"{name}, with another sum refunded: `sop payments refund {payment.charge} --done`"


# What it was for.


async def _held(conn: Connection, ids: Mapping[int, int]) -> dict[int, list[Row]]:
    """By account: terms for which no payment is known."""
    rows = await (await conn.execute(queries.held, {"member_ids": list(ids.values())})).fetchall()
    held: dict[int, list[Row]] = {}
    for row in rows:
        held.setdefault(row["telegram_id"], []).append(row)
    return held


def _terms(playbook: Playbook, new: Sequence[ListedPayment], held: Mapping[int, list[Row]]) -> Iterator[ListedTerm]:
    """The term of each payment that was kept."""
    kept = [payment for payment in new if payment.standing.is_kept]
    for telegram_id, payments in groupby(sorted(kept, key=_by_member), key=lambda payment: payment.telegram_id):
        free = list(held.get(telegram_id, ()))
        covered: dict[str, datetime | None] = {}
        for payment in payments:
            line = plan_of(playbook, payment.plan).line
            term = _term(playbook, payment, free, covered.get(line, payment.paid_at))
            covered[line] = term.ends_at
            yield term


def _by_member(payment: ListedPayment) -> tuple[int, datetime, int]:
    return payment.telegram_id, payment.starts_at or payment.paid_at, payment.number


def _term(playbook: Playbook, payment: ListedPayment, free: list[Row], covered_until: datetime | None) -> ListedTerm:
    """As the list says; else the one that is there; else it follows what was bought before."""
    starts_at, ends_at = payment.starts_at, payment.ends_at
    if starts_at is None and (found := next((row for row in free if _fits(row, payment)), None)):
        free.remove(found)
        starts_at, ends_at = found["starts_at"], found["ends_at"]
    else:
        starts_at = starts_at or max(payment.paid_at, covered_until or payment.paid_at)
        length, zone = plan_of(playbook, payment.plan).length, playbook.community.zone
        ends_at = ends_at or end_of(starts_at, starts_at, length, zone)
    return ListedTerm(
        payment.number,
        payment.telegram_id,
        payment.plan,
        starts_at,
        ends_at,
        payment.paid,
        source=payment.provider,
        by=payment.charge,
    )


def _fits(row: Row, payment: ListedPayment) -> bool:
    """Whether a term that is there is what was bought."""
    return bool(row["plan"] == payment.plan and abs(row["starts_at"] - payment.paid_at) <= APART)


# Written down, all at once.


async def _add(conn: Connection, new: Sequence[ListedPayment], ids: Mapping[int, int], how: Row) -> None:
    columns = _columns(new, ids)
    await conn.execute(queries.add_events, columns)
    await conn.execute(queries.add_payments, columns | how)
    await conn.execute(queries.book, _booked(new) | how)
    await mark_late_since(conn, min(payment.paid_at for payment in new), how["at"])


def _columns(new: Sequence[ListedPayment], ids: Mapping[int, int]) -> dict[str, list[Any]]:
    return {
        "provider": [payment.provider for payment in new],
        "charge": [payment.charge for payment in new],
        "member_id": [ids[payment.telegram_id] for payment in new],
        "payer": [payment.telegram_id for payment in new],
        "plan": [payment.plan for payment in new],
        "paid_minor": [payment.paid.minor for payment in new],
        "currency": [payment.paid.currency for payment in new],
        "paid_at": [payment.paid_at for payment in new],
        "refunded_minor": [payment.refunded_minor for payment in new],
        "refunded_at": [payment.refunded_at or payment.paid_at for payment in new],
        "kept": [payment.standing.is_kept for payment in new],
    }


def _booked(new: Sequence[ListedPayment]) -> dict[str, list[Any]]:
    """Each entry with the transaction that it is of."""
    entries = [
        (payment.provider, payment.charge, what, happened_at, account, currency, minor)
        for payment in new
        for what, happened_at, sides in _moves(payment)
        for (account, currency), minor in sides.items()
    ]
    names = ("provider", "charge", "what", "happened_at", "account", "currency", "minor")
    return dict(zip(names, map(list, zip(*entries, strict=True)), strict=True))


def _moves(payment: ListedPayment) -> Iterator[tuple[str, datetime, Mapping[tuple[str, str], int]]]:
    """How its money moved, and when."""
    paid = position(payment.provider, replace(payment.standing, refunded_minor=0), payment.plan)
    yield "payment", payment.paid_at, paid
    if payment.refunded_minor:
        left = position(payment.provider, payment.standing, payment.plan)
        yield "refund", payment.refunded_at or payment.paid_at, difference(paid, left)
