"""Invoices that payers ask for: a task for staff, who write them."""

from dataclasses import asdict, dataclass
from datetime import datetime

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.members.clean import storable
from community.members.follow_ups import promise
from community.payments.models import Order
from community.payments.numbers import shown
from community.playbook import Playbook

queries = load(__file__, "invoices.sql")

TASK = "invoice"
LONGEST = 255
"""Characters kept of each line."""


@dataclass(frozen=True, slots=True)
class InvoiceWanted:
    """What an invoice is to say of who paid."""

    title: str
    tax_id: str = ""
    email: str = ""
    address: str = ""


async def request_invoice(
    conn: Connection, playbook: Playbook, order: Order, wanted: InvoiceWanted, at: datetime
) -> bool:
    """Ask for the order's invoice; asked again before it is written, what it says is corrected. True: it is new.

    Where it is known whose the order is, it is a task for staff; the others are listed as requests only.
    """
    words = {name: storable(text).strip()[:LONGEST] for name, text in asdict(wanted).items()}
    async with transaction(conn):
        found = await conn.execute(queries.ask, {**words, "order_id": order.id, "at": at})
        row = await found.fetchone()
        if order.member_id is None:
            return row is not None and row["requested_at"] == at
        due_at, number = at + playbook.payments.invoice_within, shown(order.number)
        task = await promise(
            conn, order.member_id, TASK, f"Order {number}: {words['title']}", at, due_at, occurrence=order.number
        )
    return task is not None


async def finish_invoice(conn: Connection, order_id: int, at: datetime, *, refused: bool = False) -> bool:
    """The invoice is written, or cannot be; False: none was waiting."""
    values = {"order_id": order_id, "state": "refused" if refused else "done", "at": at}
    return (await conn.execute(queries.finish, values)).rowcount == 1
