"""Approved refunds brought before their provider: taken by one process, committed, asked for, and the answer kept."""

import asyncio
import logging

from psycopg import Error as DatabaseTrouble
from psycopg_pool import PoolTimeout

from community.bot.direct import Direct
from community.database.installation import sop_now
from community.database.pool import Pool
from community.database.wakeup import PAYMENTS, Wakeup
from community.outbox.alerts import Alert, alert
from community.payments.models import RefundRequest
from community.payments.refunds import Due, answered, take
from community.payments.stripe_api import TROUBLE, StripeApi, reason
from community.playbook_types import Amount

log = logging.getLogger(__name__)

POLL_S = 2.0


class Refunds:
    """Asks providers for refunds until cancelled. Asked twice, they pay back once."""

    def __init__(self, pool: Pool, wakeup: Wakeup, direct: Direct, stripe: StripeApi | None) -> None:
        self._pool, self._wakeup, self._direct, self._stripe = pool, wakeup, direct, stripe

    async def run(self) -> None:
        """Ask as soon as something is approved."""
        while True:
            try:
                while await self.next():
                    pass
            except (DatabaseTrouble, PoolTimeout) as error:
                log.warning("refunds: %s; trying again", type(error).__name__)
            await asyncio.sleep(0)
            await self._wakeup.wait(PAYMENTS, POLL_S)

    async def next(self) -> bool:
        """Bring one before its provider; False: none waits."""
        async with self._pool.connection() as conn:
            due = await take(conn)
        if due is None:
            return False
        error = await self._ask(due)
        async with self._pool.connection() as conn, conn.transaction():
            if await answered(conn, due.request, error) == "failed":
                await alert(conn, _failed(due.request, error or ""), await sop_now(conn))
        return True

    async def _ask(self, due: Due) -> str | None:
        """Why the provider does not; None: it does."""
        if due.request.provider == "stars":
            if due.payer is None:
                return "nobody is known who paid"
            return await self._direct.refund_stars(due.payer, due.request.charge)
        if self._stripe is None:
            return "SOP_STRIPE_API_KEY is not set"
        amount = Amount(minor=due.request.amount_minor, currency=due.request.currency)
        try:
            await self._stripe.refund(due.request.id, due.reference, amount)
        except TROUBLE as error:
            return reason(error)
        return None


def _failed(request: RefundRequest, error: str) -> Alert:
    return Alert(
        f"refund:{request.provider}",
        f"A refund was approved, and {request.provider} does not make it",
        f"payment {request.provider}:{request.charge}: {error}",
        "Refund it on the provider's page; its event ends access. Mend the cause.",
    )
