"""What is on sale, for how much to whom, and which page a visitor sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from community.access.models import Term
from community.access.terms import current
from community.database.pool import Connection
from community.database.queries import load
from community.engagement.coupons import usable
from community.engagement.redemptions import Quote, quote
from community.errors import OrderRefused
from community.payments.models import Order
from community.payments.orders import NewOrder, Opened, Price, open_order, orders_of, price_of
from community.payments.providers.stars import CURRENCY
from community.playbook import Playbook
from community.playbook_offers import TermPlan
from community.playbook_types import Amount

queries = load(__file__, "selling.sql")

MOST_COUPONS = 20
"""Of a member's own, that are tried on a price."""
MOST_ORDERS = 20
"""Of a member's newest, among which one that is still to be paid is looked for."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A price tag: what a plan costs, what is left to pay of it, and by which coupon."""

    listed: Amount
    due: Amount
    coupon: str | None = None


def on_sale(playbook: Playbook) -> dict[str, TermPlan]:
    """The plans that can be ordered now, in the playbook's order."""
    return {key: plan for key, plan in playbook.plans.items() if plan.on_sale and plan.price}


def currencies(plan: TermPlan) -> list[str]:
    """The currencies that the plan is sold in, its own first."""
    return [price.currency for price in (plan.price, *plan.prices) if price]


def variant_of(playbook: Playbook, visitor: str) -> str:
    """What the plan's page leads with for that visitor: always the same, until the variants change."""
    variants = playbook.payments.variants
    drawn = sha256(f"{playbook.holdout.salt}:page:{visitor}".encode()).digest()
    return variants[int.from_bytes(drawn[:8]) % len(variants)]


async def tag_of(conn: Connection, member_id: int, plan: str, price: Amount, at: datetime) -> Tag:
    """The price for a member, with the coupon of their own that takes most off; something is left to pay."""
    best = Tag(price, price)
    for coupon in await usable(conn, member_id, at, MOST_COUPONS):
        found = await quote(conn, coupon.code, member_id, plan, price, at)
        if isinstance(found, Quote) and found.due and 0 < found.due.minor < best.due.minor:
            best = Tag(price, found.due, coupon.code)
    return best


async def open_or_again(
    conn: Connection, playbook: Playbook, member_id: int, plan: str, price: Amount, at: datetime
) -> Order | None:
    """An order for a member in the bot: the one that waits at this price already, else a new one.

    None: its coupon was used meanwhile. Raises OrderRefused when the plan cannot be ordered.
    """
    tag = await tag_of(conn, member_id, plan, price, at)
    waiting = _waiting(await orders_of(conn, member_id, MOST_ORDERS), plan, tag, at)
    if waiting:
        return waiting
    new = NewOrder(plan=plan, currency=price.currency, source="bot", member_id=member_id, coupon=tag.coupon)
    opened = await open_order(conn, playbook, new, at)
    return opened.order if isinstance(opened, Opened) else None


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A plan in place of what is left of the member's term: what is left to pay, and what is credited."""

    term: Term
    due: Amount
    credited: Amount


async def upgrade_for(
    conn: Connection, playbook: Playbook, member_id: int, plan: str, currency: str, at: datetime
) -> Upgrade | None:
    """What the plan costs the member in place of their running term of its line; None: there is nothing to credit."""
    term = await current(conn, member_id, playbook.plans[plan].line, at)
    if term is None:
        return None
    try:
        price = await price_of(conn, playbook, _in_place(plan, currency, member_id, term), at)
    except OrderRefused:
        return None
    if not isinstance(price, Price) or not 0 < price.due.minor < price.listed.minor:
        return None
    credited = price.listed.model_copy(update={"minor": price.listed.minor - price.due.minor})
    return Upgrade(term, price.due, credited)


async def open_upgrade(
    conn: Connection, playbook: Playbook, member_id: int, plan: str, currency: str, at: datetime
) -> Order:
    """The member's order of a plan in place of their running term: the one that waits, else a new one.

    Raises OrderRefused when nothing runs that the plan can take the place of.
    """
    upgrade = await upgrade_for(conn, playbook, member_id, plan, currency, at)
    if upgrade is None:
        raise OrderRefused(f"{plan}: it takes the place of nothing that the member has paid for in {currency}")
    for order in await orders_of(conn, member_id, MOST_ORDERS):
        waits = order.state == "open" and order.expires_at > at and order.upgraded_until_at == upgrade.term.ends_at
        if waits and (order.plan, order.currency, order.upgrade_of) == (plan, currency, upgrade.term.id):
            return order
    opened = await open_order(conn, playbook, _in_place(plan, currency, member_id, upgrade.term), at)
    assert isinstance(opened, Opened)  # only a coupon is refused by a word
    return opened.order


def _in_place(plan: str, currency: str, member_id: int, term: Term) -> NewOrder:
    return NewOrder(plan=plan, currency=currency, source="bot", member_id=member_id, upgrade_of=term.id)


async def adopt(conn: Connection, order: Order, member_id: int) -> Order:
    """An order in Stars that nobody has is the member's who came to pay it; any other stays as it is."""
    values = {"id": order.id, "member_id": member_id, "currency": CURRENCY}
    row = await (await conn.execute(queries.adopt, values)).fetchone()
    return Order(**row) if row else order


def _waiting(orders: Sequence[Order], plan: str, tag: Tag, at: datetime) -> Order | None:
    wanted = (plan, tag.due.minor, tag.due.currency, tag.coupon)
    return next(
        (
            order
            for order in orders
            if order.state == "open"
            and order.expires_at > at
            and order.upgrade_of is None
            and not order.renews
            and (order.plan, order.amount_minor, order.currency, order.coupon_code) == wanted
        ),
        None,
    )
