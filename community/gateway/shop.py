"""The shop's surroundings: what every page of it needs to know of the installation, the playbook and the visitor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from community.access.library import plans_with
from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.gateway.visitors import Forms, Visitor, remember, visitor_of
from community.insight.experiments import decided_lead
from community.members.links import LINKS, read_page_token
from community.members.models import Member
from community.members.people import by_id
from community.moments import day_text, moment_text
from community.outbox.references import plan_shown
from community.outbox.render import Renderer, RenderError
from community.page_templates import PageTemplates
from community.payments.models import Order
from community.payments.providers.stars import CURRENCY
from community.payments.selling import currencies
from community.payments.stripe_api import StripeApi
from community.playbook_offers import TermPlan
from community.playbook_types import Amount, minor_digits
from community.settings import Settings

queries = load(__file__, "shop.sql")

FORMS = "forms"
"""Purpose of the secret that the page's forms are signed with."""
STRIPE_PAGES = "https://checkout.stripe.com"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to pay: its name, and the currency it is in. `renews`: again and again, by a subscription."""

    name: str
    currency: str
    renews: bool = False


@dataclass(frozen=True, slots=True)
class Guest:
    """Who looks at a page, as far as that is known: `member` if they came from a message of ours."""

    visitor: Visitor
    locale: str
    token: str
    member: Member | None
    lead: str | None = None
    """What the pages of plans lead with for everybody, once the experiment about it is over."""


class Shop:
    """What the pages share. `username()`: the bot's, None while it is not known."""

    def __init__(self, settings: Settings, username: Callable[[], str | None]) -> None:
        self.username = username
        self.base = settings.links_url or settings.gateway_url
        self.secure = self.base.startswith("https:")
        self.forms = Forms(settings.lasting_secret(FORMS))
        self._links = settings.lasting_secret(LINKS)
        key = settings.stripe_api_key
        self.stripe = StripeApi(key.get_secret_value()) if key else None
        self.pages = PageTemplates(settings.playbook_dir)
        self._renderers: dict[str, Renderer] = {}

    # Whom.

    async def guest(
        self, conn: Connection, bundle: Bundle, request: Request, given: Mapping[str, str], at: datetime
    ) -> Guest:
        """The visitor; `given`: what the address or the form says."""
        token = given.get("m", "")
        message_id = read_page_token(token, self._links)
        member = await _member(conn, message_id, at) if message_id is not None else None
        locale = _locale(bundle, request, given.get("lang", ""), member)
        lead = await decided_lead(conn, bundle.playbook)
        return Guest(visitor_of(request), locale, token if member else "", member, lead)

    def reader(self, bundle: Bundle, request: Request, member: Member | None) -> Guest:
        """Who reads a page of no form: shown in the member's language, if that is known, and nothing else of theirs."""
        locale = _locale(bundle, request, request.query_params.get("lang", ""), member)
        return Guest(Visitor(visitor_of(request).id, False), locale, "", None)

    # What for.

    def ways(self, bundle: Bundle, plan: TermPlan) -> list[Way]:
        """How the plan can be paid for: what is set up, in each of its currencies."""
        known = currencies(plan)
        stars = [Way("stars", CURRENCY)] if self.username() and CURRENCY in known else []
        money = [currency for currency in known if currency != CURRENCY]
        cards = [Way("stripe", currency) for currency in money] if self.stripe else []
        ime = [Way("ime", money[0])] if bundle.playbook.payments.ime_url and money else []
        again = [Way(way.name, way.currency, renews=True) for way in (*stars, *cards) if plan.renews_in(way.currency)]
        return [*stars, *cards, *ime, *again]

    def telegram(self, payload: str) -> str | None:
        """The bot with a start payload."""
        username = self.username()
        return f"https://t.me/{username}?start={payload}" if username else None

    # Pages.

    def copy(self, bundle: Bundle, guest: Guest, name: str, plan: str | None, **more: Any) -> Markup:
        """Copy of the page, in the guest's language: escaped as all copy is."""
        if bundle.hash not in self._renderers:
            self._renderers = {bundle.hash: Renderer(bundle)}
        zone, locale = bundle.playbook.community.zone, guest.locale
        context = {
            "plan": plan_shown(bundle, plan, locale) or {"key": plan, "title": "", "price": None},
            "bot": self.username() or "",
            "link": partial(self._link, bundle),
            "page": lambda key, coupon=None: f"/buy/{key}",
            "moment": partial(moment_text, zone=zone, locale=locale),
            "day": partial(day_text, zone=zone, locale=locale),
            "holders": None,
            **more,
        }
        return Markup(self._renderers[bundle.hash].render(f"page/{name}", locale, context).text)  # noqa: S704  as said

    def answer(
        self, bundle: Bundle, guest: Guest, page: str, context: Mapping[str, Any], status: int = 200
    ) -> Response:
        """A page as it is sent, with the headers that it needs and no more. Raises RenderError."""
        community = bundle.playbook.community
        try:
            text = self.pages.render(page, guest.locale, community.locale, {"community": community.name, **context})
        except Exception as error:  # a page may raise anything
            raise RenderError(f"{page}: {error}; run `sop check`, correct the page") from error
        response = HTMLResponse(text, status, headers={"Content-Security-Policy": self._policy(bundle)})
        if guest.visitor.new:
            remember(response, guest.visitor, secure=self.secure)
        return response

    def languages(self, bundle: Bundle, path: str, kept: Mapping[str, str]) -> list[dict[str, str]]:
        """The same page in the other languages."""
        try:
            names = self.pages.words()
        except ValueError as error:
            raise RenderError(f"{error}; run `sop check`, correct it") from error
        return [
            {
                "locale": locale,
                "name": names.get(locale, {}).get("name", locale),
                "address": f"{path}?{urlencode({**kept, 'lang': locale})}",
            }
            for locale in bundle.playbook.community.locales
        ]

    def _policy(self, bundle: Bundle) -> str:
        """Nothing but our stylesheet; forms lead to us, and from there to whoever takes the payment."""
        ime = urlsplit(bundle.playbook.payments.ime_url or "")
        targets = ["'self'", "https://t.me", STRIPE_PAGES, *([f"https://{ime.netloc}"] if ime.netloc else [])]
        return (
            f"default-src 'none'; style-src 'self'; img-src data:; form-action {' '.join(targets)};"
            " base-uri 'none'; frame-ancestors 'none'"
        )

    def _link(self, bundle: Bundle, key: str) -> str:
        resource = bundle.playbook.resource(key)
        return resource.url if resource and not plans_with(bundle.playbook, key) else f"{self.base}/l/{key}"


