"""Paying by card, over HTTP as a browser and a payment service do it; iMe is signed as docs/payments.md asks for."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp

REPEATED_EVERY = 3
"""Every so many callbacks are delivered twice, as providers do."""


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment as its payer remembers it."""

    user: int
    provider: str
    charge: str
    minor: int
    currency: str


class Unpaid(Exception):
    """Nothing was paid; the message says why."""


class SoldOut(Unpaid):
    """What was offered is not to be had any more."""


@dataclass(slots=True)
class Ime:
    """A payment service: takes what an address of its names, and calls the community back."""

    http: aiohttp.ClientSession
    callback: str
    key: str
    secret: str
    taken: list[Paid] = field(default_factory=list)

    async def take(self, address: str, user: int, at: float) -> Paid:
        """Somebody pays what the address names, at that second of the virtual clock. Raises Unpaid."""
        asked = parse_qs(urlsplit(address).query)
        minor, currency, charge = int(asked["sum"][0].replace(".", "")), asked["in"][0], f"ime-{len(self.taken) + 1}"
        paid = Paid(user, "ime", charge, minor, currency)
        self.taken.append(paid)
        about = {"amount": minor, "currency": currency, "order": asked["no"][0], "telegram_id": user}
        body = {"id": f"evt-{charge}", "type": "payment.paid", "created_at": int(at), "charge": charge, **about}
        for _ in range(2 if len(self.taken) % REPEATED_EVERY == 0 else 1):
            await self._call(json.dumps(body).encode())
        return paid

    async def _call(self, body: bytes) -> None:
        timestamp = str(int(time.time()))
        signature = hmac.new(self.secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        signed = {"X-iMe-Timestamp": timestamp, "X-iMe-Signature": f"v1={signature}", "X-iMe-Key": self.key}
        async with self.http.post(self.callback, data=body, headers=signed) as answer:
            if answer.status != 200:
                raise Unpaid(f"callback: HTTP {answer.status}: {await answer.text()}")


async def order(http: aiohttp.ClientSession, url: str, headers: Mapping[str, str]) -> str:
    """Open a plan's page, and press the button that leads to iMe; the address it leads to.

    Raises SoldOut when the code in the address is not counted, or not any more; Unpaid for anything else.
    """
    async with http.get(url, headers=headers) as answer:
        page, cookie = await answer.text(), answer.headers.get("Set-Cookie", "").partition(";")[0]
        if answer.status != 200:
            raise Unpaid(f"page: HTTP {answer.status}")
    form = next((each for each in Forms.of(page) if each.action.endswith("/ime")), None)
    if form is None:
        raise Unpaid("page: no button of iMe's")
    if (typed := parse_qs(urlsplit(url).query).get("coupon")) and form.fields.get("coupon") not in typed:
        raise SoldOut(f"{typed[0]} is not counted any more")
    known = {**headers, "Cookie": cookie} if cookie else headers
    async with http.post(urljoin(url, form.action), data=form.fields, headers=known, allow_redirects=False) as answer:
        if answer.status == 409:
            raise SoldOut("taken by others meanwhile")
        if answer.status != 303:
            raise Unpaid(f"order: HTTP {answer.status}")
        return answer.headers["Location"]


@dataclass(slots=True)
class Form:
    """A form of a page, as it would be sent."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """The forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    @classmethod
    def of(cls, page: str) -> list[Form]:
        """In the page's order."""
        forms = cls()
        forms.feed(page)
        return forms.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form, or a field of the newest one."""
        about: dict[str, Any] = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(about.get("action", "")))
        if tag == "input" and self.found and "name" in about:
            self.found[-1].fields[about["name"]] = about.get("value", "")
