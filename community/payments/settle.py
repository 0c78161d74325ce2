"""Settling: from what a provider said of a payment to ledger, access and one receipt, all in one transaction.

A payment is what its events add up to. Settling compares that with what was done for it and does what is missing, so
that it may be repeated, and events may come late, twice and in any order.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from community.access.entry_links import take_back as take_ways_back
from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.outreach.triggers import leave_trigger
from community.payments.fold import Dispute, Standing, fold
from community.payments.fulfil import end_subscription, fulfil, keep_order_right, take_back
from community.payments.judging import Judgement, judge
from community.payments.ledger import Booking, book, entries_of, plan_of
from community.payments.messages import Renewal, drop_receipt, named, send_problem, send_receipt, send_refund
from community.payments.models import Order, Payment
from community.payments.notice import Kind, Notice
from community.payments.numbers import read_number
from community.payments.obstacles import is_spent, obstacle
from community.payments.problems import DISPUTE, TASK, needs_human, tell_staff
from community.payments.seconds import settle_seconds
from community.payments.subscriptions import stop_with
from community.payments.till import Till
from community.playbook_types import Amount

queries, order_queries = load(__file__), load(__file__, "orders.sql")

TRIGGER = "payment_access"
"""Stage of the run that shows what was done at once."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How a payment stands after it was settled, and what was booked. No payment: nothing has moved money."""

    payment: Payment | None
    booked: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.payment is None:
            return "nothing paid"
        return " ".join([self.payment.state, *([self.payment.why] if self.payment.why else []), *self.booked])


async def settle(
    conn: Connection,
    bundle: Bundle,
    provider: str,
    charge: str,
    at: datetime,
    *,
    bot_id: int,
    by: str = "provider",
    event_id: str | None = None,
) -> Settled:
    """Bring ledger, access and messages to what the payment's events say. Safe to repeat, and in parallel."""
    async with transaction(conn):
        till = Till(conn, bundle, at, bot_id)
        await conn.execute(queries.take_turns, {"provider": provider, "charge": charge})
        standing = fold(await notices_of(conn, provider, charge))
        if standing is None:
            return Settled(None)
        before = await _before(till, provider, charge)
        order = await _order(till, before, standing)
        placed = plan_of(await entries_of(conn, provider, charge))
        payment = await _judged(till, before, standing, order, placed)
        booking = Booking(provider, charge, at, by, payment.order_id, event_id)
        booked = await book(conn, booking, _stood(before), standing, placed or _placed(payment))
        await _carry_out(till, before, payment, standing, order)
        await _keep(conn, payment)
        if order:
            await keep_order_right(till, order)
            await conn.execute(order_queries.bring_up_to_date, {"id": order.id})
        if before.terms and not payment.terms:  # only now is it known what else lets the member in
            await take_ways_back(conn, till.playbook, before.terms, at)
            if order:
                await settle_seconds(till, order, partial(_settle_also, till, by))
        return Settled(payment, tuple(booked))


async def _settle_also(till: Till, by: str, provider: str, charge: str) -> Payment | None:
    return (await settle(till.conn, till.bundle, provider, charge, till.at, bot_id=till.bot_id, by=by)).payment


# What is known.


async def notices_of(conn: Connection, provider: str, charge: str) -> list[Notice]:
    """All that is known of a payment."""
    rows = await (await conn.execute(queries.notices, {"provider": provider, "charge": charge})).fetchall()
    return [notice_of(row) for row in rows]


def notice_of(row: dict[str, Any]) -> Notice:
    """What a stored event says."""
    amount = None
    if row["amount_minor"] is not None and row["currency"]:
        amount = Amount(minor=row["amount_minor"], currency=row["currency"])
    return Notice(
        kind=Kind(row["kind"]),
        event_id=row["event_id"],
        name=row["name"],
        at=row["happened_at"],
        charge=row["charge"],
        order=row["order_number"],
        plan=row["plan"],
        amount=amount,
        payer=row["payer"],
        subscription=row["subscription"],
        period_ends_at=row["period_ends_at"],
    )


