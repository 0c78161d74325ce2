"""A delivering process of its own, for rows that need several of them or kill them.

They are forked from a server that has imported everything, so that the next one is ready in a tenth of a second.
"""

import asyncio
import multiprocessing
import signal
from multiprocessing.connection import Connection as Pipe

import uvloop
from psycopg.conninfo import make_conninfo

from tests.benchmarks.harness import delivering

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


class Deliverer:
    """One process: gets ready as soon as it is made, delivers from `go` on until it is stopped or killed.

    Its database connections carry `name` as their application_name, its claims as `claimed_by`.
    """

    def __init__(self, url: str, api: str, name: str, connections: int) -> None:
        self.name = name
        self._pipe, theirs = FORKS.Pipe()
        arguments = make_conninfo(url, application_name=name), api, name, connections, theirs
        self._process = FORKS.Process(target=_run, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    async def ready(self) -> None:
        """Wait until it could start at once. Raises EOFError if it failed."""
        await asyncio.to_thread(self._pipe.recv)

    def go(self) -> None:
        """Let it deliver."""
        self._pipe.send("go")

    async def stop(self) -> None:
        """End it as a service ends: what is on its way arrives and is recorded."""
        self._process.terminate()
        await asyncio.to_thread(self._process.join)

    async def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        await asyncio.to_thread(self._process.join)


def _run(url: str, api: str, name: str, connections: int, pipe: Pipe) -> None:
    uvloop.run(_deliver(url, api, name, connections, pipe))


async def _deliver(url: str, api: str, name: str, connections: int, pipe: Pipe) -> None:
    async with delivering(url, api, name, connections) as (delivery, _):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, delivery.stop)
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        await delivery.run()
