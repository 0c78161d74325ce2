"""What many requests bring at once is stored together: one statement and one commit for all that came meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from community.database.pool import Connection, Pool

MOST_AT_ONCE = 100
"""Things in one statement and commit."""

Thing = TypeVar("Thing")
Store = Callable[[Connection, Sequence[Thing]], Awaitable[int]]
"""Stores a batch; returns how many of it are new."""
Waiting = tuple[Thing, "asyncio.Future[None]"]
"""A thing, and what tells its request that it is stored."""


class Batches(Generic[Thing]):
    """Stores things in batches. `stored(new, repeated)` is called after each commit."""

    def __init__(self, pool: Pool, store: Store[Thing], stored: Callable[[int, int], None]) -> None:
        self._pool = pool
        self._store = store
        self._stored = stored
        self._waiting: list[Waiting[Thing]] = []
        self._storing: asyncio.Task[None] | None = None

    async def add(self, thing: Thing) -> None:
        """Return once it is stored, together with others that came while the last batch was.

        Raises whatever storing its batch raised.
        """
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((thing, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_waiting())
        await stored

    async def _store_waiting(self) -> None:
        while batch := self._waiting[:MOST_AT_ONCE]:
            self._waiting = self._waiting[MOST_AT_ONCE:]
            try:
                async with self._pool.connection() as conn:
                    new = await self._store(conn, [thing for thing, _ in batch])
            except Exception as error:
                _settle(batch, error)
                continue
            self._stored(new, len(batch) - new)
            _settle(batch)


def _settle(batch: Sequence[Waiting[Thing]], error: Exception | None = None) -> None:
    """Let those answer who wait for the batch; who has hung up waits no more."""
    for _, stored in batch:
        if not stored.done():
            stored.set_exception(error) if error else stored.set_result(None)
