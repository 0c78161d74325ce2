"""The library: what a plan gives to read opens for who holds it now, by their own link, and for nobody else."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from community.access.grant import grant
from community.access.terms import revoke
from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection, Pool
from community.engagement.coupons import NewCoupon, issue
from community.gateway.library import MOST_BROWSERS
from community.members.links import LINKS, link_url
from community.outbox.bundles import publish
from tests.integration.conftest import NOON, MakeMember
from tests.integration.pay_kit import Till, paid, refunded
from tests.integration.rows import Edit, put
from tests.integration.shop_kit import Visitor, opened_shop
from tests.integration.telegram_kit import NOW, Desk, desk, private

__all__ = ["desk"]

KEY = "eu_market_rules"
BEHIND = "https://trade.ec.europa.eu/access-to-markets/en/home"
DAY = timedelta(days=1)


@pytest.fixture
async def stocked(conn: Connection, bundle: Bundle, edited: Edit) -> Bundle:
    """A month's membership has something to read."""
    source = bundle.source
    plans = source["plans"] | {"month": {**source["plans"]["month"], "library": [KEY]}}
    resources = [{**each, "on_entry": each["key"] != KEY} for each in source["resources"]]
    changed = edited(plans=plans, resources=resources)
    await publish(conn, changed, "a library")
    await set_virtual_now(conn, NOON)
    return changed


@pytest.fixture
async def visitor(pool: Pool, conn: Connection, stocked: Bundle, database_url: str) -> AsyncIterator[Visitor]:
    async with opened_shop(pool, conn, database_url) as found:
        yield found


async def link_of(visitor: Visitor, member_id: int, occurrence: str = "o") -> str:
    """The link in a message of the member's own."""
    number = await put(visitor.conn, member_id=member_id, occurrence=occurrence)
    return link_url("", visitor.settings.lasting_secret(LINKS), KEY, number, "")


async def holder(visitor: Visitor, stocked: Bundle, member: MakeMember, **columns: Any) -> tuple[int, int]:
    """A member who holds a month from now on, and the number of the term."""
    who = await member(**columns)
    return who, (await grant(visitor.conn, stocked.playbook, who, "month", NOON, source="staff", by="ann")).id


async def clicks(visitor: Visitor) -> list[dict[str, Any]]:
    query = "SELECT member_id, data FROM events WHERE kind = 'click' ORDER BY id"
    return await (await visitor.conn.execute(query)).fetchall()


async def test_it_opens_for_who_holds_the_plan_and_the_click_is_counted(
    visitor: Visitor, stocked: Bundle, member: MakeMember
) -> None:
    who, _ = await holder(visitor, stocked, member)
    answer = await visitor.get(await link_of(visitor, who))
    assert (answer.status, answer.headers["Location"]) == (302, BEHIND)
    [click] = await clicks(visitor)
    assert (click["member_id"], click["data"]["link"]) == (who, KEY)


@pytest.mark.parametrize("locale", ["zh-Hans", "zh-Hant", "en"])
async def test_others_read_what_it_is_and_how_to_get_it(visitor: Visitor, member: MakeMember, locale: str) -> None:
    known = await visitor.get(await link_of(visitor, await member(locale=locale)))
    stranger = await visitor.get(f"/l/{KEY}", **{"Accept-Language": locale})
    for answer in (known, stranger):
        text = await answer.text()
        assert answer.status == 403
        assert BEHIND not in text + str(answer.headers)
        assert f'lang="{locale}"' in text
        assert f'href="/buy/month?lang={locale}"' in text
        assert "https://t.me/the_bot?start=membership" in text
        assert "m=" not in text, "whoever has the link is not taken for its member"
    assert await clicks(visitor) == []


async def test_it_closes_by_itself_at_the_end_and_at_once_when_revoked(
    visitor: Visitor, stocked: Bundle, member: MakeMember
) -> None:
    who, _ = await holder(visitor, stocked, member)
    other, term = await holder(visitor, stocked, member)
    links = [await link_of(visitor, each) for each in (who, other)]
    assert [(await visitor.get(link)).status for link in links] == [302, 302]
    await revoke(visitor.conn, term, NOON, by="ann", note="refunded")
    assert [(await visitor.get(link)).status for link in links] == [302, 403]
    await set_virtual_now(visitor.conn, NOON + 32 * DAY)
    assert [(await visitor.get(link)).status for link in links] == [403, 403]


