"""The shop's routes: a plan's page, its orders, and what both do while something is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.errors import PlaybookError
from community.gateway.bodies import TooLarge
from community.gateway.health import UNAVAILABLE
from community.gateway.ordering import NoForm, Ordering
from community.gateway.pages import not_found, try_later
from community.gateway.product import Product
from community.gateway.shop import Shop
from community.outbox.bundles import Bundles
from community.outbox.render import RenderError
from community.payments.selling import on_sale
from community.playbook_offers import TermPlan

log = logging.getLogger(__name__)

ANSWER_S = 5.0

Answer = TypeVar("Answer")
Show = Callable[[Connection, Bundle, Request, TermPlan, str], Awaitable[Answer]]


class Buying:
    """What buyers open in their browsers."""

    def __init__(self, pool: Pool, shop: Shop) -> None:
        self._pool, self._bundles = pool, Bundles()
        self._product = Product(shop)
        self._ordering = Ordering(shop, self._product)

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/buy/style.css", self._product.style, methods=["GET"]),
            Route("/buy/{plan}", self.product, methods=["GET"]),
            Route("/buy/{plan}/{way}", self.order, methods=["POST"]),
            Route("/orders/{number}", self.paid, methods=["GET"]),
        ]

    async def product(self, request: Request) -> Response:
        """The page of a plan that is on sale."""
        return await self._of_plan(request, self._product.show)

    async def order(self, request: Request) -> Response:
        """An order from the page."""
        made = await self._of_plan(request, self._ordering.order)
        if isinstance(made, Response):
            return made
        if lead := await self._ordering.checkout(made):
            return lead
        return await self._answer(lambda conn, bundle: self._ordering.give_up(conn, made))

    async def paid(self, request: Request) -> Response:
        """The page of an order."""
        return await self._answer(lambda conn, bundle: self._ordering.show(conn, bundle, request))

    async def _of_plan(self, request: Request, show: Show[Answer]) -> Answer | Response:
        async def shown(conn: Connection, bundle: Bundle) -> Answer | Response:
            key = request.path_params["plan"]
            plan = on_sale(bundle.playbook).get(key)
            return await show(conn, bundle, request, plan, key) if plan else not_found()

        return await self._answer(shown)

    async def _answer(self, show: Callable[[Connection, Bundle], Awaitable[Answer]]) -> Answer | Response:
        try:
            async with asyncio.timeout(ANSWER_S), self._pool.connection(timeout=3.0) as conn:
                return await show(conn, await self._bundles.current(conn))
        except TooLarge:
            return PlainTextResponse("too large", 413)
        except (NoForm, ClientDisconnect):
            return PlainTextResponse("malformed", 400)
        except (PlaybookError, RenderError) as error:
            log.warning("shop: %s", error)
            return try_later()
        except UNAVAILABLE:
            return try_later()
