"""Bare wake-ups between processes by LISTEN / NOTIFY, on connections of their own.

A NOTIFY inside a business transaction would serialise commits (423 instead of 11,113 transactions a second with 2 ms
commits), so it is sent after commit, without payload, at most 20 times a second a process. Losing one only delays:
every waiter also polls.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from psycopg import OperationalError, sql

from community.database.pool import connect
from community.errors import DatabaseError

OUTBOX, UPDATES, TRIGGERS, PUBLICATION = "sop_outbox", "sop_updates", "sop_triggers", "sop_publication"
PAYMENTS, CHECKOUTS, ENTRIES = "sop_payments", "sop_checkouts", "sop_entries"
SUBSCRIPTIONS = "sop_subscriptions"
CHANNELS = (OUTBOX, UPDATES, TRIGGERS, PUBLICATION, PAYMENTS, CHECKOUTS, ENTRIES, SUBSCRIPTIONS)
INTERVAL_S = 0.05
RECONNECT_S = 1.0

log = logging.getLogger(__name__)


class Wakeup:
    """Rings other processes and hears them. `ring()` also wakes waiters in this process at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._events = {channel: asyncio.Event() for channel in CHANNELS}
        self._rung: set[str] = set()
        self._anything = asyncio.Event()

    def event(self, channel: str) -> asyncio.Event:
        """Set on each wake-up of `channel`; the waiter clears it."""
        return self._events[channel]

    def ring(self, channel: str) -> None:
        """Wake whoever waits on `channel`, here and elsewhere. Call after commit."""
        self._events[channel].set()
        self._rung.add(channel)
        self._anything.set()

    async def wait(self, channel: str, seconds: float) -> None:
        """Return at the next wake-up, at the latest after `seconds`."""
        event = self._events[channel]
        try:
            async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation before Python 3.12
                await event.wait()
        except TimeoutError:
            return
        event.clear()

    async def run(self) -> None:
        """Listen and notify until cancelled, reconnecting whenever the server went away."""
        await asyncio.gather(self._forever(self._listen), self._forever(self._notify))

    async def _forever(self, part: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await part()
            except (OperationalError, DatabaseError) as error:
                log.warning("wake-ups: %s; reconnecting, polling meanwhile", error)
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> None:
        conn = await connect(self._url)
        async with conn:
            for channel in CHANNELS:
                await conn.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            for event in self._events.values():  # whatever was missed while away
                event.set()
            async for notice in conn.notifies():
                self._events[notice.channel].set()

    async def _notify(self) -> None:
        conn = await connect(self._url)
        async with conn:
            while True:
                await self._anything.wait()
                self._anything.clear()
                rung, self._rung = self._rung, set()
                for channel in rung:
                    await conn.execute(sql.SQL("NOTIFY {}").format(sql.Identifier(channel)))
                await asyncio.sleep(INTERVAL_S)
