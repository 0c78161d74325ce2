"""Invoices that payers wish for: asked for step by step, checked, written by staff."""

import re
from datetime import datetime, timedelta
from enum import StrEnum

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.members.clean import storable
from community.members.follow_ups import close_of, promise
from community.payments.models import InvoiceRequest, Order
from community.payments.numbers import shown

queries = load(__file__, "invoicing.sql")

TASK = "invoice"
"""Kind of the task for staff; its occasion is the order's number."""
TITLE_LIMIT = 100
_TAX_ID = re.compile(r"[A-Z0-9-]{5,30}")
_NONE = frozenset({"-", "—", "无", "無", "没有", "沒有", "none", "no", "skip", "跳过", "跳過"})
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
EMAIL_LIMIT = 254


class Asked(StrEnum):
    """What is asked for, in this order."""

    head = "title"
    tax_id = "tax_id"
    email = "email"


def read(asked: Asked, text: str) -> str | None:
    """An answer as it is kept; None: it cannot be right."""
    line = " ".join(storable(text).split())
    match asked:
        case Asked.head:
            return line if line.isprintable() and 0 < len(line) <= TITLE_LIMIT else None
        case Asked.tax_id:
            folded = line.replace(" ", "").upper()
            return "" if line.casefold() in _NONE else folded if _TAX_ID.fullmatch(folded) else None
        case Asked.email:
            return line if len(line) <= EMAIL_LIMIT and _EMAIL.fullmatch(line) else None


async def request_of(conn: Connection, order_id: int) -> InvoiceRequest | None:
    """The invoice wished for an order; one without an e-mail is not asked to the end."""
    row = await (await conn.execute(queries.request, {"order_id": order_id})).fetchone()
    return InvoiceRequest(**row) if row else None


async def without_invoice(conn: Connection, member_id: int, limit: int) -> list[Order]:
    """The member's newest paid orders for which no invoice was wished yet."""
    rows = await (await conn.execute(queries.without_invoice, {"member_id": member_id, "limit": limit})).fetchall()
    return [Order(**row) for row in rows]


async def begin(conn: Connection, order_id: int, title: str, at: datetime) -> None:
    """The first answer; what was begun before is forgotten."""
    await conn.execute(queries.begin, {"order_id": order_id, "title": title, "at": at})


async def set_tax_id(conn: Connection, order_id: int, tax_id: str) -> None:
    """The second answer."""
    await conn.execute(queries.set_tax_id, {"order_id": order_id, "tax_id": tax_id})


async def finish(
    conn: Connection, order: Order, email: str, at: datetime, within: timedelta
) -> tuple[InvoiceRequest, int | None]:
    """The last answer: all is known, and staff have a task, whose number is returned; None: they had it before."""
    assert order.member_id is not None
    async with transaction(conn):
        row = await (await conn.execute(queries.finish, {"order_id": order.id, "email": email, "at": at})).fetchone()
        assert row is not None
        note = f"order {shown(order.number)}"
        task = await promise(conn, order.member_id, TASK, note, at, at + within, occurrence=order.number)
    return InvoiceRequest(**row), task


async def done(conn: Connection, order: Order, at: datetime, *, by: str) -> InvoiceRequest | None:
    """Staff have sent the invoice; their task is done with it. None: none was waiting."""
    async with transaction(conn):
        row = await (await conn.execute(queries.done, {"order_id": order.id, "at": at})).fetchone()
        if row and order.member_id is not None:
            await close_of(conn, order.member_id, TASK, order.number, at, by=by, outcome="sent")
    return InvoiceRequest(**row) if row else None
