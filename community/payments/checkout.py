"""Whether an order may be paid now: asked by Telegram before it takes a member's Stars."""

from datetime import datetime
from enum import StrEnum

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.engagement.redemptions import Refusal as CouponRefusal, quote
from community.payments.models import Order
from community.payments.obstacles import is_as_credited
from community.playbook_types import Amount

queries = load(__file__, "checkout.sql")


class Refusal(StrEnum):
    """Why an order may not be paid now; the first that applies."""

    unknown = "unknown"
    """There is no such order."""
    someone_elses = "someone_elses"
    """It is another member's: they would get what this one pays for."""
    paid = "paid"
    closed = "closed"
    """It was cancelled, or paid back."""
    over = "over"
    """Its price is no longer promised."""
    amount = "amount"
    """It is not the order's amount, or what that credits has changed: an invoice of before."""
    not_sold = "not_sold"
    """Its plan is on sale no more."""
    coupon = "coupon"
    """Its coupon cannot be used any more."""


async def refusal_of(
    conn: Connection, bundle: Bundle, number: str, payer: int, amount: Amount, at: datetime
) -> Refusal | None:
    """Why the Telegram account `payer` may not pay that amount for the order now; None: it may."""
    row = await (await conn.execute(queries.order_asked_for, {"number": number, "payer": payer})).fetchone()
    if row is None:
        return Refusal.unknown
    payer_id, order = row.pop("payer_id"), Order(**row)
    plan = bundle.playbook.plans.get(order.plan)
    checks = (
        (order.member_id not in (None, payer_id), Refusal.someone_elses),
        (order.state == "paid", Refusal.paid),
        (order.state in ("cancelled", "refunded", "disputed"), Refusal.closed),
        (order.state == "expired" or at >= order.expires_at, Refusal.over),
        (amount != Amount(minor=order.amount_minor, currency=order.currency), Refusal.amount),
        (plan is None or not plan.on_sale, Refusal.not_sold),
    )
    found = next((reason for wrong, reason in checks if wrong), None)
    if found is None and order.upgrade_of is not None and not await is_as_credited(conn, order):
        return Refusal.amount
    return found or await _refused_coupon(conn, order, payer_id, at)


async def _refused_coupon(conn: Connection, order: Order, payer_id: int | None, at: datetime) -> Refusal | None:
    if order.coupon_code is None:
        return None
    price = Amount(minor=order.list_minor, currency=order.currency)
    member_id = order.member_id or payer_id or 0
    found = await quote(conn, order.coupon_code, member_id, order.plan, price, at)
    return Refusal.coupon if isinstance(found, CouponRefusal) else None
