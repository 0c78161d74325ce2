"""The shop's routes: a plan's page, its orders, and what both do while something is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.errors import PlaybookError
from community.gateway.bodies import TooLarge
from community.gateway.health import UNAVAILABLE
from community.gateway.ordering import WITHIN_S, NoForm, Ordering, read_form
from community.gateway.pages import not_found, too_many, try_later
from community.gateway.product import Product
from community.gateway.shop import Shop
from community.gateway.visitors import Limits, address_of
from community.outbox.bundles import Bundles
from community.outbox.render import RenderError
from community.payments.selling import on_sale
from community.playbook_offers import TermPlan

log = logging.getLogger(__name__)

ANSWER_S = 5.0
AT_ONCE = 6
"""Connections to the database that the shop has at most: visitors, however many, leave the rest to the bot."""
LOOKS = {"address": 300, "coupon": 30}
"""How often pages may be opened, and coupons typed, from one address in ten minutes; many people share one."""

Answer = TypeVar("Answer")
Show = Callable[[Connection, Bundle, Request, TermPlan, str], Awaitable[Answer]]


class Buying:
    """What buyers open in their browsers."""

    def __init__(self, pool: Pool, shop: Shop) -> None:
        self._pool, self._bundles = pool, Bundles()
        self._product = Product(shop)
        self._ordering = Ordering(shop, self._product)
        self._looks = Limits(LOOKS, WITHIN_S)
        self._at_once = asyncio.Semaphore(AT_ONCE)

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
        if not self._may_look(request, request.query_params.get("coupon", "")):
            return too_many()
        return await self._of_plan(request, self._product.show)

    async def order(self, request: Request) -> Response:
        """An order from the page. What is not read by then, or asked too often, holds no connection."""
        try:
            form = await read_form(request)
        except TooLarge:
            return PlainTextResponse("too large", 413)
        except (NoForm, ClientDisconnect):
            return PlainTextResponse("malformed", 400)
        if not self._may_look(request, form.get("coupon", "")):
            return too_many()
        made = await self._of_plan(request, partial(self._ordering.order, form))
        if isinstance(made, Response):
            return made
        if lead := await self._ordering.checkout(made):
            return lead
        return await self._answer(lambda conn, bundle: self._ordering.give_up(conn, made))

    async def paid(self, request: Request) -> Response:
        """The page of an order."""
        if not self._may_look(request, ""):
            return too_many()
        return await self._answer(lambda conn, bundle: self._ordering.show(conn, bundle, request))

    def _may_look(self, request: Request, coupon: str) -> bool:
        address = address_of(request)
        return self._looks.allow(address=address, **({"coupon": address} if coupon.strip() else {}))

    async def _of_plan(self, request: Request, show: Show[Answer]) -> Answer | Response:
        async def shown(conn: Connection, bundle: Bundle) -> Answer | Response:
            key = request.path_params["plan"]
            plan = on_sale(bundle.playbook).get(key)
            return await show(conn, bundle, request, plan, key) if plan else not_found()

        return await self._answer(shown)

    async def _answer(self, show: Callable[[Connection, Bundle], Awaitable[Answer]]) -> Answer | Response:
        try:
            async with asyncio.timeout(ANSWER_S), self._at_once, self._pool.connection(timeout=3.0) as conn:
                return await show(conn, await self._bundles.current(conn))
        except (PlaybookError, RenderError) as error:
            log.warning("shop: %s", error)
            return try_later()
        except UNAVAILABLE:
            return try_later()
