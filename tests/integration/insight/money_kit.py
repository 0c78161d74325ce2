"""What the tests of money share: a shop whose clock they set, and figures of a window counted on the spot."""

from typing import Any

import pytest

from community.database.pool import Connection
from community.insight.counting import count_window
from community.insight.values import Value, by, every
from community.insight.windows import Span, Window, window
from community.payments.models import Order
from community.payments.notice import Kind
from community.playbook_types import parse_money
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import ZONE, local
from tests.integration.pay_kit import Till, paid, refunded, said
from tests.integration.rows import Edit, set_member

PLANS = {
    "month": {"title": {"en": "Month"}, "length": "1mo", "price": "100 CNY", "prices": ["20 USD"]},
    "quarter": {"title": {"en": "Quarter"}, "length": "3mo", "price": "250 CNY"},
    "year": {"title": {"en": "Year"}, "length": "1y", "price": "1000 CNY", "prices": ["200 USD"]},
    "pack": {"title": {"en": "Pack"}, "line": "pack", "length": "3mo", "price": "29 USD"},
    "all": {"title": {"en": "All"}, "length": "1y", "price": "2000 CNY", "includes": ["pack"]},
    "trial": {"title": {"en": "Trial"}, "length": "7d", "trial": True},
    "life": {"title": {"en": "For life"}, "price": "9999 CNY"},
}


def month(text: str) -> Window:
    """`2026-03`: that month."""
    return window(Span.month, local(f"{text}-01 00:00").date(), ZONE)


def day(text: str) -> Window:
    """That day."""
    return window(Span.day, local(f"{text} 00:00").date(), ZONE)


class Shop(Till):
    """A shop at whatever local time a test says."""

    async def pays(self, charge: str, member: int, at: str, plan: str = "month", amount: str = "", **what: Any) -> None:
        """The member has paid for a plan then, and it became known at once, or at `known`."""
        plans: dict[str, Any] = PLANS
        price = parse_money(amount or str(plans[plan]["price"]))
        known = what.pop("known", at)
        self.at = local(known)
        payer = await self.account(member)
        await self.hear(paid(charge, plan=plan, amount=price, payer=payer, at=local(at), **what))

    async def buys(self, charge: str, member: int, at: str, plan: str = "month", **order: Any) -> Order:
        """The member has ordered a plan then, and paid what it cost."""
        self.at = local(at)
        opened = await self.order(plan, member_id=member, **order)
        amount = parse_money(f"{opened.amount_minor / 100:.2f} {opened.currency}")
        await self.hear(paid(charge, order=opened.number, amount=amount, at=local(at)))
        return opened

    async def returns(self, charge: str, at: str, minor: int | None = None, *, known: str = "") -> None:
        """So much of a payment went back; all, if not said."""
        self.at = local(known or at)
        await self.hear(refunded(minor, charge, at=local(at)))

    async def says(self, kind: Kind, charge: str, at: str) -> None:
        """Something else happened to a payment."""
        self.at = local(at)
        await self.hear(said(kind, charge, at=local(at)))

    async def counts(self, asked: Window) -> None:
        """Count all figures of that window."""
        await count_window(self.conn, self.bundle.playbook, asked, asked.until_at)

    async def value(self, kpi: str, asked: Window, currency: str = "", **of: Any) -> Value:
        """The one value of a figure, in a currency if it is money."""
        await self.counts(asked)
        found = (await every(self.conn, asked, **of)).get(kpi, [])
        whole = [v for v in found if v.currency == currency]
        assert len(whole) <= 1, found
        return whole[0] if whole else Value(kpi, asked.since)

    async def minor(self, kpi: str, asked: Window, currency: str = "CNY", **of: Any) -> int:
        """An amount of money."""
        return (await self.value(kpi, asked, currency, **of)).minor

    async def share(self, kpi: str, asked: Window, **of: Any) -> tuple[int, int]:
        """How many of how many."""
        found = await self.value(kpi, asked, **of)
        return found.hits, found.base

    async def parts(self, kpi: str, asked: Window, currency: str | None = None) -> dict[str, Value]:
        """A figure by its parts; of money in one currency, if a part has several."""
        await self.counts(asked)
        found = await by(self.conn, kpi, asked, "part")
        return {value.part: value for value in found if currency in (None, value.currency)}


@pytest.fixture
async def shop(conn: Connection, edited: Edit) -> Shop:
    """A shop that sells `PLANS`."""
    return Shop(conn, edited(plans=PLANS, offers={}, stages={}))


async def came_from(conn: Connection, member_id: int, source: str) -> None:
    """The member came by a link of that source."""
    await conn.execute(
        "INSERT INTO links (token, kind, source, created_at)"
        " VALUES (%(s)s::text, 'entry', jsonb_build_object('utm_source', %(s)s::text), clock_timestamp())"
        " ON CONFLICT DO NOTHING",
        {"s": source},
    )
    await set_member(conn, member_id, link_token=source)


async def spend(conn: Connection, day: str, source: str, minor: int, currency: str = "CNY") -> None:
    """What advertising cost on a day."""
    await conn.execute(
        "INSERT INTO ad_spend (day, source, currency, spent_minor) VALUES (%s, %s, %s, %s)",
        [day, source, currency, minor],
    )


__all__ = ["MakeMember", "Shop", "came_from", "day", "month", "shop", "spend"]
