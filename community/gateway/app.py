"""The gateway's application: routes, and the headers every answer carries."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from community.database.pool import Pool
from community.database.wakeup import Wakeup
from community.gateway.buying import Buying
from community.gateway.dashboard.routes import Dashboard
from community.gateway.health import Health, Metrics
from community.gateway.links import Links, unknown
from community.gateway.payments import Payments
from community.gateway.shop import Shop
from community.gateway.webhook import Webhook
from community.members.links import LINKS
from community.payments.providers import configured
from community.settings import Settings

WEBHOOK = "webhook"
"""Purpose of the secret in the webhook's header."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


def create_gateway(pool: Pool, settings: Settings, wakeup: Wakeup, username: Callable[[], str | None]) -> Starlette:
    """The gateway as an ASGI application. `username()` is the bot's, None while it is not known yet."""
    headers = {**HEADERS, **(HTTPS_ONLY if settings.public_url else {})}
    shop = Shop(settings, username)
    links = Links(pool, settings.lasting_secret(LINKS), shop)
    webhook = Webhook(pool, wakeup, bot_id=settings.bot_id, secret=settings.derived_secret(WEBHOOK))
    routes = [
        Route("/l/{path}", links.visit, methods=["GET"]),
        Route("/telegram/{bot_id}", webhook.receive, methods=["POST"]),
        Route("/payments/{provider}", Payments(pool, wakeup, configured(settings)).receive, methods=["POST"]),
        *Buying(pool, shop).routes(),
        *Dashboard(pool, settings).routes(),
        Route("/health", Health(pool).answer, methods=["GET"]),
        Route("/metrics", Metrics(pool, settings.bot_id).answer, methods=["GET"]),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(SecurityHeaders, headers=headers)])
    app.router.redirect_slashes = False  # it would lead to whatever host the visitor's request names
    app.add_exception_handler(404, lambda request, error: unknown("nowhere"))
    return app


class SecurityHeaders:
    """Adds `headers` to every answer that has not its own."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