async def _before(till: Till, provider: str, charge: str) -> Payment:
    """The payment as it was last settled; a new one if it never was."""
    found = await till.conn.execute(queries.payment, {"provider": provider, "charge": charge})
    row = await found.fetchone()
    if row:
        return Payment(**row)
    return Payment(
        provider=provider,
        charge=charge,
        refunded_minor=0,
        disputed=Dispute.none,
        terms=[],
        state="received",
        changed_at=till.at,
    )


def _stood(before: Payment) -> Standing:
    """How the payment stood when it was booked."""
    return Standing(refunded_minor=before.refunded_minor, disputed=Dispute(before.disputed))


async def _order(till: Till, before: Payment, standing: Standing) -> Order | None:
    """The payment's order, for this transaction alone: the one that it names, else its subscription's."""
    order_id = before.order_id
    if order_id is None and standing.order is not None:
        found = await till.conn.execute(order_queries.by_number, {"number": read_number(standing.order)})
        order_id = (await found.fetchone() or {}).get("id")
    elif order_id is None:
        order_id = (await _of_subscription(till, before, standing)).get("order_id")
    row = await (await till.conn.execute(order_queries.held, {"id": order_id})).fetchone()
    return Order(**row) if row else None


async def _of_subscription(till: Till, before: Payment, standing: Standing) -> dict[str, Any]:
    """What the subscription's first payment is for, and whose; nothing if this is the first."""
    if standing.subscription is None:
        return {}
    values = {"provider": before.provider, "charge": before.charge, "subscription": standing.subscription}
    return await (await till.conn.execute(queries.first_of_subscription, values)).fetchone() or {}


# What follows from it.


async def _judged(till: Till, before: Payment, standing: Standing, order: Order | None, placed: str | None) -> Payment:
    """The payment as it stands now, with the terms it has given so far. `placed`: what its money was booked for."""
    first = await _of_subscription(till, before, standing)
    agreed = placed is not None or before.placed_by is not None
    if agreed:
        judged = Judgement(placed or before.plan, None)
    else:
        spent = await is_spent(till, before, order)
        judged = judge(till.playbook, standing, order, standing.plan or first.get("plan"), spent=spent)
    member_id = before.member_id or (order and order.member_id) or await _member(till, standing, first)
    if order and order.member_id is None and member_id is not None and judged.why is None:
        await till.conn.execute(order_queries.give_to, {"id": order.id, "member_id": member_id})
        order.member_id = member_id
    payment = _known(before, standing, judged, order.id if order else None, member_id, till.at)
    if _is_new(payment) and standing.is_kept:
        payment.why = await obstacle(till, payment, order, agreed=agreed)
    payment.state = _state(payment, standing, placed=placed is not None)
    return payment


def _known(
    before: Payment, standing: Standing, judged: Judgement, order_id: int | None, member_id: int | None, at: datetime
) -> Payment:
    return Payment(
        provider=before.provider,
        charge=before.charge,
        order_id=order_id,
        member_id=member_id,
        payer=standing.payer,
        plan=judged.plan,
        paid_minor=standing.paid.minor if standing.paid else None,
        refunded_minor=standing.refunded_minor,
        currency=standing.paid.currency if standing.paid else None,
        disputed=standing.disputed,
        paid_at=standing.paid_at,
        subscription=standing.subscription,
        terms=before.terms,
        state=before.state,
        why=judged.why,
        placed_by=before.placed_by,
        changed_at=at,
    )


async def _member(till: Till, standing: Standing, first: dict[str, Any]) -> int | None:
    """Whose it is: who has the subscription by now, as it may have moved; else who paid."""
    if first.get("member_id") is not None:
        return int(first["member_id"])
    row = await (await till.conn.execute(queries.member_of_payer, {"payer": standing.payer})).fetchone()
    return row["id"] if row else None


def _placed(payment: Payment) -> str | None:
    """The plan whose revenue the payment is; None: nobody's yet, as something is wrong or nobody is known."""
    known = payment.why is None and payment.paid_minor is not None and payment.member_id is not None
    return payment.plan if known else None


