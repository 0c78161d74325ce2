"""`sop invoices`: list, done."""

import asyncio

from community.database.installation import sop_now
from community.database.pool import transaction
from community.errors import OrderRefused
from community.members.people import by_id
from community.outbox.enqueue import Draft, enqueue
from community.payments import listing
from community.payments.invoicing import written
from community.payments.numbers import shown
from community.playbook_stages import MessageClass
from deployments.cli.orders import money
from deployments.cli.output import console, local, print_json, print_table
from deployments.cli.session import operator, session


def show_list(everything: bool, limit: int, *, as_json: bool) -> None:
    """Print who waits for an invoice."""
    asyncio.run(_list(everything, limit, as_json))


def done(number: str) -> None:
    """The invoice was sent. Raises OrderRefused when none was waiting."""
    asyncio.run(_done(number))


async def _list(everything: bool, limit: int, as_json: bool) -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        found = await listing.invoices(s.conn, everything=everything, limit=limit)
    if as_json:
        print_json(found)
        return
    if not found:
        print("Nobody waits for an invoice.")
    head = ("order", "amount", "to", "tax number", "e-mail", "address", "member", "asked", "state")
    rows = (
        (
            shown(row["number"]),
            money(row["amount_minor"], row["currency"]),
            row["title"],
            row["tax_id"] or None,
            row["email"] or None,
            row["address"] or None,
            row["member_id"],
            local(row["requested_at"], zone),
            row["state"],
        )
        for row in found
    )
    print_table(console(), f"Invoices ({zone})", head, rows)


async def _done(number: str) -> None:
    async with session() as s:
        bundle, at = await s.bundle(), await sop_now(s.conn)
        order = await listing.order_named(s.conn, number)
        async with transaction(s.conn):
            request = await written(s.conn, order, at, by=operator())
            if request is None:
                name = shown(order.number)
                raise OrderRefused(f"order {name}: no invoice waits; `sop invoices list` has those that do")
            member = await by_id(s.conn, order.member_id) if order.member_id is not None else None
            if member:
                told = Draft(
                    chat_id=member.telegram_id,
                    member_id=member.id,
                    stage="bot",
                    step="invoice_done",
                    occurrence=order.number,
                    message_class=MessageClass.support,
                    due_at=at,
                    template="bot/invoice_done",
                    context={"order": shown(order.number), "email": request.email},
                )
                await enqueue(s.conn, s.settings.bot_id, bundle.hash, [told], at)
    print(f"The invoice of order {shown(order.number)} is written{'; its payer is told' if member else ''}.")
