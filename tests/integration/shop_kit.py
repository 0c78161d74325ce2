"""A shop on a real port, a stand-in for Stripe's API, and a browser without scripts that fills in its forms."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from community.database.pool import Connection, Pool
from community.database.wakeup import Wakeup
from community.gateway import shop
from community.gateway.app import create_gateway
from community.gateway.server import http_config
from community.members.links import LINKS, page_url
from community.payments.stripe_api import StripeApi
from community.sandbox.server import bind
from community.settings import Mode, Settings
from tests.integration.telegram_kit import BOT_ID
from tests.integration.test_gateway import BROWSER, Server

IME = "https://ime.example/pay?no={order}&sum={amount}&in={currency}"


@dataclass
class FakeStripe:
    """Answers as Stripe's API does, and keeps what it was asked."""

    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    """Path, fields, idempotency key."""
    status: int = 200
    subscription: str = "active"
    """Its state, whichever is looked up."""

    async def answer(self, request: web.Request) -> web.Response:
        fields = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append((request.path, fields, request.headers.get("Idempotency-Key", "")))
        if request.method == "GET":
            return web.json_response({"id": "sub_1", "object": "subscription", "status": self.subscription})
        if self.status != 200:
            return web.json_response({"error": {"type": "invalid_request_error", "message": "no"}}, status=self.status)
        kind = "checkout.session" if "checkout" in request.path else "refund"
        return web.json_response({"id": "x_1", "object": kind, "url": "https://checkout.stripe.com/c/pay/x_1"})


@asynccontextmanager
async def fake_stripe() -> AsyncIterator[tuple[FakeStripe, str]]:
    fake = FakeStripe()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = bind("127.0.0.1", 0)
    await web.SockSite(runner, listener).start()
    yield fake, f"http://127.0.0.1:{listener.getsockname()[1]}"
    await runner.cleanup()


@dataclass
class Form:
    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """The forms of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(about["method"], about["action"]))
        if tag == "input":
            self.found[-1].fields[about["name"]] = about.get("value", "")


@dataclass
class Visitor:
    """Somebody's browser: it keeps its cookie, and goes nowhere by itself."""

    url: str
    http: aiohttp.ClientSession
    conn: Connection
    stripe: FakeStripe
    settings: Settings
    cookie: str = ""

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        return await self._ask("GET", path, None, headers)

    async def page(self, path: str) -> str:
        answer = await self.get(path)
        assert answer.status == 200, await answer.text()
        return await answer.text()

    async def form(self, path: str, way: str, currency: str = "") -> Form:
        """The page's form for a way to pay."""
        forms = Forms(await self.page(path)).found
        return next(f for f in forms if f.action.endswith(f"/{way}") and currency in ("", f.fields["currency"]))

    async def send(self, form: Form, **headers: str) -> aiohttp.ClientResponse:
        return await self._ask("POST", form.action, form.fields, headers)

    async def orders(self) -> list[dict[str, Any]]:
        return await (await self.conn.execute("SELECT * FROM orders ORDER BY id")).fetchall()

    def token(self, message_id: int) -> str:
        """What the address of a page says that was opened from that message."""
        address = page_url("", self.settings.lasting_secret(LINKS), "month", message_id, None)
        return address.partition("m=")[2]

    async def _ask(
        self, method: str, path: str, data: dict[str, str] | None, headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        cookie = {"Cookie": self.cookie} if self.cookie else {}
        answer = await self.http.request(
            method, self.url + path, data=data, headers=BROWSER | cookie | headers, allow_redirects=False
        )
        await answer.read()  # else its connection is left to the garbage collector
        if given := answer.headers.get("Set-Cookie"):
            self.cookie = re.split(";", given)[0]
        return answer


@asynccontextmanager
async def opened_shop(
    pool: Pool, conn: Connection, database_url: str, *, username: str | None = "the_bot", card: bool = True, **more: Any
) -> AsyncIterator[Visitor]:
    key = SecretStr("sk_test_0123456789abcdef") if card else None
    settings = Settings(
        _env_file=None, mode=Mode.real, telegram_token=SecretStr(f"{BOT_ID}:secret"), public_url="https://sop.test",
        stripe_api_key=key, **more,
    )  # fmt: skip
    async with fake_stripe() as (fake, address):
        with _stripe_at(address):
            app = create_gateway(pool, settings, Wakeup(database_url), lambda: username)
        listener = bind("127.0.0.1", 0)
        server = Server(http_config(app, settings.trusted_proxies))
        serving = asyncio.create_task(server.serve([listener]))
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            yield Visitor(f"http://127.0.0.1:{listener.getsockname()[1]}", http, conn, fake, settings)
        server.should_exit = True
        await serving


class _stripe_at:
    """The shop's Stripe is at that address."""

    def __init__(self, address: str) -> None:
        self._address, self._patch = address, pytest.MonkeyPatch()

    def __enter__(self) -> None:
        self._patch.setattr(shop, "StripeApi", lambda key: StripeApi(key, self._address))

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
