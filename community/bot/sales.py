"""What members wish for and press in the shop, and who sees to it."""

from community.bot.buying import pay, pay_order, pay_upgrade, show_plan, show_plans, show_trial, subscribe, unsubscribe
from community.bot.intents import Intent
from community.bot.invoicing import on_invoice_button, on_typed_invoice, wish_invoice
from community.bot.moving import on_moving_button
from community.bot.orders import list_orders, on_buy_start, on_claim_start, on_order_button, on_typed_claim
from community.bot.refunding import on_refund_button, on_refunding_button, wish_refund
from community.bot.turn import Turn
from community.members.models import Member

WISHES = {
    Intent.buy: show_plans,
    Intent.order: list_orders,
    Intent.invoice: wish_invoice,
    Intent.refund: wish_refund,
    Intent.trial: show_trial,
}
"""Wishes without anything more."""
BUTTONS = {
    "buy": show_plan,
    "pay": pay,
    "pay_order": pay_order,
    "pay_upgrade": pay_upgrade,
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "order": on_order_button,
    "invoice": on_invoice_button,
    "refund": on_refund_button,
}
"""Buttons with an argument; each says whether it was one of ours."""
REFUNDING, MOVING = "refunding", "moving"
"""Staff's words, in their chat."""


async def on_sales_start(turn: Turn, member: Member, payload: str) -> bool:
    """Start was pressed by a link of the shop's; False: it is another payload."""
    if payload == Intent.order:
        await list_orders(turn, member)
        return True
    return await on_buy_start(turn, member, payload) or await on_claim_start(turn, member, payload)


async def on_sales_button(turn: Turn, member: Member, action: str, argument: str, chat_id: int | None) -> bool:
    """A button of the shop's; False: it is none, or of nothing that is there."""
    if action == REFUNDING:
        return await on_refunding_button(turn, member, argument, chat_id)
    if action == MOVING:
        return await on_moving_button(turn, member, argument, chat_id)
    return await BUTTONS[action](turn, member, argument)


async def on_sales_answer(turn: Turn, member: Member, text: str) -> bool:
    """A typed answer to what the shop has asked; False: it has not."""
    return await on_typed_claim(turn, member, text) or await on_typed_invoice(turn, member, text)
