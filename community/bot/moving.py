"""Somebody proves that they paid what is another's: staff say by a button whether it is moved to their account."""

import re
from typing import Any

from community.bot.buying import order_shown
from community.bot.care import task_of
from community.bot.turn import Turn
from community.errors import AccessRefused, OrderRefused
from community.members.follow_ups import close_of, task_for
from community.members.models import Member
from community.members.people import by_id
from community.payments.listing import payments_of
from community.payments.models import Order
from community.payments.moving import Word, move, occasion
from community.payments.numbers import shown
from community.payments.orders import order_of
from community.payments.problems import TASK

WORD = re.compile("([0-9]{1,18})_([0-9]{1,18})_(move|leave)")
NOTE = "claimed with the order's right code"


async def ask_staff(turn: Turn, member: Member, order: Order) -> None:
    """The task that the claim has opened, with its two buttons."""
    task = await task_for(turn.conn, member.id, TASK, await occasion(turn.conn, order))
    if task is None:
        return
    about = order_shown(turn, order, turn.bundle.playbook.community.locale)
    turn.tell_staff(
        "staff/order_claim",
        member,
        **task_of(turn, member, task, turn.at + turn.bundle.playbook.payments.problem_within),
        order=shown(order.number),
        title=about["title"],
        amount=about["amount"],
        holder=order.member_id,
        claim=f"{order.id}_{member.id}",
    )


async def on_moving_button(turn: Turn, member: Member, argument: str, chat_id: int | None) -> bool:
    """Staff's word, in their chat; whoever is in that chat may decide. False: nothing was decided here."""
    if not turn.in_staff_chat(chat_id):
        _say(turn, member, pressed="elsewhere")
        return False
    word = WORD.fullmatch(argument)
    order = await order_of(turn.conn, int(word[1])) if word else None
    claimer = await by_id(turn.conn, int(word[2])) if word else None
    if word is None or order is None or claimer is None:
        _say(turn, member, pressed="unknown")
        return False
    if await task_for(turn.conn, claimer.id, TASK, await occasion(turn.conn, order)) is None:
        _say(turn, member, pressed="decided")
    elif word[3] == "move":
        await _move(turn, member, order, claimer)
    else:
        await _leave(turn, member, order, claimer)
    return True


async def _move(turn: Turn, member: Member, order: Order, claimer: Member) -> None:
    paid = [payment for payment in await payments_of(turn.conn, order.id) if payment.state == "matched"]
    word = Word(f"member {member.id}", NOTE)
    try:
        if not paid:
            raise OrderRefused(f"order {shown(order.number)}: nothing that was paid for it stands")
        async with turn.conn.transaction():  # a refusal leaves nothing behind
            await move(turn.conn, turn.bundle, paid[0], claimer.id, turn.at, word, bot_id=turn.bot_id)
    except (OrderRefused, AccessRefused) as refused:
        _say(turn, member, pressed="refused", why=str(refused))
        return
    turn.paid = True
    _say(turn, member, pressed="move")


async def _leave(turn: Turn, member: Member, order: Order, claimer: Member) -> None:
    about = await occasion(turn.conn, order)
    await close_of(turn.conn, claimer.id, TASK, about, turn.at, by=f"member {member.id}", outcome="left where it is")
    _say(turn, member, pressed="leave")


def _say(turn: Turn, member: Member, **what: Any) -> None:
    turn.answer(member, "staff/order_claim_word", **{"why": None, **what})
