"""Buying in the chat: what is on sale, for how much to this member, and Telegram's own invoice in Stars."""

import re
from typing import Any

from community.access.coverage import renewing
from community.access.terms import line_of, terms_of
from community.bot.holdings import show_membership, tongue
from community.bot.turn import Turn
from community.engagement.coupons import usable
from community.errors import OrderRefused
from community.members.models import Member
from community.payments.models import Order
from community.payments.numbers import shown
from community.payments.orders import find
from community.payments.providers.stars import CURRENCY
from community.payments.selling import on_sale, open_or_again, open_upgrade, tag_of, upgrade_for
from community.payments.star_invoice import stars_invoice
from community.payments.subscriptions import ask_start, ask_stop, open_subscription, stoppable
from community.playbook_offers import TermPlan, title_of
from community.playbook_types import Amount

MOST_COUPONS = 8
NUMBER = re.compile("[0-9]{1,18}")


async def show_plans(turn: Turn, member: Member) -> None:
    """What is on sale, at the member's price."""
    playbook, (_, locale) = turn.bundle.playbook, await tongue(turn, member)
    plans: list[dict[str, Any]] = []
    for key, plan in on_sale(playbook).items():
        assert plan.price is not None
        tag = await tag_of(turn.conn, member.id, key, plan.price, turn.at)
        title = title_of(plan, playbook.community.locale, locale)
        plans.append({"key": key, "title": title, "price": str(tag.listed), "due": str(tag.due)})
    turn.reply(member, "bot/plans", plans=plans)


async def show_plan(turn: Turn, member: Member, key: str) -> bool:
    """A plan, and how to pay for it; False: it is not on sale."""
    plan = on_sale(turn.bundle.playbook).get(key)
    if plan is None or plan.price is None:
        return False
    tag = await tag_of(turn.conn, member.id, key, plan.price, turn.at)
    stars = plan.price_in(CURRENCY)
    in_stars = (await tag_of(turn.conn, member.id, key, stars, turn.at)).due if stars else None
    more = {"coupon": tag.coupon} if tag.coupon else {}
    turn.reply(
        member,
        "bot/plan",
        plan=key,
        due=str(tag.due),
        stars=[str(in_stars)] if in_stars else [],
        upgrades=await _upgrades(turn, member, key) if stars else [],
        renewals=await _renewals(turn, member, plan),
        **more,
    )
    return True


async def _renewals(turn: Turn, member: Member, plan: TermPlan) -> list[dict[str, str]]:
    """The plan by subscription in Stars, at the listed price; not for whom a subscription of its line runs already."""
    price = plan.price_in(CURRENCY)
    if price is None or not plan.renews_in(CURRENCY):
        return []
    running = renewing(await line_of(turn.conn, member.id, plan.line), turn.at)
    return [] if running else [{"price": str(price)}]


async def _upgrades(turn: Turn, member: Member, key: str) -> list[dict[str, str]]:
    """The plan in place of what runs, in Stars: one, or none."""
    playbook, (_, locale) = turn.bundle.playbook, await tongue(turn, member)
    found = await upgrade_for(turn.conn, playbook, member.id, key, CURRENCY, turn.at)
    if found is None:
        return []
    old = playbook.plans.get(found.term.plan)
    title = title_of(old, playbook.community.locale, locale) if old else found.term.plan
    return [{"title": title, "due": str(found.due), "credited": str(found.credited)}]


async def pay_upgrade(turn: Turn, member: Member, key: str) -> bool:
    """Telegram's invoice for a plan in place of what the member has; False: there is nothing to credit."""
    if key not in on_sale(turn.bundle.playbook):
        return False
    try:
        order = await open_upgrade(turn.conn, turn.bundle.playbook, member.id, key, CURRENCY, turn.at)
    except OrderRefused:
        return await show_plan(turn, member, key)
    return await send_invoice(turn, order)


async def pay(turn: Turn, member: Member, key: str) -> bool:
    """Telegram's invoice for a plan, in Stars; False: it is not sold in them."""
    plan = on_sale(turn.bundle.playbook).get(key)
    price = plan.price_in(CURRENCY) if plan else None
    if price is None:
        return False
    try:
        order = await open_or_again(turn.conn, turn.bundle.playbook, member.id, key, price, turn.at)
    except OrderRefused:
        return False
    if order is None:  # its coupon was used meanwhile
        return await show_plan(turn, member, key)
    return await send_invoice(turn, order)


async def subscribe(turn: Turn, member: Member, key: str) -> bool:
    """A subscription in Stars: Telegram's link follows as soon as it is made. False: the plan is not sold so."""
    plan = on_sale(turn.bundle.playbook).get(key)
    if plan is None or not plan.renews_in(CURRENCY):
        return False
    try:
        order = await open_subscription(turn.conn, turn.bundle.playbook, member.id, key, CURRENCY, turn.at)
    except OrderRefused:  # one runs already, or they have it for life
        await show_membership(turn, member)
        return True
    return await send_invoice(turn, order)


async def unsubscribe(turn: Turn, member: Member, term: str) -> bool:
    """The subscription that prolongs the member's term is not to go on; False: there is none that we can stop."""
    payment = await stoppable(turn.conn, member.id, int(term)) if NUMBER.fullmatch(term) else None
    if payment is None:
        return False
    await ask_stop(turn.conn, payment, turn.at, cause=turn.cause)
    turn.subscription = True
    return True


async def pay_order(turn: Turn, member: Member, number: str) -> bool:
    """Telegram's invoice for an order of the member's; False: it is another's, or cannot be paid so."""
    order = await find(turn.conn, number)
    return order is not None and order.member_id == member.id and await send_invoice(turn, order)


async def show_trial(turn: Turn, member: Member) -> None:
    """The member's trial: to begin with a coupon of theirs, had, or how to come by one."""
    plans = turn.bundle.playbook.plans
    found = await usable(turn.conn, member.id, turn.at, MOST_COUPONS)
    opening = [coupon.code for coupon in found if coupon.opens in plans and plans[coupon.opens].trial]
    had = any(term.trial for term in await terms_of(turn.conn, member.id))
    turn.reply(member, "bot/trial", coupons=opening, had=had)


async def send_invoice(turn: Turn, order: Order) -> bool:
    """Telegram's invoice for the order, or the subscription's link; False: it cannot be paid in Stars any more."""
    if turn.muted:
        return True
    try:
        if order.renews:
            await ask_start(turn.conn, order, turn.at, cause=turn.cause)
            turn.subscription = True
            return True
        await stars_invoice(turn.conn, turn.bundle, order, turn.at, cause=turn.cause, bot_id=turn.bot_id)
    except OrderRefused:
        return False
    return True


def order_shown(turn: Turn, order: Order, locale: str) -> dict[str, Any]:
    """An order as copy sees it. One whose price is over says so, though nobody has closed it yet."""
    playbook = turn.bundle.playbook
    plan = playbook.plans.get(order.plan)
    late = order.state == "open" and order.expires_at <= turn.at
    return {
        "number": shown(order.number),
        "title": title_of(plan, playbook.community.locale, locale) if plan else order.plan,
        "amount": str(Amount(minor=order.amount_minor, currency=order.currency)),
        "state": "expired" if late else order.state,
        "until": order.expires_at.isoformat() if order.state == "open" and not late else None,
    }
