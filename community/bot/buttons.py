"""Pressed buttons: callback data is `action[:argument]:<message id>`, and the number confirms that message."""

import re
from dataclasses import dataclass, replace

from telegram import CallbackQuery

from community.bot.approving import on_approve_button
from community.bot.care import ask_talk, take_score, tick
from community.bot.experimenting import on_experiment_button
from community.bot.holdings import on_coupon_button
from community.bot.intents import Intent
from community.bot.invoicing import on_invoice_done
from community.bot.lives import on_live_button
from community.bot.private import choose_locale, grant, hush, take_problem
from community.bot.removing import on_removals_button
from community.bot.sales import BUTTONS, MOVING, REFUNDING, on_sales_button
from community.bot.setup import on_setup_button
from community.bot.turn import Toast, Turn, is_person
from community.database.queries import load
from community.groups.gate import Verdict
from community.groups.membership import PROBLEM
from community.members.models import Member
from community.outbox.settle import confirm
from community.payments.invoices import TASK as INVOICE

queries = load(__file__)

BIGINT = 2**63
MESSAGE_ID = re.compile("[0-9]{1,19}")
ANSWER = re.compile("[A-Za-z0-9_-]{1,64}")
"""What a drip's button may answer. It is recorded: a modified client would have its own words kept otherwise."""


@dataclass(frozen=True, slots=True)
class Press:
    """What a button's callback data says. A modified client can send anything, so nothing in it is believed."""

    action: str
    argument: str | None
    message_id: int | None
    chat_id: int | None = None
    """Where it was pressed: this Telegram says itself."""


def parse(data: str) -> Press:
    """Read callback data; what does not have its shape is an action that nothing handles."""
    head, _, number = data.rpartition(":")
    if not head or not MESSAGE_ID.fullmatch(number) or int(number) >= BIGINT:
        return Press(data, None, None)
    action, _, argument = head.partition(":")
    return Press(action, argument or None, int(number))


async def on_button(turn: Turn, query: CallbackQuery) -> None:
    """A member pressed a button under one of our messages."""
    turn.toast = Toast(query.id)
    if not is_person(query.from_user):
        return
    member, press = await turn.member(query.from_user), parse(query.data or "")
    press = replace(press, chat_id=query.message.chat.id if query.message else None)
    await hush(turn, member)
    if press.message_id is not None and await is_theirs(turn, member, press.message_id):
        await confirm(turn.conn, press.message_id)
    known = await act(turn, member, press)
    facts = {"message": press.message_id, "action": press.action, "argument": press.argument} if known else {}
    turn.note("button", member, None, **facts)


async def is_theirs(turn: Turn, member: Member, message_id: int) -> bool:
    """Whether the message was written to this member: nobody confirms another's."""
    found = await turn.conn.execute(queries.own_message, {"id": message_id, "member_id": member.id})
    return await found.fetchone() is not None


async def act(turn: Turn, member: Member, press: Press) -> bool:
    """Do what the button is for; False for a button we do not know."""
    match press:
        case Press(action="gate", argument=str(choice)):
            return await turn.gate(member).choose(choice) is not Verdict.none
        case Press(action="problem", argument=str(choice)) if choice in turn.bundle.playbook.problem.choices:
            turn.note("answer", member, None, question=PROBLEM, choice=choice)
            await take_problem(turn, member, choice, None)
        case Press(action="language", argument=str(locale)) if locale in turn.bundle.playbook.community.locales:
            await choose_locale(turn, member, locale)
        case Press(action="answer", argument=str(answer)) if ANSWER.fullmatch(answer):
            thank(turn, member)
        case Press(action="approve", argument=str(word)):
            return await on_approve_button(turn, member, word, press.chat_id)
        case Press(action="ab", argument=str(word)):
            return await on_experiment_button(turn, member, word, press.chat_id, press.message_id)
        case Press(action="nps", argument=str(score), message_id=int(asked)):
            if not await take_score(turn, member, asked, score):
                return False
            thank(turn, member)
        case Press(action="talk", argument=None, message_id=int(offered)) if await is_theirs(turn, member, offered):
            await ask_talk(turn, member)
        case Press(action="done", argument=str(task), chat_id=int(chat_id)) if chat_id == turn.staff_chat:
            closed = await tick(turn, member, task)
            if closed and closed.kind == INVOICE:
                await on_invoice_done(turn, closed, member)
            thank(turn, member)
        case Press(action="removals", argument=str(word)):
            if not await on_removals_button(turn, member, word, press.chat_id):
                return False
            thank(turn, member)
        case Press(action="coupon", argument=str(text)):
            return await on_coupon_button(turn, member, text)
        case Press(action="live", argument=str(argument)):
            return await on_live_button(turn, member, argument)
        case Press(action=action, argument=str(text)) if action in {*BUTTONS, REFUNDING, MOVING}:
            return await on_sales_button(turn, member, action, text, press.chat_id)
        case Press(action="setup", argument=argument):
            return await on_setup_button(turn, member, argument)
        case Press(action=action, argument=None) if action in set(Intent):
            await grant(turn, member, Intent(action))
        case _:
            return False
    return True


def thank(turn: Turn, member: Member) -> None:
    """Say thanks in the few words that Telegram shows over the chat, for an answer that needs no message."""
    turn.answer(member, "bot/answer_thanks")
