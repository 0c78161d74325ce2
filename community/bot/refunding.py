"""A payer wishes their money back: held against the rule, decided by a button in the staff chat."""

import re
from datetime import timedelta
from typing import Any

from community.bot.buying import order_shown
from community.bot.care import hours, task_of
from community.bot.holdings import tongue
from community.bot.orders import reply_with
from community.bot.turn import Turn
from community.members.models import Member
from community.members.people import by_id
from community.payments.models import Order, RefundRequest
from community.payments.numbers import shown
from community.payments.orders import find, order_of, orders_of
from community.payments.refunds import BY_ITSELF, Wish, ask, by_hand, decide, refundable, request_of
from community.playbook_types import Amount

WORD = re.compile("([0-9]{1,18})_(approve|refuse)")
MOST = 8


async def wish_refund(turn: Turn, member: Member) -> None:
    """Of one paid order it is noted at once, of several which."""
    orders = [order for order in await orders_of(turn.conn, member.id, 50) if order.state == "paid"][:MOST]
    if len(orders) == 1 and await _wish(turn, member, orders[0]):
        return
    reply_with(turn, member, orders if len(orders) > 1 else [], "refund", (await tongue(turn, member)).locale)


async def on_refund_button(turn: Turn, member: Member, number: str) -> bool:
    """A button `refund:<number>`; False: it is no paid order of the member's."""
    order = await find(turn.conn, number)
    return order is not None and order.member_id == member.id and await _wish(turn, member, order)


async def _wish(turn: Turn, member: Member, order: Order) -> bool:
    payment = await refundable(turn.conn, order.id)
    if payment is None or payment.member_id != member.id:
        return False
    playbook = turn.bundle.playbook
    wish = await ask(turn.conn, playbook, order, payment, turn.at)
    within = playbook.payments.refund_answer_within
    again = wish.task is None
    if wish.task is not None:
        await _tell_staff(turn, member, order, wish, within)
    turn.reply(
        member,
        "bot/refund_asked",
        order=shown(order.number),
        amount=_amount(wish.request),
        hours=hours(within),
        again=again,
    )
    return True


async def _tell_staff(turn: Turn, member: Member, order: Order, wish: Wish, within: timedelta) -> None:
    assert wish.task is not None
    turn.tell_staff(
        "staff/refund",
        member,
        **task_of(turn, member, wish.task, turn.at + within),
        order=shown(order.number),
        title=order_shown(turn, order, turn.bundle.playbook.community.locale)["title"],
        amount=_amount(wish.request),
        provider=wish.request.provider,
        days=wish.rule.days,
        used=wish.rule.used,
        in_time=wish.rule.in_time,
        request=wish.request.id,
    )


async def on_refunding_button(turn: Turn, member: Member, argument: str, chat_id: int | None) -> bool:
    """Staff's word on a refund, in their chat; whoever is in that chat may decide. False: nothing was decided here."""
    if not turn.in_staff_chat(chat_id):
        _say(turn, member, pressed="elsewhere")
        return False
    word = WORD.fullmatch(argument)
    known = await request_of(turn.conn, int(word[1])) if word else None
    if word is None or known is None:
        _say(turn, member, pressed="unknown")
        return False
    request = await decide(turn.conn, known.id, turn.at, approve=word[2] == "approve", by=f"member {member.id}")
    if request is None:
        now = await request_of(turn.conn, known.id) or known
        pressed = "disputed" if now.state == "asked" else "decided"
        _say(turn, member, pressed=pressed, state=now.state, by=now.decided_by)
        return True
    await _answer(turn, request)
    turn.paid = True
    _say(turn, member, pressed=word[2])
    return True


async def _answer(turn: Turn, request: RefundRequest) -> None:
    """The payer is told; and staff, where they have to pay back by hand."""
    payer = await by_id(turn.conn, request.member_id) if request.member_id is not None else None
    order = await order_of(turn.conn, request.order_id) if request.order_id is not None else None
    if payer is None or order is None:
        return
    about = {"order": shown(order.number), "amount": _amount(request)}
    turn.inform(payer, "bot/refund_answer", approved=request.state != "refused", **about)
    if request.state == "refused" or request.provider in BY_ITSELF:
        return
    task = await by_hand(turn.conn, request, turn.bundle.playbook, turn.at)
    if task is not None:
        due_at = turn.at + turn.bundle.playbook.payments.refund_answer_within
        said = task_of(turn, payer, task, due_at)
        turn.tell_staff("staff/refund_manual", payer, **said, **about, provider=request.provider, charge=request.charge)


def _amount(request: RefundRequest) -> str:
    return str(Amount(minor=request.amount_minor, currency=request.currency))


def _say(turn: Turn, member: Member, **what: Any) -> None:
    turn.answer(member, "staff/refund_word", **{"state": None, "by": None, **what})
