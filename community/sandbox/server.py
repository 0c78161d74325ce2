"""Serving the sandbox: one clear line when the port is taken, a graceful end on SIGTERM."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager, nullcontext

import uvicorn

from community.sandbox.app import Sandbox
from community.sandbox.corked import CorkedProtocol


class Server(uvicorn.Server):
    """Ends long polls first, so that stopping does not wait for them. `ready` is set once it answers."""

    def __init__(self, config: uvicorn.Config, sandbox: Sandbox, *, signals: bool) -> None:
        super().__init__(config)
        self.sandbox = sandbox
        self.signals = signals
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        with super().capture_signals() if self.signals else nullcontext():
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.sandbox.world.close()
        await super().shutdown(sockets)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the port is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named protocol: asyncio turns off Nagle's delay (40 ms a call on loopback) only where it sees TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def server(sandbox: Sandbox, *, signals: bool = True) -> Server:
    """A server for `sandbox`, to be run on a bound socket: ``await server(app).serve([bind(host, port)])``.

    Without `signals` it leaves SIGINT and SIGTERM to the program it is part of.
    """
    config = uvicorn.Config(
        sandbox,
        http=CorkedProtocol,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
        ws="websockets-sansio",
        ws_max_size=65_536,
        ws_per_message_deflate=False,
    )
    return Server(config, sandbox, signals=signals)
