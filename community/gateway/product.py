"""`GET /buy/{plan}`: what a plan is, what it costs this visitor, and how to pay. Nothing is ordered by looking."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from community.access.coverage import renewing
from community.access.terms import line_of
from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.installation import sop_now
from community.database.pool import Connection
from community.database.queries import load
from community.engagement.codes import read_code
from community.engagement.redemptions import Refusal
from community.errors import OrderRefused
from community.gateway.links import is_robot
from community.gateway.shop import Guest, Shop, Way
from community.gateway.visitors import Limits
from community.page_templates import PRODUCT, STYLE
from community.payments.orders import NewOrder, Price, price_of
from community.payments.providers.stars import CURRENCY
from community.payments.selling import tag_of, variant_of
from community.playbook_offers import TermPlan, title_of
from community.playbook_types import Amount
from community.sales_contexts import PAGE

queries = load(__file__, "shop.sql")

SECTIONS = tuple(name for page in PAGE if not (name := page.removeprefix("page/")).startswith("lead_"))
COUNTED_S = 60.0
"""How old the number of those who hold a plan may be."""
VIEWED_S = 3600.0
"""A visitor who looks again within this time is not counted again."""
FEW = 10
"""Fewer are not told: it would speak against the plan."""
REFUSED = {Refusal.unknown: "coupon_unknown", Refusal.someone_elses: "coupon_unknown"}
OTHER = frozenset({Refusal.other_plan, Refusal.below_minimum, Refusal.not_yet})
NOTICES = frozenset({"cancelled"})
"""What the address alone may make the page say."""


class Quoted(NamedTuple):
    """What a plan costs in one currency; `refusal`: why the coupon that was typed is not counted."""

    listed: Amount
    due: Amount
    coupon: str | None = None
    refusal: Refusal | None = None


class Product:
    """The page of a plan."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._views = Limits({"view": 1}, VIEWED_S)
        self._holders: dict[str, tuple[float, int]] = {}

    async def style(self, request: Request) -> Response:
        """The stylesheet of all pages."""
        file = self._shop.pages.find(STYLE)
        return FileResponse(file, media_type="text/css", headers={"Cache-Control": "public, max-age=300"})

    async def show(self, conn: Connection, bundle: Bundle, request: Request, plan: TermPlan, key: str) -> Response:
        """The page as it is opened: the view is counted, without saying whose it was."""
        at, given = await sop_now(conn), request.query_params
        guest = await self._shop.guest(conn, bundle, request, given, at)
        said = given.get("notice")
        notice = said if said in NOTICES else None
        answer = await self.page(conn, bundle, guest, key, plan, given.get("coupon", ""), at, notice=notice)
        if not is_robot(request) and self._views.allow(view=f"{guest.visitor.id}:{key}"):
            data = {"plan": key, "variant": variant(bundle, guest), "new": guest.visitor.new}
            await record(conn, [Activity("page_view", at, None, None, data)])
        return answer

    async def page(
        self,
        conn: Connection,
        bundle: Bundle,
        guest: Guest,
        key: str,
        plan: TermPlan,
        typed: str,
        at: datetime,
        *,
        notice: str | None = None,
        status: int = 200,
    ) -> Response:
        """The page, perhaps with a word on what was not possible."""
        ways = self._shop.ways(bundle, plan)
        if guest.member and renewing(await line_of(conn, guest.member.id, plan.line), at):
            ways = [way for way in ways if not way.renews]
        prices = {way.currency: await quoted(conn, bundle, guest, key, plan, way.currency, typed, at) for way in ways}
        assert plan.price is not None
        main = await quoted(conn, bundle, guest, key, plan, plan.price.currency, typed, at)
        context = {
            **self._about(bundle, guest, key, plan),
            "lead": self._shop.copy(
                bundle, guest, f"lead_{variant(bundle, guest)}", key, holders=await self._count(conn, key, at)
            ),
            "notice": notice or (word_of(main.refusal) if main.refusal else None),
            "listed": str(main.listed),
            "due": str(main.due),
            "coupon": main.coupon,
            "typed": typed[:40],
            "free_address": self._free(main),
            "ways": [_shown(way, prices[way.currency]) for way in ways if prices[way.currency].due.minor],
            "every": plan.length.months if plan.length else 0,
            "languages": self._shop.languages(bundle, f"/buy/{key}", _kept(guest, typed)),
        }
        return self._shop.answer(bundle, guest, PRODUCT, context, status)

    def _about(self, bundle: Bundle, guest: Guest, key: str, plan: TermPlan) -> dict[str, Any]:
        return {
            "plan": key,
            "title": title_of(plan, bundle.playbook.community.locale, guest.locale),
            "variant": variant(bundle, guest),
            "copy": {name: self._shop.copy(bundle, guest, name, key) for name in SECTIONS},
            "member": guest.token,
            "token": self._shop.forms.token(guest.visitor, key),
        }

    def _free(self, price: Quoted) -> str | None:
        """A coupon that leaves nothing to pay is used in the bot, which knows whom to open the plan for."""
        if price.due.minor or price.coupon is None:
            return None
        return self._shop.telegram(f"coupon_{price.coupon}")

    async def _count(self, conn: Connection, plan: str, at: datetime) -> int | None:
        """How many hold the plan, counted at most once a minute."""
        counted_s, holders = self._holders.get(plan, (float("-inf"), 0))
        if time.monotonic() - counted_s > COUNTED_S:
            row = await (await conn.execute(queries.holders, {"plan": plan, "at": at})).fetchone()
            holders = row["holders"] if row else 0
            self._holders[plan] = (time.monotonic(), holders)
        return holders if holders >= FEW else None


