"""Workers: each settles one stored event after another, as soon as it is stored; of one payment one at a time."""

import asyncio
import logging

from psycopg import Error as DatabaseTrouble
from psycopg_pool import PoolTimeout

from community.database.installation import sop_now
from community.database.pool import Pool
from community.database.wakeup import ENTRIES, OUTBOX, PAYMENTS, SUBSCRIPTIONS, TRIGGERS, Wakeup
from community.errors import SopError
from community.outbox.bundles import Bundles
from community.payments.work import work

log = logging.getLogger(__name__)

WORKERS = 4
POLL_S = 1.0
"""Longest wait when a wake-up was lost."""


class PaymentWorkers:
    """Settles what providers said, until cancelled."""

    def __init__(self, pool: Pool, bundles: Bundles, wakeup: Wakeup, bot_id: int) -> None:
        self._pool, self._bundles, self._wakeup, self._bot_id = pool, bundles, wakeup, bot_id

    async def run(self) -> None:
        """Several at once: they wait for each other only over one payment, or one member."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            try:
                await self._settle_all()
            except (DatabaseTrouble, PoolTimeout, SopError) as error:
                log.warning("payments: %s; they stay stored, trying again", type(error).__name__)
                await asyncio.sleep(POLL_S)
            await self._wakeup.wait(PAYMENTS, POLL_S)

    async def _settle_all(self) -> None:
        """Settle until nothing waits; what each gives goes out before the next is looked at."""
        async with self._pool.connection() as conn:
            bundle = await self._bundles.current(conn)
            while await work(conn, bundle, await sop_now(conn), bot_id=self._bot_id):
                for channel in (OUTBOX, ENTRIES, TRIGGERS, SUBSCRIPTIONS):
                    self._wakeup.ring(channel)
