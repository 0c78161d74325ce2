"""Telegram's webhook: verify, store, answer. Handling comes later, by whoever is free."""

from collections.abc import Sequence
from hmac import compare_digest

from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from community.bot.inbox import MalformedUpdate, Raw, channels, parse, store
from community.database.pool import Connection, Pool
from community.database.wakeup import Wakeup
from community.gateway.batches import Batches
from community.gateway.bodies import TooLarge, read_body
from community.gateway.counters import WEBHOOK_REFUSED, WEBHOOK_STORED

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name


class Webhook:
    """The endpoint `POST /telegram/{bot_id}`."""

    def __init__(self, pool: Pool, wakeup: Wakeup, *, bot_id: int, secret: str) -> None:
        self._wakeup = wakeup
        self._bot_id = bot_id
        self._secret = secret.encode()
        self._batches = Batches[Raw](pool, self._store, self._stored)

    async def receive(self, request: Request) -> Response:
        """200 once the update is stored; 503 while it cannot be, so that Telegram delivers it again."""
        if request.path_params["bot_id"] != str(self._bot_id):
            return _refuse("bot", 404)
        if not compare_digest(request.headers.get(SECRET_HEADER, "").encode(), self._secret):
            return _refuse("secret", 403)
        try:
            await self._batches.add(parse(await read_body(request)))
        except TooLarge:
            return _refuse("too_large", 413)
        except MalformedUpdate:
            return _refuse("malformed", 400)
        except ClientDisconnect:
            return _refuse("cut_off", 400)
        except (OperationalError, PoolTimeout):
            return _refuse("database", 503)
        return PlainTextResponse("ok")

    async def _store(self, conn: Connection, updates: Sequence[Raw]) -> int:
        new = await store(conn, self._bot_id, updates)
        for channel in channels(updates):
            self._wakeup.ring(channel)
        return new

    def _stored(self, new: int, repeated: int) -> None:
        WEBHOOK_STORED.labels("new").inc(new)
        WEBHOOK_STORED.labels("repeated").inc(repeated)


def _refuse(reason: str, status: int) -> Response:
    WEBHOOK_REFUSED.labels(reason).inc()
    return PlainTextResponse("refused", status)
