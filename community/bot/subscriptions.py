"""Subscriptions brought before their providers: begun by a link of Telegram's, stopped at Telegram or Stripe.

Taken by one process, committed, asked for, and the answer kept and told in one transaction.
"""

import asyncio
import logging
from typing import Any, NamedTuple

from psycopg import Error as DatabaseTrouble
from psycopg_pool import PoolTimeout

from community.bot.direct import Direct
from community.database.installation import sop_now
from community.database.pool import Connection, Pool
from community.database.wakeup import OUTBOX, PAYMENTS, SUBSCRIPTIONS, Wakeup
from community.errors import OrderRefused, SopError
from community.outbox.bundles import Bundles
from community.payments.providers import stars
from community.payments.refunds import BY_ITSELF
from community.payments.stripe_api import TROUBLE, StripeApi, reason
from community.payments.subscription_request import SubscriptionRequest
from community.payments.subscriptions import START, answered, link_of, take
from community.payments.till import Till

log = logging.getLogger(__name__)

POLL_S = 2.0
"""Longest wait when a wake-up was lost."""


class Answer(NamedTuple):
    """What came of asking: an error, or the address of what begins. `final`: asking again is of no use."""

    error: str | None = None
    address: str | None = None
    final: bool = False


class Subscriptions:
    """Asks providers until cancelled. Asked twice, they do the same."""

    def __init__(
        self, pool: Pool, bundles: Bundles, wakeup: Wakeup, direct: Direct, stripe: StripeApi | None, bot_id: int
    ) -> None:
        self._pool, self._bundles, self._wakeup = pool, bundles, wakeup
        self._direct, self._stripe, self._bot_id = direct, stripe, bot_id

    async def run(self) -> None:
        """Ask as soon as something is wished."""
        while True:
            try:
                while await self.next():
                    pass
            except (DatabaseTrouble, PoolTimeout, SopError) as error:
                log.warning("subscriptions: %s; trying again", type(error).__name__)
                await asyncio.sleep(POLL_S)
            await self._wakeup.wait(SUBSCRIPTIONS, POLL_S)

    async def next(self) -> bool:
        """Bring one before its provider; False: none waits."""
        async with self._pool.connection() as conn:
            request = await take(conn)
        if request is None:
            return False
        answer = await self._ask(request)
        async with self._pool.connection() as conn:
            till = await self._till(conn)
            await answered(till, request, answer.error, answer.address, final=answer.final)
        self._wakeup.ring(OUTBOX)
        self._wakeup.ring(PAYMENTS)
        return True

    async def _ask(self, request: SubscriptionRequest) -> Answer:
        if request.what == START:
            return await self._begin(request)
        if request.provider not in BY_ITSELF:
            return Answer(f"{request.provider} cannot be asked", final=True)
        if request.provider == stars.NAME:
            if request.payer is None or request.charge is None:
                return Answer("nobody is known who pays it", final=True)
            return Answer(await self._direct.stop_stars(request.payer, request.charge))
        return Answer(await self._stop_at_stripe(request))

    async def _begin(self, request: SubscriptionRequest) -> Answer:
        if request.address:
            return Answer(address=request.address)
        try:
            async with self._pool.connection() as conn:
                asked: dict[str, Any] = await link_of(await self._till(conn), request)
        except OrderRefused as refused:
            return Answer(str(refused), final=True)
        return Answer(*await self._direct.subscription_link(asked))

    async def _stop_at_stripe(self, request: SubscriptionRequest) -> str | None:
        if self._stripe is None:
            return "SOP_STRIPE_API_KEY is not set"
        try:
            await self._stripe.stop(request.subscription)
        except TROUBLE as error:
            return reason(error)
        return None

    async def _till(self, conn: Connection) -> Till:
        return Till(conn, await self._bundles.current(conn), await sop_now(conn), self._bot_id)
