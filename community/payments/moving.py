"""A paid order goes to another account of whoever paid: terms, coupon, ways in, in one transaction. No money moves."""

from dataclasses import dataclass
from datetime import datetime

from community.access.entry_links import give_all, take_back as take_ways_back
from community.access.models import Term
from community.access.moving import Moved, move as move_terms
from community.access.terms import take_turns, terms_of
from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.errors import OrderRefused
from community.members.clean import storable
from community.members.follow_ups import NOTE_LIMIT, close_of
from community.members.persons import join
from community.outreach.triggers import leave_trigger
from community.payments.fulfil import Given
from community.payments.holding import Charge, hold
from community.payments.messages import drop_receipt, named, send_moved, send_moved_away
from community.payments.models import Order, Payment
from community.payments.numbers import shown
from community.payments.order_move import OrderMove
from community.payments.problems import TASK
from community.payments.settle import TRIGGER
from community.payments.till import Till

queries, payment_queries = load(__file__, "moving.sql"), load(__file__)


@dataclass(frozen=True, slots=True)
class Word:
    """Whose word it is that something is moved, and why."""

    by: str
    note: str


async def move(
    conn: Connection, bundle: Bundle, payment: Payment, member_id: int, at: datetime, word: Word, *, bot_id: int
) -> list[Moved]:
    """Give what was paid for to another account: the payment's whole order, or subscription. Safe to do again, or back.

    The former account's terms are revoked and its ways in closed; the two accounts are one person from now on. Raises
    OrderRefused or AccessRefused when there is nothing to move, or it cannot be.
    """
    async with transaction(conn):
        till = Till(conn, bundle, at, bot_id)
        order, payments = await _held(conn, payment)
        former = _former(payment, order, member_id)
        if await (await conn.execute(payment_queries.account, {"member_id": member_id})).fetchone() is None:
            raise OrderRefused(f"member {member_id}: erased meanwhile")
        for who in sorted((former, member_id)):
            await take_turns(conn, who)
        theirs = [each for each in payments if each.member_id == former]
        moved = await move_terms(conn, await _terms(conn, former, theirs), member_id, at, by=word.by, note=word.note)
        if not moved:
            raise OrderRefused(f"payment {named(payment)}: it gives nothing now ({payment.state}); nothing to move")
        for each in theirs:
            await drop_receipt(till, each, "moved")
        await _write(conn, theirs, order, former, member_id, moved)
        await join(conn, former, member_id)
        await take_ways_back(conn, bundle.playbook, [old.id for old, _ in moved], at)
        await _finish(till, payment, order, former, member_id, moved, word)
    return moved


async def moves_of(conn: Connection, order_id: int) -> list[OrderMove]:
    """To whom an order was moved, by whom and why; the first first."""
    return [OrderMove(**row) for row in await (await conn.execute(queries.moves, {"order_id": order_id})).fetchall()]


async def occasion(conn: Connection, order: Order) -> str:
    """What the task of somebody who claims another's order is about: each time it was moved it is another occasion."""
    moves = len(await moves_of(conn, order.id))
    return f"claim of {order.number}" + (f":{moves}" if moves else "")


async def _held(conn: Connection, payment: Payment) -> tuple[Order | None, list[Payment]]:
    values = {"provider": payment.provider, "charge": payment.charge}

    async def family() -> list[Charge]:
        return await (await conn.execute(queries.family, values)).fetchall()

    order, charges = await hold(conn, payment.order_id, family)
    columns = {name: [charge[name] for charge in charges] for name in ("provider", "charge")}
    rows = await (await conn.execute(queries.payments, columns)).fetchall()
    return order, [Payment(**row) for row in rows]


def _former(payment: Payment, order: Order | None, member_id: int) -> int:
    """Whose it is now. Raises OrderRefused."""
    former = order.member_id if order else payment.member_id
    about = f"order {shown(order.number)}" if order else f"payment {named(payment)}"
    if former is None:
        raise OrderRefused(f"{about}: it is nobody's yet; give it to a member: sop payments claim")
    if former == member_id:
        raise OrderRefused(f"{about}: it is member {member_id}'s already")
    return former


async def _terms(conn: Connection, member_id: int, payments: list[Payment]) -> list[Term]:
    """What the payments give the member; what staff revoked by hand stays so."""
    given = {term for payment in payments if payment.state == "matched" for term in payment.terms}
    return [term for term in await terms_of(conn, member_id) if term.id in given and term.revoked_at is None]


async def _write(
    conn: Connection, payments: list[Payment], order: Order | None, former: int, member_id: int, moved: list[Moved]
) -> None:
    new = {old.id: term.id for old, term in moved}
    for payment in payments:
        payment.terms, payment.member_id = [new.get(term, term) for term in payment.terms], member_id
        await conn.execute(
            queries.give_payment, payment.model_dump(include={"provider", "charge", "terms", "member_id"})
        )
    values = {"order_id": order.id if order else None, "former": former, "member_id": member_id}
    await conn.execute(queries.give_order, values)
    for old, term in new.items():
        await conn.execute(queries.replaces, {"old": old, "new": term})
    columns = {name: [getattr(payment, name) for payment in payments] for name in ("provider", "charge")}
    await conn.execute(queries.give_requests, {**columns, "former": former, "member_id": member_id})


async def _finish(
    till: Till, payment: Payment, order: Order | None, former: int, member_id: int, moved: list[Moved], word: Word
) -> None:
    """What was done is noted, and told to both accounts."""
    if order:
        outcome = f"moved by {word.by}"
        about = await occasion(till.conn, order)
        await close_of(till.conn, member_id, TASK, about, till.at, by=word.by, outcome=outcome)
    values = {
        "order_id": order.id if order else None,
        "provider": payment.provider,
        "charge": payment.charge,
        "former": former,
        "member_id": member_id,
        "at": till.at,
        "by": word.by,
        "note": storable(word.note)[:NOTE_LIMIT],
    }
    row = await (await till.conn.execute(queries.note, values)).fetchone()
    assert row is not None
    terms = _latest(payment, [new for _, new in moved])
    live = [term for term in terms if term.ends_at is None or term.ends_at > till.at]
    ways = await give_all(till.conn, till.playbook, live, till.at, order_id=payment.order_id)
    await send_moved(till, payment, order, Given(terms, ways), member_id)
    await send_moved_away(till, payment, order, former, row["id"])
    await leave_trigger(till.conn, TRIGGER, member_id, till.at)


def _latest(payment: Payment, terms: list[Term]) -> list[Term]:
    """Of each plan the term that ends last: what was bought first, then what is included."""
    latest = {term.plan: term for term in sorted(terms, key=lambda term: (term.starts_at, term.id))}
    return sorted(latest.values(), key=lambda term: term.plan != payment.plan)
