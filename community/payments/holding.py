"""An order with its payments, for one transaction alone."""

from collections.abc import Awaitable, Callable

from psycopg import Rollback

from community.database.pool import Connection
from community.database.queries import load
from community.payments.models import Order

queries, order_queries = load(__file__), load(__file__, "orders.sql")

Charge = dict[str, str]
"""A payment, by its provider and the provider's number."""


async def hold(
    conn: Connection, order_id: int | None, charges_of: Callable[[], Awaitable[list[Charge]]]
) -> tuple[Order | None, list[Charge]]:
    """The order, if there is one, and its payments, for this transaction alone.

    Whoever settles takes the payment first, then its order; so do we. What was settled while we waited for the order
    is a payment more: then all are taken anew.
    """
    charges = await charges_of()
    while True:
        async with conn.transaction() as attempt:
            for charge in charges:
                await conn.execute(queries.take_turns, charge)
            row = await (await conn.execute(order_queries.held, {"id": order_id})).fetchone()
            known, charges = charges, await charges_of()
            if charges == known:
                return Order(**row) if row else None, charges
            raise Rollback(attempt)
