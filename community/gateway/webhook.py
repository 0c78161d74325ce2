"""Telegram's webhook: verify, store, answer. Handling comes later, by whoever is free."""

import asyncio
from collections.abc import Sequence
from hmac import compare_digest

from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from community.bot.inbox import MalformedUpdate, Raw, parse, store
from community.database.pool import Pool
from community.database.wakeup import UPDATES, Wakeup
from community.gateway.counters import WEBHOOK_REFUSED, WEBHOOK_STORED

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
MOST_BYTES = 1_048_576
MOST_AT_ONCE = 100
"""Updates in one statement and commit."""

Waiting = tuple[Raw, "asyncio.Future[None]"]
"""An update, and what tells its request that it is stored."""


class TooLarge(Exception):
    """The body is longer than any update of Telegram's."""


class Webhook:
    """The endpoint `POST /telegram/{bot_id}`."""

    def __init__(self, pool: Pool, wakeup: Wakeup, *, bot_id: int, secret: str) -> None:
        self._pool = pool
        self._wakeup = wakeup
        self._bot_id = bot_id
        self._secret = secret.encode()
        self._waiting: list[Waiting] = []
        self._storing: asyncio.Task[None] | None = None

    async def receive(self, request: Request) -> Response:
        """200 once the update is stored; 503 while it cannot be, so that Telegram delivers it again."""
        if request.path_params["bot_id"] != str(self._bot_id):
            return _refuse("bot", 404)
        if not compare_digest(request.headers.get(SECRET_HEADER, "").encode(), self._secret):
            return _refuse("secret", 403)
        try:
            await self._store(parse(await _body(request)))
        except TooLarge:
            return _refuse("too_large", 413)
        except MalformedUpdate:
            return _refuse("malformed", 400)
        except ClientDisconnect:
            return _refuse("cut_off", 400)
        except (OperationalError, PoolTimeout):
            return _refuse("database", 503)
        return PlainTextResponse("ok")

    async def _store(self, update: Raw) -> None:
        """Return once the update is stored, together with others that came while the last batch was."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((update, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_waiting())
        await stored

    async def _store_waiting(self) -> None:
        while batch := self._waiting[:MOST_AT_ONCE]:
            self._waiting = self._waiting[MOST_AT_ONCE:]
            try:
                async with self._pool.connection() as conn:
                    new = await store(conn, self._bot_id, [update for update, _ in batch])
            except Exception as error:
                _settle(batch, error)
                continue
            WEBHOOK_STORED.labels("new").inc(new)
            WEBHOOK_STORED.labels("repeated").inc(len(batch) - new)
            self._wakeup.ring(UPDATES)
            _settle(batch)


def _settle(batch: Sequence[Waiting], error: Exception | None = None) -> None:
    """Let those answer who wait for the batch; who has hung up waits no more."""
    for _, stored in batch:
        if not stored.done():
            stored.set_exception(error) if error else stored.set_result(None)


async def _body(request: Request) -> bytes:
    """The body, read no further than allowed, whatever its length is said to be.

    Raises TooLarge, or ClientDisconnect when it does not come whole.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge
    return bytes(body)


def _refuse(reason: str, status: int) -> Response:
    WEBHOOK_REFUSED.labels(reason).inc()
    return PlainTextResponse("refused", status)
