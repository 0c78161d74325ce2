"""Orders, payments and invoices as an operator looks for them. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from community.database.pool import Connection
from community.database.queries import load
from community.errors import OrderRefused
from community.payments.models import Order, Payment, RefundRequest
from community.payments.numbers import read_number, shown
from community.payments.orders import find
from community.playbook_types import Amount

queries = load(__file__, "listing.sql")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about money that waits for somebody. `what`: which state it is in; `why`: what is wrong."""

    kind: str
    subject: str
    what: str
    why: str
    member_id: int | None
    amount: Amount | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a plan's page that leads with `variant`. `paid`: orders; `money`: what of it is still ours."""

    plan: str
    variant: str
    views: int
    orders: int
    paid: int
    money: Sequence[Amount]


async def orders(conn: Connection, *, state: str | None, member_id: int | None, limit: int) -> list[Order]:
    """The newest orders, of one state or one member's, or all."""
    values = {"state": state, "member_id": member_id, "limit": limit}
    return [Order(**row) for row in await (await conn.execute(queries.orders, values)).fetchall()]


async def payments(conn: Connection, *, state: str | None, member_id: int | None, limit: int) -> list[Payment]:
    """The payments that changed last, of one state or one member's, or all."""
    values = {"state": state, "member_id": member_id, "limit": limit}
    return [Payment(**row) for row in await (await conn.execute(queries.payments, values)).fetchall()]


async def payments_of(conn: Connection, order_id: int) -> list[Payment]:
    """What was paid for an order."""
    rows = await (await conn.execute(queries.payments_of_order, {"order_id": order_id})).fetchall()
    return [Payment(**row) for row in rows]


async def order_named(conn: Connection, text: str) -> Order:
    """The order of a number as typed. Raises OrderRefused."""
    order = await find(conn, text)
    if order is None:
        typed = "; one of its characters is mistyped" if read_number(text) is None else ""
        raise OrderRefused(f"order {text!r:.40}: no such order{typed}; `sop orders list` has the newest")
    return order


async def payment_named(conn: Connection, text: str) -> Payment:
    """The payment of a provider's number, `provider:number`, or of the order of that number. Raises OrderRefused."""
    order = await find(conn, text)
    values = {"text": text.strip(), "order_id": order.id if order else None}
    found = await (await conn.execute(queries.payments_named, values)).fetchall()
    if len(found) == 1:
        return Payment(**found[0])
    if order and not found:
        raise OrderRefused(f"order {shown(order.number)}: nothing was paid for it, as far as is known")
    if found:
        known = ", ".join(f"{row['provider']}:{row['charge']}" for row in found)
        raise OrderRefused(f"{text!r:.40} is {len(found)} payments; name one of {known}")
    raise OrderRefused(f"payment {text!r:.40}: no such payment; `sop payments list` has the newest")


async def paid_for(conn: Connection, text: str) -> Payment:
    """As `payment_named`; of an order's several one that gives something: what is done is done with the whole order."""
    order = await find(conn, text)
    standing = [each for each in await payments_of(conn, order.id) if each.state == "matched"] if order else []
    return standing[0] if standing else await payment_named(conn, text)


async def ledger_of(conn: Connection, payment: Payment) -> list[dict[str, Any]]:
    """What was booked for a payment, an entry a row."""
    return await (await conn.execute(queries.ledger, _of(payment))).fetchall()


async def events_of(conn: Connection, payment: Payment) -> list[dict[str, Any]]:
    """What the provider said of a payment, without its body."""
    return await (await conn.execute(queries.events, _of(payment))).fetchall()


async def refunds_of(conn: Connection, payment: Payment) -> list[RefundRequest]:
    """The wishes to have a payment back."""
    return [RefundRequest(**row) for row in await (await conn.execute(queries.refunds, _of(payment))).fetchall()]


async def problems(conn: Connection, limit: int) -> list[Problem]:
    """Payments that fit nothing or are nobody's, events that failed, refunds that wait or fail; the oldest first."""
    rows = await (await conn.execute(queries.problems, {"limit": limit})).fetchall()
    return [Problem(**_amount(row)) for row in rows]


async def invoices(conn: Connection, *, everything: bool, limit: int) -> list[dict[str, Any]]:
    """Invoices that payers wait for, the oldest first; with `everything` those that were written too."""
    values = {"everything": everything, "limit": limit}
    return await (await conn.execute(queries.invoices, values)).fetchall()


async def variants(conn: Connection, since: datetime) -> list[Result]:
    """What came of each variant of each plan's page since then."""
    rows = await (await conn.execute(queries.variants, {"since": since})).fetchall()
    return [Result(**{**row, "money": _amounts(row["money"])}) for row in rows]


def _amounts(money: dict[str, int]) -> list[Amount]:
    return [Amount(minor=minor, currency=currency) for currency, minor in sorted(money.items()) if minor]


def _of(payment: Payment) -> dict[str, str]:
    return {"provider": payment.provider, "charge": payment.charge}


def _amount(row: dict[str, Any]) -> dict[str, Any]:
    minor, currency = row.pop("amount_minor"), row.pop("currency")
    return {**row, "amount": Amount(minor=minor, currency=currency) if minor is not None and currency else None}
