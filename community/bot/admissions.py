"""Looks after approvals that Telegram refused: asks how the member stands, and lets our record say the same."""

import asyncio
import logging

from psycopg import Error as DatabaseTrouble
from psycopg_pool import PoolTimeout

from community.bot.direct import Direct
from community.database.installation import sop_now
from community.database.pool import Pool
from community.groups.admissions import refused, settle

log = logging.getLogger(__name__)

POLL_S = 5.0


class Admissions:
    """Settles refused approvals until cancelled; several processes may, each is settled once."""

    def __init__(self, pool: Pool, direct: Direct, bot_id: int) -> None:
        self._pool, self._direct, self._bot_id = pool, direct, bot_id

    async def run(self) -> None:
        """Look every few seconds."""
        while True:
            try:
                await self.once()
            except (DatabaseTrouble, PoolTimeout) as error:
                log.warning("approvals: %s; trying again", type(error).__name__)
            await asyncio.sleep(POLL_S)

    async def once(self) -> int:
        """Settle all that were refused; how many admissions are undone. No connection is held while asking."""
        async with self._pool.connection() as conn:
            found = await refused(conn, self._bot_id)
        undone = 0
        for each in found:
            inside = await self._direct.is_in(each.chat_id, each.telegram_id)
            async with self._pool.connection() as conn:
                undone += await settle(conn, each, await sop_now(conn), inside=inside)
        return undone
