"""The pack as shipped (SOP 1.17): it brings three months of questions and answers, and a refund takes back both."""

from community.access.terms import terms_of
from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from community.engagement.coupons import NewCoupon, issue
from community.playbook_types import parse_money
from tests.integration.conftest import MakeMember
from tests.integration.pay_kit import Till, paid, refunded
from tests.integration.telegram_kit import ANN, NOW, Desk, desk, private

__all__ = ["desk"]

PRICE = parse_money("29 USD")


async def test_paid_it_brings_both_as_one_purchase_and_refunded_neither(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who, till = await member(), Till(conn, bundle)
    await till.hear(paid(plan="pack", amount=PRICE, payer=10_000 + who))
    pack, qa = await till.terms(who)
    assert (pack[0], qa[0]) == ("pack", "qa")
    assert pack[1:] == qa[1:], "from the same moment, as long"
    assert (await till.context("receipt"))["includes"] == ["qa"]
    bought = await till.rows("SELECT data ->> 'plan' AS plan FROM events WHERE kind = 'purchase'")
    assert bought == [{"plan": "pack"}]
    reached = await till.rows("SELECT kind FROM milestones WHERE kind LIKE 'purchase%%' ORDER BY kind")
    assert [row["kind"] for row in reached] == ["purchase", "purchase:pack", "purchase:qa"]
    await till.is_true()

    await till.hear(refunded(PRICE.minor, amount=PRICE))
    assert await till.terms(who) == []
    await till.is_true()


async def test_a_second_pack_prolongs_both(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who, till = await member(), Till(conn, bundle)
    for charge in ("c1", "c2"):
        await till.hear(paid(charge, plan="pack", amount=PRICE, payer=10_000 + who))
    held = await till.terms(who)
    assert [plan for plan, _, _ in held] == ["pack", "qa", "pack", "qa"]
    assert [held[2][1], held[3][1]] == [held[0][2], held[1][2]]
    await till.hear(refunded(PRICE.minor, "c1", amount=PRICE))
    assert [plan for plan, _, _ in await till.terms(who)] == ["pack", "qa"]


async def test_the_q_and_a_is_not_sold_by_itself(bundle: Bundle) -> None:
    qa = bundle.playbook.plans["qa"]
    assert (qa.on_sale, qa.price, qa.line) == (False, None, "qa")


async def test_a_coupon_opens_both_and_my_membership_shows_them(desk: Desk, bundle: Bundle) -> None:
    await set_virtual_now(desk.conn, NOW)
    await issue(desk.conn, bundle.playbook, NewCoupon(code="GIFT", offer="test", opens="pack"), NOW)
    await desk.take(private("/start"), private("gift"), private("我的会员"))
    who = (await desk.member(ANN))["id"]
    assert [term.plan for term in await terms_of(desk.conn, who)] == ["pack", "qa"]
    [shown] = await desk.rows("SELECT context FROM messages WHERE template = 'bot/membership'")
    titles = [term["title"] for term in shown["context"]["terms"]]
    assert len(titles) == 2
    assert "3 个月答疑" in titles
    assert await desk.events("purchase") == [], "given, not bought"
