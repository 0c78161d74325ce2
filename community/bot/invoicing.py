"""A payer wishes for an invoice: asked step by step, each answer checked, then it is a task for staff."""

from datetime import timedelta

import orjson

from community.bot.care import hours, task_of
from community.bot.holdings import tongue
from community.bot.orders import reply_with
from community.bot.turn import Turn
from community.members.follow_ups import Task, task_for
from community.members.models import Member
from community.members.people import by_id
from community.members.profile import answered, expect, expected
from community.payments.invoices import TASK, InvoiceWanted, request_invoice
from community.payments.invoicing import Asked, read, without_invoice, written
from community.payments.models import Order
from community.payments.numbers import shown
from community.payments.orders import find, order_of
from community.playbook_types import Amount

EXPECTED = "invoice:"
"""The question a member is expected to answer: this, the order and the answers so far."""
WITHIN = timedelta(days=1)
MOST = 8


async def wish_invoice(turn: Turn, member: Member) -> None:
    """Of one order without an invoice it is asked for at once, of several which."""
    orders = await without_invoice(turn.conn, member.id, MOST)
    if len(orders) == 1:
        await _ask(turn, member, orders[0].id, [])
    else:
        reply_with(turn, member, orders, "invoice", (await tongue(turn, member)).locale)


async def on_invoice_button(turn: Turn, member: Member, number: str) -> bool:
    """A button `invoice:<number>`; False: it is no paid order of the member's."""
    order = await find(turn.conn, number)
    if order is None or order.member_id != member.id or order.state != "paid":
        return False
    if not any(each.id == order.id for each in await without_invoice(turn.conn, member.id, 1000)):
        reply_with(turn, member, [], "invoice", (await tongue(turn, member)).locale)
    else:
        await _ask(turn, member, order.id, [])
    return True


async def on_typed_invoice(turn: Turn, member: Member, text: str) -> bool:
    """A typed answer, if the member was asked for one; False: they were not."""
    question = await expected(turn.conn, member.id, turn.at - WITHIN) or ""
    if not question.startswith(EXPECTED):
        return False
    order_id, *answers = orjson.loads(question.removeprefix(EXPECTED))
    order = await order_of(turn.conn, order_id)
    if order is None or order.member_id != member.id:
        await answered(turn.conn, member.id, question)
        return False
    asked = list(Asked)[len(answers)]
    answer = read(asked, text)
    turn.note("answer", member, None, question=f"invoice_{asked}", length=len(text))
    if answer is None:
        await _ask(turn, member, order_id, answers, wrong=True)
    elif len(answers) + 1 < len(Asked):
        await _ask(turn, member, order_id, [*answers, answer])
    else:
        await answered(turn.conn, member.id, question)
        await _take(turn, member, order, InvoiceWanted(answers[0], answers[1], answer))
    return True


async def _ask(turn: Turn, member: Member, order_id: int, answers: list[str], *, wrong: bool = False) -> None:
    order = await order_of(turn.conn, order_id)
    assert order is not None
    await expect(turn.conn, member.id, EXPECTED + orjson.dumps([order_id, *answers]).decode(), turn.at)
    asked = str(list(Asked)[len(answers)])
    turn.reply(member, "bot/invoice_ask", order=shown(order.number), asked=asked, wrong=wrong)


async def _take(turn: Turn, member: Member, order: Order, wanted: InvoiceWanted) -> None:
    playbook = turn.bundle.playbook
    await request_invoice(turn.conn, playbook, order, wanted, turn.at)
    within = playbook.payments.invoice_within
    about = {"order": shown(order.number), "title": wanted.title, "tax_id": wanted.tax_id, "email": wanted.email}
    task = await task_for(turn.conn, member.id, TASK, order.number)
    if task is not None:
        amount = str(Amount(minor=order.amount_minor, currency=order.currency))
        turn.tell_staff(
            "staff/invoice", member, **task_of(turn, member, task, turn.at + within), amount=amount, **about
        )
    turn.reply(member, "bot/invoice_taken", hours=hours(within), **about)


async def on_invoice_done(turn: Turn, task: Task, by: Member) -> None:
    """Staff ticked the task in their chat: the invoice is sent, and its payer is told."""
    payer = await by_id(turn.conn, task.member_id)
    for order in await without_invoice(turn.conn, task.member_id, 1000) if payer else []:
        if shown(order.number) in task.note:
            request = await written(turn.conn, order, turn.at, by=f"member {by.id}")
            if request and payer:
                turn.inform(payer, "bot/invoice_done", order=shown(order.number), email=request.email)
