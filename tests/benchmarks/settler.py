"""A process that settles payments until it is killed, forked from a server that has imported everything."""

import asyncio
import multiprocessing

import uvloop

from community.database.pool import connect
from community.outbox.bundles import Bundles
from community.payments.work import work
from tests.benchmarks.harness import BOT_ID, NOON

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


class Settler:
    """One process; begins at once."""

    def __init__(self, url: str) -> None:
        self._process = FORKS.Process(target=_run, args=(url,), daemon=True)
        self._process.start()

    async def kill(self) -> None:
        """SIGKILL, wherever it is."""
        self._process.kill()
        await asyncio.to_thread(self._process.join)


def _run(url: str) -> None:
    uvloop.run(_settle(url))


async def _settle(url: str) -> None:
    async with await connect(url) as conn:
        bundle = await Bundles().current(conn)
        while True:
            if not await work(conn, bundle, NOON, bot_id=BOT_ID):
                await asyncio.sleep(0.01)
