"""Second payments of an order: what waited because another one had had the lowered price is settled when it is free."""

from collections.abc import Awaitable, Callable

from community.database.queries import load
from community.members.follow_ups import close_of
from community.payments.messages import named
from community.payments.models import Order, Payment
from community.payments.problems import TASK
from community.payments.till import Till

queries = load(__file__, "seconds.sql")

SettleOne = Callable[[str, str], Awaitable[Payment | None]]
"""Settles a payment, by its provider and number, in the caller's transaction."""


async def settle_seconds(till: Till, order: Order, settle: SettleOne) -> None:
    """The order's first payment has just been taken back: one that waits for its price has it now.

    What somebody else settles just now is left to them: they wait for the order, and find it free.
    """
    for charge in await (await till.conn.execute(queries.waiting, {"order_id": order.id})).fetchall():
        turn = await (await till.conn.execute(queries.try_turn, charge)).fetchone()
        payment = await settle(charge["provider"], charge["charge"]) if turn and turn["ours"] else None
        if payment and payment.member_id is not None and payment.state == "matched":
            why = "another payment of its order was taken back"
            await close_of(till.conn, payment.member_id, TASK, named(payment), till.at, by="payments", outcome=why)
            return