def ime_address(bundle: Bundle, order: Order) -> str | None:
    """Where iMe takes the payment of an order."""
    template = bundle.playbook.payments.ime_url
    if template is None:
        return None
    digits = minor_digits(order.currency)
    whole, rest = divmod(order.amount_minor, 10**digits)
    amount = f"{whole}.{rest:0{digits}}" if digits else str(whole)
    return template.format(order=quote(order.number), amount=amount, currency=quote(order.currency))


def order_address(order: Order, code: str, locale: str, **more: str) -> str:
    """The page of an order, for whoever has its code."""
    return f"/orders/{order.number}?{urlencode({'code': code, 'lang': locale, **more})}"


def amount_of(order: Order) -> Amount:
    """What is to be paid for an order."""
    return Amount(minor=order.amount_minor, currency=order.currency)


async def _member(conn: Connection, message_id: int, at: datetime) -> Member | None:
    row = await (await conn.execute(queries.member_of_message, {"id": message_id, "at": at})).fetchone()
    return await by_id(conn, row["member_id"]) if row else None


def _locale(bundle: Bundle, request: Request, asked: str, member: Member | None) -> str:
    """The language asked for, else the member's, else the browser's."""
    community = bundle.playbook.community
    if asked in community.locales:
        return asked
    if member and member.locale in community.locales:
        return str(member.locale)
    first = request.headers.get("accept-language", "").partition(",")[0].partition(";")[0].strip()
    return bundle.playbook.locale_for(first)
