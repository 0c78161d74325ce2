"""Refunds: wished for, held against the rule, decided by staff, brought before the provider.

That the money went back is the provider's to say (`settle`); of what staff pay back by hand, theirs (`paid_back`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from community.access.models import Term
from community.access.terms import terms_of
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.errors import OrderRefused
from community.members.follow_ups import close_of, promise
from community.payments.events import StoredEvent, store
from community.payments.models import Order, Payment, RefundRequest
from community.payments.notice import Kind, Notice
from community.payments.numbers import shown
from community.playbook import Playbook
from community.playbook_types import Amount

queries = load(__file__, "refunds.sql")

TASK = "refund"
"""Kind of the task for staff; its occasion is the request's number."""
BY_HAND = "refund_by_hand"
"""Kind of the task to pay back where we cannot ask the provider; its occasion is the request's number."""
BY_ITSELF = frozenset({"stars", "stripe"})
"""Providers that we can ask for it; with others staff do it by hand."""
MOST_ATTEMPTS = 10
"""With pauses that double, within eight hours: less than the day for which Stripe knows a request by its number."""
MANUAL = "manual"
"""Name of the event by which staff say that it was paid back."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What the rule says about a payment's refund (SOP 1.33)."""

    days: int
    """Since it was paid."""
    used: int
    """How much of the time that it gives is over, in percent."""
    in_time: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """A request as it stands. `task`: for staff, if the request is new."""

    request: RefundRequest
    rule: Rule
    task: int | None


def rule_of(payment: Payment, terms: list[Term], within: timedelta, at: datetime) -> Rule:
    """Hold a payment against the rule; `terms` are those that it gives."""
    since = at - (payment.paid_at or at)
    return Rule(max(0, since.days), max((_used(term, at) for term in terms), default=0), since <= within)


def _used(term: Term, at: datetime) -> int:
    if term.ends_at is None or term.starts_at >= at:
        return 0
    return min(100, int(100 * ((at - term.starts_at) / (term.ends_at - term.starts_at))))


async def refundable(conn: Connection, order_id: int) -> Payment | None:
    """The order's newest payment of which something is still ours; of one in dispute the payer's bank decides."""
    row = await (await conn.execute(queries.refundable, {"order_id": order_id})).fetchone()
    return Payment(**row) if row else None


async def ask(conn: Connection, playbook: Playbook, order: Order, payment: Payment, at: datetime) -> Wish:
    """A member wishes their order's payment back. Asked again before it has come to an end, it stays one request."""
    assert payment.member_id is not None
    async with transaction(conn):
        row = await (await conn.execute(queries.ask, _asked(payment, order.id, at, "member", "asked"))).fetchone()
        request = RefundRequest(**row) if row else await _open(conn, payment)
        terms = [term for term in await terms_of(conn, payment.member_id) if term.id in payment.terms]
        rule = rule_of(payment, terms, playbook.payments.refund_within, at)
        task = None
        if row:
            due_at = at + playbook.payments.refund_answer_within
            note = f"order {shown(order.number)}: {left(payment)}"
            task = await promise(conn, payment.member_id, TASK, note, at, due_at, occurrence=str(request.id))
    return Wish(request, rule, task)


async def decide(conn: Connection, request_id: int, at: datetime, *, approve: bool, by: str) -> RefundRequest | None:
    """Staff's word on a request; who was first stands. None: there is nothing to decide, or it is for the payer's bank
    to say whose the money is.
    """
    async with transaction(conn):
        values = {"id": request_id, "by": by, "at": at, "approve": approve, "by_itself": list(BY_ITSELF)}
        row = await (await conn.execute(queries.decide, values)).fetchone()
        if row is None:
            return None
        request = RefundRequest(**row)
        if request.member_id is not None:
            word = "approved" if approve else "refused"
            await close_of(conn, request.member_id, TASK, str(request.id), at, by=by, outcome=word)
    return request


