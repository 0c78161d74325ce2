"""The invoice by which a member pays an order in Stars, inside Telegram."""

from datetime import datetime
from typing import Any, NamedTuple

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.errors import OrderRefused
from community.outbox.enqueue import Draft, enqueue
from community.payments.models import Order
from community.payments.numbers import shown
from community.payments.providers import stars
from community.playbook_offers import title_of
from community.playbook_stages import MessageClass

queries = load(__file__, "star_invoice.sql")


class Words(NamedTuple):
    """What the invoice says."""

    title: str
    description: str


async def stars_invoice(
    conn: Connection, bundle: Bundle, order: Order, at: datetime, *, cause: str, bot_id: int
) -> None:
    """Send the order's member its invoice, in the caller's transaction; once for its `cause`, such as their press.

    Raises OrderRefused for an order that nobody can pay in Stars.
    """
    if order.renews:
        raise OrderRefused(f"order {shown(order.number)}: of a subscription, which is begun by its link")
    buyer = await _buyer(conn, order)
    words = words_of(bundle, order, buyer["locale"])
    draft = Draft(
        chat_id=buyer["telegram_id"],
        member_id=order.member_id,
        stage="payment",
        step="invoice",
        occurrence=f"{order.number}:{cause}",
        message_class=MessageClass.reply,
        due_at=at,
        expires_at=order.expires_at,
        method="sendInvoice",
        context=stars.invoice(order, *words),
    )
    await enqueue(conn, bot_id, bundle.hash, [draft], at)


def words_of(bundle: Bundle, order: Order, locale: str | None) -> Words:
    """The plan, the community and the order's number. Raises OrderRefused."""
    plan, community = bundle.playbook.plans.get(order.plan), bundle.playbook.community
    if plan is None:
        raise OrderRefused(f"order {shown(order.number)}: its plan {order.plan} is not in the playbook any more")
    if order.currency != stars.CURRENCY or order.state != "open" or order.amount_minor > stars.MOST:
        raise OrderRefused(
            f"order {shown(order.number)}: {order.state}, in {order.currency}; only open ones in XTR can be"
        )
    return Words(
        title_of(plan, community.locale, locale or community.locale), f"{community.name} · {shown(order.number)}"
    )


async def _buyer(conn: Connection, order: Order) -> dict[str, Any]:
    row = await (await conn.execute(queries.buyer, {"member_id": order.member_id})).fetchone()
    if row is None:
        raise OrderRefused(f"order {shown(order.number)}: nobody's yet, so there is nobody to send an invoice")
    return row
