"""Invoices as payers ask for them: their answers, checked; and which of their orders still has none."""

import re
from datetime import datetime
from enum import StrEnum

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.members.clean import storable
from community.members.follow_ups import close_of
from community.payments.invoices import TASK, finish_invoice
from community.payments.models import InvoiceRequest, Order

queries = load(__file__, "invoicing.sql")

TITLE_LIMIT = 100
EMAIL_LIMIT = 254
_TAX_ID = re.compile(r"[A-Z0-9-]{5,30}")
_NONE = frozenset({"-", "—", "无", "無", "没有", "沒有", "none", "no", "skip", "跳过", "跳過"})
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)


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


async def without_invoice(conn: Connection, member_id: int, limit: int) -> list[Order]:
    """The member's newest paid orders whose invoice staff have not written yet."""
    rows = await (await conn.execute(queries.without_invoice, {"member_id": member_id, "limit": limit})).fetchall()
    return [Order(**row) for row in rows]


async def written(conn: Connection, order: Order, at: datetime, *, by: str) -> InvoiceRequest | None:
    """Staff have sent the order's invoice; their task is done with it. None: none was waiting."""
    async with transaction(conn):
        if not await finish_invoice(conn, order.id, at):
            return None
        if order.member_id is not None:
            await close_of(conn, order.member_id, TASK, order.number, at, by=by, outcome="sent")
        row = await (await conn.execute(queries.request, {"order_id": order.id})).fetchone()
    return InvoiceRequest(**row) if row else None