async def order_refund(conn: Connection, payment: Payment, at: datetime, *, by: str) -> RefundRequest:
    """Staff refund all that is left of a payment, asked for or not. Raises OrderRefused when nothing is, or while it is
    for the payer's bank to say whose the money is.
    """
    _check(payment)
    if payment.disputed in ("open", "lost"):
        raise OrderRefused(
            f"payment {payment.provider}:{payment.charge}: its dispute is {payment.disputed}; a refund would be paid "
            "twice, answer the dispute on the provider's page"
        )
    async with transaction(conn):
        waiting = await (await conn.execute(queries.open_request, _of(payment))).fetchone()
        if waiting and waiting["state"] == "asked":
            decided = await decide(conn, waiting["id"], at, approve=True, by=by)
            assert decided is not None
            return decided
        if waiting:
            return RefundRequest(**waiting)
        state = "approved" if payment.provider in BY_ITSELF else "sent"
        row = await (await conn.execute(queries.ask, _asked(payment, payment.order_id, at, by, state))).fetchone()
        assert row is not None
    return RefundRequest(**row)


async def by_hand(conn: Connection, request: RefundRequest, playbook: Playbook, at: datetime) -> int | None:
    """The task for staff to pay a refund back themselves; None: there is one, or nobody whom it is about."""
    if request.member_id is None:
        return None
    note = f"{request.provider}:{request.charge}: {Amount(minor=request.amount_minor, currency=request.currency)}"
    due_at = at + playbook.payments.refund_answer_within
    return await promise(conn, request.member_id, BY_HAND, note, at, due_at, occurrence=str(request.id))


async def paid_back(conn: Connection, payment: Payment, at: datetime, *, by: str) -> None:
    """Staff say that all of a payment went back, as its provider does not; whoever settles takes it from there.

    Raises OrderRefused when nothing is left of it.
    """
    _check(payment)
    notice = Notice(
        kind=Kind.refunded,
        event_id=f"{MANUAL}:{payment.charge}",
        name=f"{MANUAL} by {by}",
        at=at,
        charge=payment.charge,
        amount=Amount(minor=payment.paid_minor or 0, currency=payment.currency or ""),
    )
    await store(conn, [StoredEvent(payment.provider, notice, "")])
    for row in await (await conn.execute(queries.sent, _of(payment))).fetchall():
        await close_of(conn, row["member_id"], BY_HAND, str(row["id"]), at, by=by, outcome="paid back")


def left(payment: Payment) -> Amount:
    """What of a payment was not paid back yet."""
    return Amount(minor=(payment.paid_minor or 0) - payment.refunded_minor, currency=payment.currency or "")


async def request_of(conn: Connection, request_id: int) -> RefundRequest | None:
    """The request of that number."""
    row = await (await conn.execute(queries.by_id, {"id": request_id})).fetchone()
    return RefundRequest(**row) if row else None


# Before the provider.


@dataclass(frozen=True, slots=True)
class Due:
    """An approved request for the provider. `reference`: how the provider knows the payment; `payer`: on Telegram."""

    request: RefundRequest
    reference: str
    payer: int | None


async def take(conn: Connection) -> Due | None:
    """The next request to bring before its provider; taken by one, and not again before a while (wall time)."""
    row = await (await conn.execute(queries.take)).fetchone()
    if row is None:
        return None
    request = RefundRequest(**{name: row[name] for name in RefundRequest.model_fields})
    return Due(request, row["also"] or request.charge, row["payer"])


async def answered(conn: Connection, request: RefundRequest, error: str | None) -> str:
    """What the provider said to it; returns the request's state: with an error it is tried again a few times."""
    values = {"id": request.id, "error": error, "most": MOST_ATTEMPTS}
    row = await (await conn.execute(queries.answered, values)).fetchone()
    assert row is not None
    return str(row["state"])


async def bounced(conn: Connection, provider: str, charge: str) -> None:
    """The provider says that the money did not arrive: it can be asked for again."""
    error = "the provider says that the money did not arrive"
    await conn.execute(queries.bounced, {"provider": provider, "charge": charge, "error": error})


async def _open(conn: Connection, payment: Payment) -> RefundRequest:
    row = await (await conn.execute(queries.open_request, _of(payment))).fetchone()
    assert row is not None
    return RefundRequest(**row)


def _check(payment: Payment) -> None:
    if left(payment).minor <= 0:
        raise OrderRefused(f"payment {payment.provider}:{payment.charge}: nothing is left of it to refund")


def _of(payment: Payment) -> dict[str, str]:
    return {"provider": payment.provider, "charge": payment.charge}


def _asked(payment: Payment, order_id: int | None, at: datetime, by: str, state: str) -> dict[str, object]:
    amount, given = left(payment), by if state != "asked" else None
    return {
        **_of(payment),
        "order_id": order_id,
        "member_id": payment.member_id,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "state": state,
        "at": at,
        "by": by,
        "decided_by": given,
        "decided_at": at if given else None,
    }