async def quoted(
    conn: Connection, bundle: Bundle, guest: Guest, key: str, plan: TermPlan, currency: str, typed: str, at: datetime
) -> Quoted:
    """What the plan costs the guest: by the coupon they typed, else by the best that they hold."""
    listed = plan.price_in(currency)
    assert listed is not None
    if not typed.strip():
        if guest.member is None:
            return Quoted(listed, listed)
        tag = await tag_of(conn, guest.member.id, key, listed, at)
        return Quoted(listed, tag.due, tag.coupon)
    code = read_code(typed)
    if code is None:
        return Quoted(listed, listed, refusal=Refusal.unknown)
    member_id = guest.member.id if guest.member else None
    new = NewOrder(plan=key, currency=currency, source="page", member_id=member_id, coupon=code)
    try:
        price = await price_of(conn, bundle.playbook, new, at)
    except OrderRefused:  # they have it for life
        return Quoted(listed, listed, refusal=Refusal.had_already)
    return Quoted(listed, price.due, code) if isinstance(price, Price) else Quoted(listed, listed, refusal=price)


def variant(bundle: Bundle, guest: Guest) -> str:
    """What the page leads with: a member sees the same in every browser."""
    return guest.lead or variant_of(bundle.playbook, f"member:{guest.member.id}" if guest.member else guest.visitor.id)


def word_of(refusal: Refusal) -> str:
    """Which of the page's words say why a coupon is not counted. Whether it is somebody else's is not told."""
    return REFUSED.get(refusal) or ("coupon_other" if refusal in OTHER else "coupon_over")


def _shown(way: Way, price: Quoted) -> dict[str, Any]:
    """A coupon is for paying once: what renews has the listed price from the first payment on."""
    amount, coupon = (price.listed, None) if way.renews else (price.due, price.coupon)
    shown = {"name": way.name, "currency": way.currency, "amount": amount_text(amount), "coupon": coupon}
    return shown | {"renews": way.renews}


def amount_text(amount: Amount) -> str:
    """An amount as a page shows it: Stars by their sign."""
    return f"{amount.minor} ★" if amount.currency == CURRENCY else str(amount)


def _kept(guest: Guest, typed: str) -> Mapping[str, str]:
    """What the page goes on saying when its language is changed."""
    return {name: value for name, value in {"coupon": typed[:40], "m": guest.token}.items() if value}
