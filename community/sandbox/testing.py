"""The sandbox within a program: serving for the length of a block, and from a thread for tests of any kind.

``async with serving() as sandbox:`` runs it in the loop that is running. `telegram_sandbox` of pytest_plugin.py is a
`ThreadedSandbox`, which suits tests with any loop, or none.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from community.sandbox.app import Sandbox, create_app
from community.sandbox.client import SandboxClient
from community.sandbox.server import bind, server
from community.sandbox.world import Options

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where a sandbox is served. `token` is its first bot's."""

    url: str
    token: str

    @property
    def base_url(self) -> str:
        """For ``telegram.Bot(base_url=…)``; the token comes after it."""
        return f"{self.url}/bot"

    @property
    def base_file_url(self) -> str:
        """For ``telegram.Bot(base_file_url=…)``."""
        return f"{self.url}/file/bot"


@dataclass(frozen=True)
class Served(Place):
    """A sandbox in this loop, with its client and, for whoever wants to look inside, its `app.world`."""

    client: SandboxClient
    app: Sandbox

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@asynccontextmanager
async def serving(*tokens: str, options: Options | None = None, port: int = 0) -> AsyncIterator[Served]:
    """A fresh Telegram on 127.0.0.1, until the block ends. `tokens`: a bot each. Raises OSError for a port in use."""
    options = options or (Options(tokens) if tokens else Options())
    app, listener = create_app(options), bind("127.0.0.1", port)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    running = server(app, signals=False)
    task = asyncio.create_task(running.serve([listener]))
    try:
        await running.ready.wait()
        async with SandboxClient(url) as client:
            yield Served(url, options.tokens[0], client, app)
    finally:
        running.should_exit = True
        await task


class DistantClient(SandboxClient):
    """A client for any loop: asks in the loop of the server's thread."""

    def __init__(self, near: SandboxClient, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(near.base_url)
        self._near = near
        self._loop = loop

    async def ask(self, verb: str, path: str, body: Any = None, **query: Any) -> Any:
        return await self._there(self._near.ask(verb, path, body, **query))

    async def download(self, path: str, **query: Any) -> bytes:
        return await self._there(self._near.download(path, **query))

    async def _there(self, asked: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked, self._loop))


@dataclass(frozen=True)
class ThreadedSandbox(Place):
    """A sandbox in a thread of its own. `client` may be awaited in any loop; without one, see `wait`."""

    client: SandboxClient
    loop: asyncio.AbstractEventLoop

    def wait(self, asked: Coroutine[Any, Any, T], within: float = 30) -> T:
        """What the client says, for tests that are not asynchronous: ``sandbox.wait(sandbox.client.start(17))``."""
        return asyncio.run_coroutine_threadsafe(asked, self.loop).result(within)


@contextmanager
def threaded(*tokens: str) -> Iterator[ThreadedSandbox]:
    """A fresh Telegram served by a thread, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="telegram-sandbox", daemon=True)
    thread.start()
    block = serving(*tokens)
    try:
        served = asyncio.run_coroutine_threadsafe(block.__aenter__(), loop).result(10)
        try:
            yield ThreadedSandbox(served.url, served.token, DistantClient(served.client, loop), loop)
        finally:
            asyncio.run_coroutine_threadsafe(block.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
