"""What stands against giving what the right amount was paid for: by now the payer, or somebody else, has had it."""

from community.database.pool import Connection
from community.database.queries import load
from community.engagement.redemptions import Refusal, hold
from community.payments.fulfil import covered_for_life, replaced
from community.payments.judging import Why
from community.payments.models import Order, Payment
from community.payments.till import Till
from community.playbook_types import Amount

queries = load(__file__)

GONE = (Refusal.used, Refusal.sold_out)
"""A coupon was promised when the order was opened, but it is there once for each member, and only so often."""


async def is_spent(till: Till, before: Payment, order: Order | None) -> bool:
    """Whether another payment of the order has had what coupon or upgrade took off its price."""
    if order is None or order.amount_minor == order.list_minor:
        return False
    values = {
        "order_id": order.id,
        "provider": before.provider,
        "charge": before.charge,
        "minor": order.amount_minor,
    }
    return await (await till.conn.execute(queries.other_for, values)).fetchone() is not None


async def obstacle(till: Till, payment: Payment, order: Order | None, *, agreed: bool) -> Why | None:
    """Why a payment gives its member nothing now; None: nothing is in the way.

    `agreed`: it was booked, or staff have said what it is for, so that its price is not asked any more.
    """
    assert payment.member_id is not None
    if payment.plan in till.playbook.plans and await covered_for_life(till, payment.member_id, payment.plan):
        return Why.for_life
    if agreed or order is None or payment.paid_minor != order.amount_minor:
        return None
    if order.upgrade_of is not None and not await is_as_credited(till.conn, order):
        return Why.wrong_amount
    return Why.coupon_refused if await _is_gone(till, payment.member_id, order) else None


async def is_as_credited(conn: Connection, order: Order) -> bool:
    """Whether the term that the order is to replace is as it was when its rest was credited."""
    old = await replaced(conn, order)
    return old is not None and old.ends_at == order.upgraded_until_at


async def _is_gone(till: Till, member_id: int, order: Order) -> bool:
    """Whether the order's coupon has been used up since; if not, it is held for this transaction."""
    if order.coupon_code is None or order.amount_minor == order.list_minor:
        return False
    listed = Amount(minor=order.list_minor, currency=order.currency)
    return await hold(till.conn, order.coupon_code, member_id, order.plan, listed, order.created_at) in GONE
