"""Telegram's webhook: verify, store, answer. Handling comes later, by whoever is free."""

from hmac import compare_digest

from psycopg import OperationalError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from community.bot.inbox import MalformedUpdate, parse, store
from community.database.pool import Pool
from community.database.wakeup import UPDATES, Wakeup
from community.gateway.counters import WEBHOOK_REFUSED, WEBHOOK_STORED

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
MOST_BYTES = 1_048_576


class TooLarge(Exception):
    """The body is longer than any update of Telegram's."""


class Webhook:
    """The endpoint `POST /telegram/{bot_id}`."""

    def __init__(self, pool: Pool, wakeup: Wakeup, *, bot_id: int, secret: str) -> None:
        self._pool = pool
        self._wakeup = wakeup
        self._bot_id = bot_id
        self._secret = secret.encode()

    async def receive(self, request: Request) -> Response:
        """200 once the update is stored; 503 while it cannot be, so that Telegram delivers it again."""
        if request.path_params["bot_id"] != str(self._bot_id):
            return _refuse("bot", 404)
        if not compare_digest(request.headers.get(SECRET_HEADER, "").encode(), self._secret):
            return _refuse("secret", 403)
        try:
            update = parse(await _body(request))
            async with self._pool.connection() as conn:
                new = await store(conn, self._bot_id, [update])
        except TooLarge:
            return _refuse("too_large", 413)
        except MalformedUpdate:
            return _refuse("malformed", 400)
        except OperationalError:
            return _refuse("database", 503)
        WEBHOOK_STORED.labels("new" if new else "repeated").inc()
        self._wakeup.ring(UPDATES)
        return PlainTextResponse("ok")


async def _body(request: Request) -> bytes:
    """The body, read no further than allowed, whatever its length is said to be. Raises TooLarge."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise TooLarge
    except ClientDisconnect:
        raise MalformedUpdate("cut off") from None
    return bytes(body)


def _refuse(reason: str, status: int) -> Response:
    WEBHOOK_REFUSED.labels(reason).inc()
    return PlainTextResponse("refused", status)
