"""Subscriptions that members begin and stop with us: noted, and brought before the provider until it answers.

That one was paid, or does not go on, is an event as everything about payments is (`settle`, `work`).
"""

from datetime import datetime
from typing import Any

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.errors import OrderRefused
from community.members.follow_ups import close_of
from community.payments.events import StoredEvent, store
from community.payments.messages import say
from community.payments.models import Order, Payment
from community.payments.notice import Kind, Notice
from community.payments.numbers import shown
from community.payments.orders import NewOrder, Opened, find, open_order, orders_of
from community.payments.problems import needs_human, tell_staff
from community.payments.providers import stars
from community.payments.refunds import BY_ITSELF
from community.payments.star_invoice import words_of
from community.payments.subscription_request import SubscriptionRequest
from community.payments.till import Till
from community.playbook import Playbook
from community.playbook_types import Amount

queries, payment_queries = load(__file__, "subscriptions.sql"), load(__file__)

MOST_ATTEMPTS = 6
"""Over some minutes; then staff are told."""
MOST_STOPS = 130
"""Over a month: what is not stopped is charged again, so that it is tried on when staff are told."""
MOST_ORDERS = 20
"""Of a member's newest, among which one that is still to be paid is looked for."""
TASK = "subscription"
"""Kind of the task for staff to stop one by hand."""
START, STOP = "start", "stop"

Row = dict[str, Any]


# Asked for.


async def open_subscription(
    conn: Connection, playbook: Playbook, member_id: int, plan: str, currency: str, at: datetime
) -> Order:
    """The order with which a member's subscription begins: the one that waits at this price, else a new one.

    Raises OrderRefused when there cannot be one.
    """
    new = NewOrder(plan=plan, currency=currency, source="bot", member_id=member_id, renews=True)
    for order in await orders_of(conn, member_id, MOST_ORDERS):
        waits = order.renews and order.state == "open" and order.expires_at > at
        price = playbook.plans[plan].price_in(currency) if plan in playbook.plans else None
        if waits and order.plan == plan and price == Amount(minor=order.amount_minor, currency=order.currency):
            return order
    opened = await open_order(conn, playbook, new, at)
    assert isinstance(opened, Opened)  # only a coupon is refused by a word
    return opened.order


async def ask_start(conn: Connection, order: Order, at: datetime, *, cause: str) -> None:
    """The member is to be sent the address at which a subscription in Stars begins; once for its `cause`.

    Raises OrderRefused for an order with which none can begin now.
    """
    if not order.renews or order.currency != stars.CURRENCY or order.member_id is None:
        raise OrderRefused(f"order {shown(order.number)}: no subscription in Stars can begin with it")
    if order.state != "open" or order.expires_at <= at:
        raise OrderRefused(f"order {shown(order.number)}: {order.state}, and its price is not promised any more")
    values = {"provider": stars.NAME, "subscription": order.number, "member_id": order.member_id, "cause": cause}
    await conn.execute(queries.ask_start, values | {"at": at})


async def stoppable(conn: Connection, member_id: int, term_id: int) -> Payment | None:
    """The payment by which a subscription prolongs the member's term, if its provider can be asked to stop it."""
    values = {"member_id": member_id, "term_id": term_id}
    row = await (await conn.execute(queries.payment_of_term, values)).fetchone()
    return Payment(**row) if row and row["provider"] in BY_ITSELF else None


async def ask_stop(conn: Connection, payment: Payment, at: datetime, *, cause: str) -> None:
    """The payment's subscription is not to be charged again. `cause`: the member's wish; empty: nobody waits."""
    values = {"provider": payment.provider, "charge": payment.charge, "cause": cause, "at": at, "most": MOST_ATTEMPTS}
    await conn.execute(queries.ask_stop, values)


async def stop_with(till: Till, payment: Payment) -> bool:
    """A subscription's newest payment went back: who has their money back is not charged again.

    True: we stop it ourselves.
    """
    values = {"provider": payment.provider, "subscription": payment.subscription}
    last = await (await till.conn.execute(payment_queries.last_of_subscription, values)).fetchone()
    if last is not None and last["charge"] != payment.charge:
        return False
    await ask_stop(till.conn, payment, till.at, cause="")
    return payment.provider in BY_ITSELF


# Before the provider.


async def take(conn: Connection) -> SubscriptionRequest | None:
    """The next request to bring before its provider; taken by one, and not again before a while (wall time)."""
    row = await (await conn.execute(queries.take)).fetchone()
    return SubscriptionRequest(**row) if row else None


