"""What all examples share: a loop, connections, the playbook, and a count of what was done."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

from community.database.pool import Connection, connect
from community.outbox.bundles import Bundles
from tests.interleavings.playbook import restless, with_offer
from tests.interleavings.world import composer
from tests.shipped import shipped_bundle

T = TypeVar("T")


@dataclass
class Tally:
    """What all examples did together."""

    examples: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)


class Engine:
    """A loop and two connections that all examples share."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.bundle, self.bundles, self.tally = restless(shipped_bundle()), Bundles(), Tally()
        self.composer = composer(self.bundles)
        self.conn, self.beside = self.run(self._open(url)), self.run(self._open(url))
        self.run(self._enter())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something, to its end."""
        return self._runner.run(work)

    def close(self) -> None:
        """Give back what was opened."""
        self.run(self._stack.aclose())
        self._runner.close()

    async def _open(self, url: str) -> Connection:
        conn = await connect(url)
        await conn.execute("SET lock_timeout = '10s'")
        self._stack.push_async_callback(conn.close)
        return conn

    async def _enter(self) -> None:
        self._stack.enter_context(with_offer())
