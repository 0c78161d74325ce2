"""How the synthetic community pays by card, against the real gateway: the page, its button, the signed callback."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.engagement.coupons import NewCoupon, issue
from community.outbox.bundles import publish
from community.payments.work import drain
from community.playbook_types import parse_money
from community.simulation.market import BROWSER
from community.simulation.paying import Ime, SoldOut, Unpaid, order
from deployments.demo.shop import selling
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import one, put
from tests.integration.shop_kit import Visitor, opened_shop

SECRET = "secret-of-the-demonstration"


@pytest.fixture
async def sold(conn: Connection, shipped: Bundle) -> Bundle:
    bundle = selling(shipped)
    await publish(conn, bundle, "sells")
    return bundle


@pytest.fixture
async def visitor(pool: Pool, conn: Connection, database_url: str, sold: Bundle) -> AsyncIterator[Visitor]:
    secrets = SecretStr(f"demo:{SECRET}")
    async with opened_shop(pool, conn, database_url, card=False, ime_secrets=secrets) as visitor:
        yield visitor


@pytest.fixture
async def message(visitor: Visitor, member: MakeMember) -> int:
    """A message to a member, from which a page can be opened."""
    return await put(visitor.conn, member_id=await member(), due_at=datetime.now(UTC))


def page(visitor: Visitor, message: int, plan: str = "month", code: str = "") -> str:
    return f"{visitor.url}/buy/{plan}?m={visitor.token(message)}" + (f"&coupon={code}" if code else "")


async def test_an_order_is_paid_once_though_every_third_callback_comes_twice(
    visitor: Visitor, message: int, sold: Bundle
) -> None:
    ime = Ime(visitor.http, f"{visitor.url}/payments/ime", "demo", SECRET)
    for _ in range(3):
        address = await order(visitor.http, page(visitor, message), BROWSER)
        assert parse_qs(urlsplit(address).query)["sum"] == ["199.00"]
        await ime.take(address, 17, NOON.timestamp())
    await drain(visitor.conn, sold, NOON, bot_id=BOT_ID)
    assert [each["state"] for each in await visitor.orders()] == ["paid"] * 3
    events = await one(await visitor.conn.execute("SELECT count(*) AS n FROM provider_events"))
    assert (events["n"], len(ime.taken), ime.taken[0].minor) == (3, 3, 19900)


async def test_a_wrong_secret_pays_nothing(visitor: Visitor, message: int) -> None:
    ime = Ime(visitor.http, f"{visitor.url}/payments/ime", "demo", "another secret of somebody's")
    address = await order(visitor.http, page(visitor, message), BROWSER)
    with pytest.raises(Unpaid, match="401"):
        await ime.take(address, 17, NOON.timestamp())


async def test_a_code_is_counted_until_it_is_used_up(visitor: Visitor, message: int, sold: Bundle) -> None:
    new = NewCoupon(code="LIVE1", offer="live:1", price=parse_money("19 USD"), plans=("pack",), first_n=1)
    await issue(visitor.conn, sold.playbook, new, NOON - timedelta(days=1))
    address = await order(visitor.http, page(visitor, message, "pack", "LIVE1"), BROWSER)
    assert parse_qs(urlsplit(address).query)["sum"] == ["19.00"]
    await visitor.conn.execute("UPDATE coupons SET redeemed = 1")
    with pytest.raises(SoldOut):
        await order(visitor.http, page(visitor, message, "pack", "LIVE1"), BROWSER)