async def link_of(till: Till, request: SubscriptionRequest) -> dict[str, Any]:
    """Parameters of the address at which the subscription begins. Raises OrderRefused when it cannot any more."""
    order = await find(till.conn, request.subscription)
    row = await (await till.conn.execute(queries.locale, {"member_id": request.member_id})).fetchone()
    if order is None or row is None or order.expires_at <= till.at:
        raise OrderRefused(f"order {request.subscription}: nobody's any more, or over")
    return stars.subscription(order, *words_of(till.bundle, order, row["locale"]))


async def answered(
    till: Till, request: SubscriptionRequest, error: str | None, address: str | None = None, *, final: bool = False
) -> str:
    """What the provider said; who waits for it is told. Returns the request's state: an error is tried again."""
    async with transaction(till.conn):
        most = MOST_ATTEMPTS if request.what == START else MOST_STOPS
        values = {"id": request.id, "error": error, "address": address, "final": final, "most": most}
        row = await (await till.conn.execute(queries.answered, values)).fetchone()
        if row is None:
            return "done"
        now = SubscriptionRequest(**row)
        if now.what == START:
            await _started(till, now)
        elif now.state == "done":
            await _stopped(till, now)
        elif now.attempts == MOST_ATTEMPTS or (now.state == "failed" and now.attempts < MOST_ATTEMPTS):
            await _hangs(till, now, request.payer)
    return now.state


async def _started(till: Till, request: SubscriptionRequest) -> None:
    """The address, as a button; or that there is none."""
    order = await find(till.conn, request.subscription)
    if request.state == "asked" or order is None:
        return
    context = {
        "plan": order.plan,
        "price": str(Amount(minor=order.amount_minor, currency=order.currency)),
        "links": [request.address] if request.state == "done" else [],
        "until": order.expires_at.isoformat(),
    }
    await say(till, request.member_id, "subscribe", request.cause, context)
    if request.state == "failed" and request.attempts >= MOST_ATTEMPTS:  # else it was us who refused
        await tell_staff(till, "subscribe", "Telegram makes no link for a subscription", request.error or "")


async def _stopped(till: Till, request: SubscriptionRequest) -> None:
    """That it is not charged again is an event of its provider's, which it need not tell us itself."""
    last = await _last(till, request)
    # Its clock may be ahead of ours: what it was paid last was paid before.
    at = max([till.at, *([last["paid_at"]] if last else [])])
    event_id = f"stopped:{request.id}"
    notice = Notice(Kind.subscription_ended, event_id, "stopped by us", at, subscription=request.subscription)
    await store(till.conn, [StoredEvent(request.provider, notice, "")])
    if request.member_id is not None:
        occasion = _occasion(request)
        await close_of(till.conn, request.member_id, TASK, occasion, till.at, by="payments", outcome="stopped")
    await _answer(till, request, last, stopped=True)


async def _hangs(till: Till, request: SubscriptionRequest, payer: int | None) -> None:
    """Staff have a task, once; who waits is told that somebody sees to it."""
    note = f"stop it by hand: {_named(request)}"
    if request.member_id is None and payer and request.provider == stars.NAME:  # Telegram knows it by who pays
        note += f", paid by {payer}"
    await needs_human(till, TASK, _named(request), request.member_id, note, occurrence=_occasion(request))
    await _answer(till, request, await _last(till, request), stopped=False)


async def _answer(till: Till, request: SubscriptionRequest, last: Row | None, *, stopped: bool) -> None:
    if not request.cause:
        return
    ends = await (await till.conn.execute(queries.ends, _of(request))).fetchone()
    until = ends["ends_at"].isoformat() if ends and ends["ends_at"] else None
    context = {"plan": last["plan"] if last else None, "until": until, "stopped": stopped}
    # Who was told that it hangs is told that it is stopped after all.
    occurrence = f"{request.cause}:hangs" if not stopped else request.cause
    await say(till, request.member_id, "unsubscribed", occurrence, context)


async def _last(till: Till, request: SubscriptionRequest) -> Row | None:
    return await (await till.conn.execute(payment_queries.last_of_subscription, _of(request))).fetchone()


def _of(request: SubscriptionRequest) -> dict[str, str]:
    return {"provider": request.provider, "subscription": request.subscription}


def _occasion(request: SubscriptionRequest) -> str:
    """One that was resumed can hang a second time."""
    return f"{_named(request)}:{request.id}"


def _named(request: SubscriptionRequest) -> str:
    return f"{request.provider}:{request.subscription}"
