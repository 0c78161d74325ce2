"""How the gateway speaks HTTP: nobody keeps a connection by being slow, endless, or many."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from community.gateway.counters import CONNECTIONS_REFUSED

REQUEST_S = 10.0
"""Longest time in which a whole request must have come."""
MOST_HEAD_BYTES = 65_536
MOST_REQUEST_BYTES = 4 * 1_048_576
"""Whatever is refused unread is not read much further either: the webhook itself takes less."""
MOST_CONNECTIONS = 500
"""Of this process: what the bot itself needs, its database and Telegram, must not run out of files."""


def http_config(app: ASGIApp, trusted_proxies: str = "127.0.0.1") -> uvicorn.Config:
    """How uvicorn serves the gateway. It logs no addresses: tracked ones name members.

    `trusted_proxies`: addresses and networks, with commas, whose word on who asks is believed.
    """
    return uvicorn.Config(
        app,
        http=_Bounded,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
        proxy_headers=True,
        forwarded_allow_ips=trusted_proxies,
    )


class Server(uvicorn.Server):
    """uvicorn inside our loop: signals are ours, since sends on their way must arrive before the process ends."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


class _Bounded(HttpToolsProtocol):
    """A connection whose requests must come whole, in time and in reasonable size."""

    _deadline: asyncio.TimerHandle | None = None
    _received = 0
    """Bytes since the request began."""
    _head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse("too_many", HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request, unless it is one too many."""
        self._received += len(data)
        self._expect()
        super().data_received(data)
        if self._received > (MOST_HEAD_BYTES if self._head else MOST_REQUEST_BYTES):
            self._refuse("too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def on_message_begin(self) -> None:
        """The next request begins."""
        self._head = True
        self._expect()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The body follows."""
        self._head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._arrived()
        super().on_message_complete()

    def _expect(self) -> None:
        self._deadline = self._deadline or self.loop.call_later(
            REQUEST_S, self._refuse, "slow", HTTPStatus.REQUEST_TIMEOUT
        )

    def _arrived(self) -> None:
        self._received = 0
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, reason: str, status: HTTPStatus) -> None:
        """Hang up, with an answer if none was begun."""
        if self.transport.is_closing():
            return
        CONNECTIONS_REFUSED.labels(reason).inc()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            head = f"HTTP/1.1 {status} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(head.encode())
        self.transport.close()
