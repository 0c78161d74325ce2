"""Virtual time: both clocks move together, and only once everything due has been dealt with."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime

from community.database.installation import set_virtual_now
from community.database.pool import Connection
from community.database.queries import load
from community.database.wakeup import OUTBOX
from community.errors import SopError
from community.sandbox.client import SandboxClient

queries = load(__file__, "clockwork.sql")

LOOK_S = 0.02
STUCK_S = 60.0
"""Nothing moved for this long of real time: something is broken, and waiting on would hide it."""


class Stuck(SopError):
    """The servers stopped working through what is due."""


@dataclass(slots=True)
class Clockwork:
    """The installation's clock and the sandbox's."""

    conn: Connection
    sandbox: SandboxClient
    bot_id: int

    async def set(self, at: datetime) -> None:
        """It is `at` now, and stays so. What became due by that is sent."""
        await self.sandbox.set_clock(at.timestamp(), frozen=True)
        await set_virtual_now(self.conn, at)
        await self.conn.execute(f"NOTIFY {OUTBOX}")

    async def release(self) -> None:
        """Back to real time."""
        await self.sandbox.real_clock()
        await set_virtual_now(self.conn, None)

    async def settled(self) -> None:
        """Return when every update is handled and every message that is due has been delivered.

        Raises Stuck when nothing moves for a minute.
        """
        moved, before = time.monotonic(), None
        while left := await self._left():
            if left != before:
                moved, before = time.monotonic(), left
            if time.monotonic() - moved > STUCK_S:
                raise Stuck(f"nothing moves any more: {left}; see what was logged (of the demo: service.log)")
            await asyncio.sleep(LOOK_S)

    async def _left(self) -> str:
        """What is still under way, in words; empty when nothing is. Looked at in the order in which it flows."""
        if unfetched := (await self.sandbox.pending()).get(self.bot_id):
            return f"{unfetched} updates not fetched"
        row = await (await self.conn.execute(queries.under_way, {"bot_id": self.bot_id})).fetchone()
        assert row is not None
        return ", ".join(f"{count} {what}" for what, count in row.items() if count)