def _is_new(payment: Payment) -> bool:
    """Whether there is something to give that was not given yet."""
    return payment.why is None and payment.member_id is not None and not payment.terms


def _state(payment: Payment, standing: Standing, *, placed: bool) -> str:
    checks = (
        (standing.paid is None, "received"),
        (not standing.is_kept, "reversed"),
        (payment.why is not None, "unmatched"),
        (payment.member_id is None and not placed, "unclaimed"),
    )
    return next((state for holds, state in checks if holds), "matched")


async def _carry_out(till: Till, before: Payment, payment: Payment, standing: Standing, order: Order | None) -> None:
    """Give or take back, and tell whom it concerns: each only when something has changed."""
    stopped = False
    if payment.state == "matched" and _is_new(payment):
        await _give(till, before, payment, standing, order)
    elif payment.state == "reversed" and payment.terms:
        await drop_receipt(till, payment)
        if payment.subscription and not await is_ended(till, payment):
            stopped = await stop_with(till, payment)
        await take_back(till, payment)
        payment.terms = []
        await _leave_trigger(till, payment)
    if payment.state == "unmatched" and (before.state, before.why) != (payment.state, payment.why):
        await needs_human(till, TASK, named(payment), payment.member_id, payment.why or "")
        await send_problem(till, payment, order)
    if payment.state == "unclaimed" and before.state != "unclaimed" and order is None:  # no order, so no code
        await needs_human(till, TASK, named(payment), None, "unclaimed")
    await _tell_of_reversals(till, before, payment, standing, order, stopped=stopped)


async def _give(till: Till, before: Payment, payment: Payment, standing: Standing, order: Order | None) -> None:
    given = await fulfil(till, payment, order, standing.period_ends_at)
    payment.terms = [term.id for term in given.terms]
    ended = await is_ended(till, payment)
    renewal = Renewal(bool(payment.subscription) and not ended, standing.period_ends_at)
    await send_receipt(till, payment, order, given, renewal, again=before.state == "reversed")
    for chat in given.ways.astray:
        await tell_staff(till, f"astray:{chat}", f"Paid for, and the bot is not in it: {chat}", f"plan {payment.plan}")
    await _leave_trigger(till, payment)
    if ended:
        await end_subscription(till, payment)


async def _tell_of_reversals(
    till: Till, before: Payment, payment: Payment, standing: Standing, order: Order | None, *, stopped: bool
) -> None:
    if standing.paid is None:
        return
    lost = standing.disputed is Dispute.lost and before.disputed != Dispute.lost
    if lost or standing.refunded_minor > (before.refunded_minor if before.paid_minor is not None else 0):
        ended = bool(before.terms and not payment.terms)
        await send_refund(till, payment, order, standing, ended=ended, stopped=stopped)
    if standing.disputed is Dispute.open and before.disputed != Dispute.open:
        await needs_human(till, DISPUTE, named(payment), payment.member_id, "disputed")
    fell = standing.refunded_minor < before.refunded_minor and not standing.bounced
    if fell or standing.strange or standing.refunded_minor > standing.paid.minor:
        await tell_staff(till, "strange_refund", "A refund does not fit what was paid", f"payment {named(payment)}")


async def is_ended(till: Till, payment: Payment) -> bool:
    """Whether its provider has said, after it was paid, that the subscription does not go on."""
    values = {"provider": payment.provider, "subscription": payment.subscription}
    ended_at = (await (await till.conn.execute(queries.ended, values)).fetchone() or {}).get("at")
    return ended_at is not None and payment.paid_at is not None and ended_at >= payment.paid_at


async def _leave_trigger(till: Till, payment: Payment) -> None:
    if payment.member_id is not None:
        await leave_trigger(till.conn, TRIGGER, payment.member_id, till.at)


async def _keep(conn: Connection, payment: Payment) -> None:
    await conn.execute(queries.keep, payment.model_dump())
