"""`POST /buy/{plan}/{way}` opens an order at the playbook's price, and leads on to where it is paid.

`GET /orders/{number}` shows it to whoever has its code.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from community.bundle import Bundle
from community.database.installation import sop_now
from community.database.pool import Connection
from community.engagement.codes import read_code
from community.engagement.coupons import coupon_of
from community.engagement.redemptions import Refusal
from community.errors import OrderRefused
from community.gateway.bodies import TooLarge, read_body
from community.gateway.counters import ORDERS
from community.gateway.pages import not_found
from community.gateway.product import Product, amount_text, quoted, variant, word_of
from community.gateway.shop import Guest, Shop, Way, amount_of, ime_address, order_address
from community.gateway.visitors import Limits, address_of
from community.page_templates import ORDER
from community.payments.models import Order
from community.payments.numbers import claim_payload, proves, shown
from community.payments.orders import NewOrder, Opened, cancel, find, open_order
from community.payments.providers.stars import CURRENCY
from community.payments.stripe_api import TROUBLE
from community.playbook_offers import TermPlan, title_of

log = logging.getLogger(__name__)

MOST_FIELDS = 20
MOST_BYTES = 16_384
FORM = "application/x-www-form-urlencoded"
OPEN = frozenset({"open", "expired"})
"""States of orders that may still be paid."""
LIMITS = {"visitor": 10, "address": 30, "member": 10, "all": 1000}
WITHIN_S = 600.0
"""How many orders may be opened in ten minutes; many people share an address. `all`: by whoever is not known."""
MOST_HELD, HELD_S = {"held": 10}, 86_400.0
"""How many orders with a coupon of which there are so many an address may open in a day, where nobody is known."""


class NoForm(Exception):
    """What was posted is no form of ours."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """An order for whose payment Stripe is still to be asked for a page."""

    bundle: Bundle
    guest: Guest
    plan: TermPlan
    opened: Opened


class Ordering:
    """Opens orders from the page, and shows them."""

    def __init__(self, shop: Shop, product: Product) -> None:
        self._shop, self._product = shop, product
        self._limits = Limits(LIMITS, WITHIN_S)
        self._held = Limits(MOST_HELD, HELD_S)

    async def order(
        self, form: Mapping[str, str], conn: Connection, bundle: Bundle, request: Request, plan: TermPlan, key: str
    ) -> Response | Checkout:
        """Open an order and lead on, at once or by Stripe's word; else the page again, saying why not."""
        at = await sop_now(conn)
        guest = await self._shop.guest(conn, bundle, request, form, at)
        wanted = Way(request.path_params["way"], form.get("currency", ""), renews=bool(form.get("renews")))
        problem = self._problem(bundle, request, guest, plan, key, wanted, form)
        typed = "" if wanted.renews else form.get("coupon", "")
        if problem is None:
            address = address_of(request)
            opened = await self._open(conn, bundle, guest, plan, key, wanted, typed, address, at)
            if isinstance(opened, Opened):
                checkout = Checkout(bundle, guest, plan, opened)
                return checkout if wanted.name == "stripe" else self._lead(checkout, wanted)
            problem = (opened, 409)
        word, status = problem
        ORDERS.labels(word).inc()
        return await self._product.page(conn, bundle, guest, key, plan, typed, at, notice=word, status=status)

    def _problem(
        self,
        bundle: Bundle,
        request: Request,
        guest: Guest,
        plan: TermPlan,
        key: str,
        wanted: Way,
        form: Mapping[str, str],
    ) -> tuple[str, int] | None:
        """Why no order is opened: a word of the page, and the answer's status."""
        if wanted not in self._shop.ways(bundle, plan):
            return "not_possible", 400
        if not self._shop.forms.is_ours(request, guest.visitor, key, form.get("token", "")):
            return "expired", 403
        whose = {"member": str(guest.member.id)} if guest.member else {"all": ""}
        if not self._limits.allow(visitor=guest.visitor.id, address=address_of(request), **whose):
            return "too_many", 429
        return None

    async def _open(
        self,
        conn: Connection,
        bundle: Bundle,
        guest: Guest,
        plan: TermPlan,
        key: str,
        way: Way,
        typed: str,
        address: str,
        at: datetime,
    ) -> Opened | str:
        """The order; or the word of the page that says why there is none."""
        if typed.strip() and read_code(typed) is None:
            return word_of(Refusal.unknown)
        try:
            coupon = None
            if not way.renews:
                price = await quoted(conn, bundle, guest, key, plan, way.currency, typed, at)
                coupon = price.coupon or (read_code(typed) if typed.strip() else None)
            new = NewOrder(
                plan=key,
                currency=way.currency,
                source="page",
                member_id=guest.member.id if guest.member else None,
                coupon=coupon,
                renews=way.renews,
                variant=variant(bundle, guest),
                opened_by=self._shop.forms.token(guest.visitor, f"coupon:{coupon}"),
            )
            if not await self._may_hold(conn, new, address):
                return "too_many"
            opened = await open_order(conn, bundle.playbook, new, at)
        except OrderRefused:  # nothing would be left to pay, they have it for life, or it was just taken off sale
            return "not_possible"
        return opened if isinstance(opened, Opened) else word_of(opened)

    async def _may_hold(self, conn: Connection, new: NewOrder, address: str) -> bool:
        """Whoever is not known may have as many browsers as they like."""
        if new.member_id is not None or new.coupon is None:
            return True
        coupon = await coupon_of(conn, new.coupon)
        return coupon is None or coupon.first_n is None or self._held.allow(held=f"{address}:{new.coupon}")

    def _lead(self, made: Checkout, way: Way) -> Response:
        """On to where it is paid. Who is not known is shown number and code first, unless they get them there."""
        order = made.opened.order
        ORDERS.labels("opened").inc()
        if way.name == "stars":
            target = self._shop.telegram(f"buy-{order.number}")
        else:
            target = ime_address(made.bundle, order) if made.guest.member else None
        return RedirectResponse(target or order_address(order, made.opened.code, made.guest.locale), 303)

    async def checkout(self, made: Checkout) -> Response | None:
        """On to Stripe's page for the order; None: there is none. No connection is held meanwhile."""
        order, locale = made.opened.order, made.guest.locale
        title = title_of(made.plan, made.bundle.playbook.community.locale, locale)
        success = self._shop.base + order_address(order, made.opened.code, locale, paid="1")
        back = f"{self._shop.base}/buy/{order.plan}?notice=cancelled&lang={locale}"
        back += f"&m={made.guest.token}" if made.guest.token else ""
        assert self._shop.stripe is not None
        every = made.plan.length.months if order.renews and made.plan.length else 0
        payer = made.guest.member.telegram_id if made.guest.member else None
        try:
            address = await self._shop.stripe.checkout(order, title, success, back, every=every, payer=payer)
        except TROUBLE as error:
            log.warning("stripe: no checkout for order %s: %s", order.number, type(error).__name__)
            return None
        ORDERS.labels("opened").inc()
        return RedirectResponse(address, 303)

    async def give_up(self, conn: Connection, made: Checkout) -> Response:
        """The page again: the order is cancelled, as nobody takes its payment."""
        ORDERS.labels("away").inc()
        order, at = made.opened.order, await sop_now(conn)
        await cancel(conn, order.id)
        typed = order.coupon_code or ""
        return await self._product.page(
            conn, made.bundle, made.guest, order.plan, made.plan, typed, at, notice="away", status=503
        )

    async def show(self, conn: Connection, bundle: Bundle, request: Request) -> Response:
        """An order, for whoever has its code: how to pay, whether it is paid, and how to claim it."""
        at, given = await sop_now(conn), request.query_params
        order, code = await find(conn, request.path_params["number"]), given.get("code", "")
        if order is None or not proves(code, order.claim_hash):
            return not_found()
        guest = await self._shop.guest(conn, bundle, request, given, at)
        state = "waiting" if order.state == "open" and given.get("paid") else _state(order)
        plan = bundle.playbook.plans.get(order.plan)
        known = order.member_id is not None
        claim = claim_payload(order.number, code.strip().upper())
        context = {
            "title": title_of(plan, bundle.playbook.community.locale, guest.locale) if plan else order.plan,
            "state": state,
            "number": shown(order.number),
            "amount": amount_text(amount_of(order)),
            "code": None if known else code.strip().upper(),
            "pay_address": ime_address(bundle, order) if state == "open" and _takes_ime(order) else None,
            "bot_address": self._shop.telegram("order" if known else claim),
            "support": self._shop.copy(bundle, guest, "support", order.plan),
            "languages": self._shop.languages(bundle, f"/orders/{order.number}", _kept(given)),
        }
        return self._shop.answer(bundle, guest, ORDER, context)


def _takes_ime(order: Order) -> bool:
    return order.currency != CURRENCY and not order.renews


def _state(order: Order) -> str:
    return "open" if order.state in OPEN else "paid" if order.state == "paid" else "over"


def _kept(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given[name] for name in ("code", "paid") if given.get(name)}


async def read_form(request: Request) -> dict[str, str]:
    """What was sent with the form; of a field sent twice the last. Raises TooLarge, or NoForm."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise NoForm
    body = await read_body(request)
    if len(body) > MOST_BYTES:
        raise TooLarge
    try:
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise NoForm from None
    return {name: value.replace("\0", "") for name, value in fields}
