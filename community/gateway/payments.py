"""Callbacks of payment providers: believe only what is signed, store it as it came, answer. Settling comes after."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from community.database.pool import Connection, Pool
from community.database.wakeup import PAYMENTS, Wakeup
from community.gateway.batches import Batches
from community.gateway.bodies import TooLarge, read_body
from community.gateway.counters import PAYMENTS_REFUSED, PAYMENTS_STORED
from community.payments.events import StoredEvent, store
from community.payments.provider import Forged, Provider
from community.payments.reading import Malformed

UNKNOWN = "unknown"
"""Stands for a provider that we do not have: its name is whoever's who called."""


class Payments:
    """The endpoint `POST /payments/{provider}`; a provider without a secret is not there."""

    def __init__(self, pool: Pool, wakeup: Wakeup, providers: Mapping[str, Provider]) -> None:
        self._wakeup = wakeup
        self._providers = providers
        self._batches = Batches[StoredEvent](pool, _store, self._stored)

    async def receive(self, request: Request) -> Response:
        """200 once the event is stored; 503 while it cannot be, so that the provider delivers it again."""
        provider = self._providers.get(request.path_params["provider"])
        if provider is None:
            return _refuse(UNKNOWN, "provider", 404)
        try:
            body = await read_body(request)
            provider.verify(request.headers, body, datetime.now(UTC))
            await self._batches.add(StoredEvent(provider.name, provider.read(body), body.decode()))
        except TooLarge:
            return _refuse(provider.name, "too_large", 413)
        except ClientDisconnect:
            return _refuse(provider.name, "cut_off", 400)
        except Forged as error:
            return _refuse(provider.name, error.reason, 401)
        except ValueError as error:
            return _refuse(provider.name, "malformed", 400, str(error) if isinstance(error, Malformed) else "")
        except (OperationalError, PoolTimeout):
            return _refuse(provider.name, "database", 503)
        return JSONResponse({"ok": True})

    def _stored(self, new: int, repeated: int) -> None:
        PAYMENTS_STORED.labels("new").inc(new)
        PAYMENTS_STORED.labels("repeated").inc(repeated)
        if new:
            self._wakeup.ring(PAYMENTS)


async def _store(conn: Connection, events: Sequence[StoredEvent]) -> int:
    return len(await store(conn, events))


def _refuse(provider: str, reason: str, status: int, detail: str = "") -> Response:
    """`detail` is for whoever signs: nobody else comes so far."""
    PAYMENTS_REFUSED.labels(provider, reason).inc()
    return JSONResponse({"ok": False, "error": reason, **({"detail": detail} if detail else {})}, status)