async def test_a_refund_closes_what_the_payment_opened(visitor: Visitor, stocked: Bundle, member: MakeMember) -> None:
    who, till = await member(), Till(visitor.conn, stocked)
    await till.hear(paid(plan="month", payer=10_000 + who))
    assert (await till.context("receipt"))["library"] == [KEY]
    link = await link_of(visitor, who)
    assert (await visitor.get(link)).status == 302
    await till.hear(refunded())
    assert (await visitor.get(link)).status == 403


async def test_a_link_that_is_passed_on_opens_in_few_browsers_and_a_new_one_anew(
    visitor: Visitor, stocked: Bundle, member: MakeMember
) -> None:
    who, _ = await holder(visitor, stocked, member, locale="en")
    link = await link_of(visitor, who)
    assert (await visitor.get(link)).status == 302
    own = visitor.cookie
    for _ in range(MOST_BROWSERS - 1):
        visitor.cookie = ""
        assert (await visitor.get(link)).status == 302
    visitor.cookie = ""
    refused = await visitor.get(link)
    assert refused.status == 403
    assert "opened in many browsers" in await refused.text()
    visitor.cookie = own
    assert (await visitor.get(link)).status == 302, "the member's own goes on opening it"
    visitor.cookie = ""
    assert (await visitor.get(await link_of(visitor, who, "new"))).status == 302


async def test_no_program_is_let_through_and_nothing_forged(
    visitor: Visitor, stocked: Bundle, member: MakeMember
) -> None:
    who, _ = await holder(visitor, stocked, member)
    link = await link_of(visitor, who)
    robot = await visitor.get(link, **{"User-Agent": "TelegramBot (like TwitterBot)"})
    assert (robot.status, "Location" in robot.headers) == (403, False)
    assert (await visitor.get(link[:-1] + ("0" if link[-1] != "0" else "1"))).status == 404
    assert await clicks(visitor) == []


async def test_the_page_of_a_plan_does_not_tell_where_a_link_leads(
    visitor: Visitor, stocked: Bundle, conn: Connection
) -> None:
    copy = {locale: {**files, "page/benefits": f"{{{{ link('{KEY}') }}}}"} for locale, files in stocked.copy.items()}
    await publish(conn, Bundle(dict(stocked.source), copy), "benefits name it")
    page = await visitor.page("/buy/month")
    assert f"/l/{KEY}" in page
    assert BEHIND not in page


async def test_what_no_plan_names_any_more_opens_for_everyone_and_what_is_gone_for_nobody(
    visitor: Visitor, bundle: Bundle, stocked: Bundle, edited: Edit
) -> None:
    assert (await visitor.get(f"/l/{KEY}")).status == 403
    gone = [each for each in bundle.source["resources"] if each["key"] != KEY]
    await publish(visitor.conn, Bundle({**bundle.source, "resources": gone}, bundle.copy), "without it")
    assert (await visitor.get(f"/l/{KEY}")).status == 403
    await publish(visitor.conn, bundle, "for everyone")
    assert (await visitor.get(f"/l/{KEY}")).status == 302


async def test_the_bot_shows_the_library_of_what_is_held(desk: Desk, stocked: Bundle) -> None:
    await set_virtual_now(desk.conn, NOW)
    await issue(desk.conn, stocked.playbook, NewCoupon(code="GIFT", offer="test", opens="month"), NOW)

    async def library(template: str) -> list[str]:
        rows = await desk.rows("SELECT context FROM messages WHERE template = %s ORDER BY id", template)
        return list(rows[-1]["context"]["library"])

    await desk.take(private("/start membership"))
    assert await library("bot/membership") == []
    await desk.take(private("gift"))
    assert await library("bot/opened") == [KEY]
    await desk.take(private("/start membership"))
    assert await library("bot/membership") == [KEY]
    await desk.conn.execute("UPDATE terms SET revoked_at = %s", [NOW])
    await desk.take(private("我的会员"))
    assert await library("bot/membership") == []
