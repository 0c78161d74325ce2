"""Coupons: issued, quoted, refused by name, used by as many as there are, taken back; the ledger balances."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from psycopg.types.json import Jsonb

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.engagement.coupons import (
    NewCoupon,
    coupon_of,
    given as given_off,
    issue,
    ledger,
    listing,
    usable,
    withdraw,
)
from community.engagement.models import Coupon, Redemption
from community.engagement.offers import issue_planned
from community.engagement.redemptions import Quote, Refusal, look, quote, redeem, reverse, reverse_of_term
from community.errors import CouponRefused
from community.playbook import Playbook
from community.playbook_types import Amount, parse_money
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import Edit, one

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
PRICE = parse_money("199 CNY")
PLANS = {
    "month": {"title": {"en": "Month"}, "length": "1mo", "price": "199 CNY"},
    "year": {"title": {"en": "Year"}, "length": "1y", "price": "1999 CNY"},
    "pack": {"title": {"en": "Pack"}, "line": "pack", "price": "19 USD"},
    "vip_pass": {"title": {"en": "Pass"}, "length": "24h", "trial": True},
}
OFFERS = {
    "renew": {"prefix": "RENEW", "percent": 10, "plans": ["month", "year"], "minimum": "100 CNY", "valid_for": "3d"},
    "pass": {"prefix": "PASS", "opens": "vip_pass", "valid_for": "48h"},
}

Issue = Callable[..., Awaitable[Coupon]]


@pytest.fixture
def playbook(edited: Edit) -> Playbook:
    bundle: Bundle = edited(plans=PLANS, offers=OFFERS)
    return bundle.playbook


@pytest.fixture
def issued(conn: Connection, playbook: Playbook) -> Issue:
    async def make(code: str = "SAVE", at: datetime = NOON, **what: Any) -> Coupon:
        gift = {"percent", "amount", "price", "opens"} & what.keys()
        new = NewCoupon(code=code, offer="test", **what, **({} if gift else {"percent": 10}))
        return await issue(conn, playbook, new, at)

    return make


async def refusal(conn: Connection, code: str, member_id: int, at: datetime = NOON, **what: Any) -> Refusal | None:
    found = await quote(conn, code, member_id, what.get("plan", "month"), what.get("price", PRICE), at)
    return found if isinstance(found, Refusal) else None


async def used(conn: Connection, code: str, member_id: int, at: datetime = NOON, **what: Any) -> Redemption:
    done = await redeem(conn, code, member_id, "month", PRICE, at, **what)
    assert isinstance(done, Redemption), done
    return done


# Issuing.


async def test_a_coupon_is_stored_as_it_was_asked_for(conn: Connection, issued: Issue, member: MakeMember) -> None:
    who = await member()
    coupon = await issued(
        " save-12 ", amount=parse_money("20 CNY"), plans=("month",), minimum=parse_money("100 CNY"), member_id=who,
        first_n=1, valid_from=NOON + HOUR, valid_until=NOON + DAY,
    )  # fmt: skip
    assert coupon == await coupon_of(conn, "SAVE-12")
    row = await one(await conn.execute("SELECT * FROM v_coupons"))
    assert row == {
        "code": "SAVE-12", "offer": "test", "kind": "amount", "value": 2000, "currency": "CNY", "opens": None,
        "plans": ["month"], "minimum_minor": 10000, "member_id": who, "first_n": 1, "redeemed": 0, "remaining": 1,
        "valid_from_at": NOON + HOUR, "valid_until_at": NOON + DAY, "issued_at": NOON, "withdrawn_at": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"code": "a b"}, "3 to 32"),
        ({"code": "<b>"}, "3 to 32"),
        ({"percent": 0}, "more than 0"),
        ({"percent": 10, "opens": "vip_pass"}, "exactly one"),
        ({"opens": "nothing"}, "no plan nothing in the playbook; known: month, pack"),
        ({"plans": ("month", "week")}, "no plan week"),
        ({"amount": parse_money("5 USD"), "minimum": parse_money("5 CNY")}, "one currency, please, not CNY and USD"),
        ({"first_n": 0}, "at least one"),
        ({"valid_until": NOON}, "end before it begins"),
        ({"valid_from": NOON + DAY, "valid_until": NOON + DAY}, "end before it begins"),
    ],
)
async def test_what_cannot_be_is_refused(conn: Connection, issued: Issue, what: dict[str, Any], says: str) -> None:
    with pytest.raises(CouponRefused, match=says):
        await issued(**what)
    assert await (await conn.execute("SELECT 1 FROM coupons")).fetchall() == []


async def test_a_code_is_taken_once(issued: Issue) -> None:
    await issued("SAVE")
    with pytest.raises(CouponRefused, match="there is one of that code"):
        await issued("save", percent=50)


async def test_lists(conn: Connection, issued: Issue, member: MakeMember) -> None:
    ann, ben = await member(), await member()
    await issued("SHARED")
    await issued("CLOSED", valid_until=NOON + HOUR)
    for code, until in (("LATE", NOON + 2 * DAY), ("SOON", NOON + DAY), ("EVER", None), ("GONE", NOON + HOUR)):
        await issued(code, member_id=ann, valid_until=until)
    await issued("ANNS-LATER", member_id=ann, valid_from=NOON + 5 * DAY)
    await issued("BENS", member_id=ben)
    at = NOON + 2 * HOUR
    assert [coupon.code for coupon in await usable(conn, ann, at, 10)] == ["SOON", "LATE", "EVER"]
    await used(conn, "SOON", ann, at)
    await withdraw(conn, "EVER", at)
    assert [coupon.code for coupon in await usable(conn, ann, at, 10)] == ["LATE"]
    assert [c.code for c in await listing(conn, at, member_id=None, everything=False, limit=9)] == ["SHARED"]
    assert {c.code for c in await listing(conn, at, member_id=None, everything=True, limit=9)} == {"SHARED", "CLOSED"}
    assert {c.code for c in await listing(conn, at, member_id=ben, everything=False, limit=9)} == {"BENS"}


# Quotes and refusals.


@pytest.mark.parametrize(
    ("gift", "plan", "price", "due"),
    [
        ({"percent": 10}, "month", "199 CNY", "179.10 CNY"),
        ({"percent": 12.5}, "pack", "19 USD", "16.62 USD"),
        ({"amount": parse_money("20 CNY")}, "month", "199 CNY", "179.00 CNY"),
        ({"amount": parse_money("500 CNY")}, "month", "199 CNY", "0.00 CNY"),
        ({"price": parse_money("9.90 USD")}, "pack", "19 USD", "9.90 USD"),
        ({"opens": "pack"}, "pack", "19 USD", "0.00 USD"),
    ],
)
async def test_a_quote(
    conn: Connection, issued: Issue, member: MakeMember, gift: dict[str, Any], plan: str, price: str, due: str
) -> None:
    await issued(**gift)
    found = await quote(conn, "SAVE", await member(), plan, parse_money(price), NOON)
    assert isinstance(found, Quote)
    assert (str(found.due), found.coupon.redeemed) == (due, 0)
    assert await (await conn.execute("SELECT 1 FROM redemptions")).fetchall() == []


async def test_a_plan_without_a_price_is_opened_for_nothing(
    conn: Connection, issued: Issue, member: MakeMember
) -> None:
    await issued(opens="vip_pass")
    found = await quote(conn, "SAVE", await member(), "vip_pass", None, NOON)
    assert isinstance(found, Quote)
    assert (found.price_minor, found.discount_minor, found.due) == (0, 0, None)


@pytest.mark.parametrize(
    ("what", "asked", "reason"),
    [
        ({}, {"code": "SAVF"}, Refusal.unknown),
        ({"valid_from": NOON + SECOND}, {}, Refusal.not_yet),
        ({"valid_from": NOON}, {}, None),
        ({"valid_until": NOON + DAY}, {"at": NOON + DAY - SECOND}, None),
        ({"valid_until": NOON + DAY}, {"at": NOON + DAY}, Refusal.over),
        ({"plans": ("year",)}, {}, Refusal.other_plan),
        ({"plans": ("year", "month")}, {}, None),
        ({"opens": "vip_pass"}, {}, Refusal.other_plan),
        ({}, {"price": None}, Refusal.other_plan),
        ({"amount": parse_money("5 USD")}, {}, Refusal.other_plan),
        ({"minimum": parse_money("199.01 CNY")}, {}, Refusal.below_minimum),
        ({"minimum": parse_money("199 CNY")}, {}, None),
        ({"minimum": parse_money("1 USD")}, {}, Refusal.other_plan),
    ],
)
async def test_why_a_coupon_is_not_taken(
    conn: Connection, issued: Issue, member: MakeMember, what: dict[str, Any], asked: dict[str, Any],
    reason: Refusal | None,
) -> None:  # fmt: skip
    await issued(**what)
    assert await refusal(conn, asked.pop("code", "SAVE"), await member(), **asked) is reason


async def test_somebody_elses_withdrawn_and_used_ones(conn: Connection, issued: Issue, member: MakeMember) -> None:
    ann, ben = await member(), await member()
    await issued("ANNS", member_id=ann)
    assert await refusal(conn, "ANNS", ben) is Refusal.someone_elses
    await used(conn, "ANNS", ann)
    assert await refusal(conn, "ANNS", ann) is Refusal.used
    await issued("SHARED")
    await used(conn, "SHARED", ann)
    assert await refusal(conn, "SHARED", ann) is Refusal.used
    assert await refusal(conn, "SHARED", ben) is None
    assert await withdraw(conn, "SHARED", NOON)
    assert not await withdraw(conn, "SHARED", NOON)
    assert await refusal(conn, "SHARED", ben) is Refusal.withdrawn
    assert await look(conn, "SHARED", ben, NOON) is Refusal.withdrawn


def test_every_refusal_says_what_it_means() -> None:
    source = __import__("inspect").getsource(Refusal)
    for reason in Refusal:
        assert f'    {reason.name} = "{reason}"\n    """' in source


# Using.


async def test_of_fifty_at_once_exactly_as_many_as_there_are_get_one(
    pool: Pool, conn: Connection, issued: Issue, member: MakeMember
) -> None:
    people = [await member() for _ in range(50)]
    await issued(first_n=7)

    async def try_it(who: int) -> Redemption | Refusal:
        async with pool.connection() as mine:
            return await redeem(mine, "SAVE", who, "month", PRICE, NOON)

    done = await asyncio.gather(*(try_it(who) for who in people))
    assert sum(isinstance(each, Redemption) for each in done) == 7
    assert {each for each in done if isinstance(each, Refusal)} == {Refusal.sold_out}
    coupon = await one(await conn.execute("SELECT redeemed, remaining FROM v_coupons"))
    assert coupon == {"redeemed": 7, "remaining": 0}
    lines = await one(await conn.execute("SELECT count(*) AS n, count(DISTINCT member_id) AS people FROM redemptions"))
    assert lines == {"n": 7, "people": 7}


async def test_one_member_pressing_at_once_uses_it_once(
    pool: Pool, conn: Connection, issued: Issue, member: MakeMember
) -> None:
    who = await member()
    await issued()

    async def try_it() -> Redemption | Refusal:
        async with pool.connection() as mine:
            return await redeem(mine, "SAVE", who, "month", PRICE, NOON)

    done = await asyncio.gather(*(try_it() for _ in range(8)))
    assert sorted(isinstance(each, Redemption) for each in done) == [False] * 7 + [True]
    assert (await one(await conn.execute("SELECT redeemed FROM coupons")))["redeemed"] == 1


async def test_what_is_taken_back_can_be_used_again_and_is_taken_back_once(
    conn: Connection, issued: Issue, member: MakeMember
) -> None:
    ann, ben = await member(), await member()
    await issued(first_n=1)
    line = await used(conn, "SAVE", ann, term_id=5)
    assert (line.price_minor, line.discount_minor, line.currency, line.term_id) == (19900, 1990, "CNY", 5)
    assert await refusal(conn, "SAVE", ben) is Refusal.sold_out
    assert await reverse(conn, line.id, NOON + HOUR)
    assert not await reverse(conn, line.id, NOON + HOUR)
    assert await reverse_of_term(conn, 5, NOON + HOUR) == 0
    back, first = await ledger(conn, "SAVE", 9)
    assert (back.reverses, back.discount_minor, back.at, first.id) == (line.id, -1990, NOON + HOUR, line.id)
    assert not await reverse(conn, back.id, NOON), "a counter-entry is not taken back"
    await used(conn, "SAVE", ann)
    assert await refusal(conn, "SAVE", ben) is Refusal.sold_out
    assert await given_off(conn, "SAVE") == [Amount(minor=1990, currency="CNY")]


async def test_nothing_is_used_when_what_it_was_for_fails(conn: Connection, issued: Issue, member: MakeMember) -> None:
    await issued(first_n=1)
    who = await member()
    with pytest.raises(ZeroDivisionError):
        async with conn.transaction():
            await used(conn, "SAVE", who)
            raise ZeroDivisionError
    assert await refusal(conn, "SAVE", who) is None


moves = st.lists(
    st.one_of(
        st.tuples(
            st.just("redeem"), st.integers(0, 3), st.sampled_from(["A10", "B20", "C-FIXED"]), st.integers(0, 500)
        ),
        st.tuples(st.just("reverse"), st.integers(0, 20), st.just(""), st.just(0)),
    ),
    max_size=25,
)


@given(history=moves)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
async def test_the_ledger_balances_after_any_history(
    conn: Connection, playbook: Playbook, member: MakeMember, history: list[tuple[str, int, str, int]]
) -> None:
    await conn.execute("DELETE FROM redemptions")
    await conn.execute("DELETE FROM coupons")
    people = [await member() for _ in range(4)]
    gifts: dict[str, dict[str, Any]] = {
        "A10": {"percent": 10, "first_n": 3}, "B20": {"amount": parse_money("20 CNY"), "first_n": 2},
        "C-FIXED": {"price": parse_money("1 CNY")},
    }  # fmt: skip
    for code, gift in gifts.items():
        await issue(conn, playbook, NewCoupon(code=code, offer="test", **gift), NOON)
    live: dict[int, int] = {}
    for move, number, code, minor in history:
        if move == "redeem":
            done = await redeem(conn, code, people[number], "month", Amount(minor=minor, currency="CNY"), NOON)
            live |= {done.id: done.discount_minor} if isinstance(done, Redemption) else {}
        elif live:
            line = sorted(live)[number % len(live)]
            assert await reverse(conn, line, NOON)
            del live[line]
    total = await one(await conn.execute("SELECT coalesce(sum(discount_minor), 0) AS minor FROM v_redemptions"))
    assert total["minor"] == sum(live.values())
    off = await (
        await conn.execute(
            "SELECT c.code FROM v_coupons c LEFT JOIN v_redemptions r USING (code)"
            " GROUP BY c.code, c.redeemed, c.first_n"
            " HAVING c.redeemed <> count(r.id) FILTER (WHERE r.reverses IS NULL) - count(r.reverses)"
            " OR c.redeemed > c.first_n"
        )
    ).fetchall()
    assert off == []


# With a plan's messages.


async def a_plan(conn: Connection, bundle: Bundle) -> int:
    found = await conn.execute(
        "INSERT INTO plans (stage, as_of_at, planned_wall, state, bundle)"
        " VALUES ('renewal', %s, clock_timestamp(), 'executed', %s) RETURNING id",
        [NOON, bundle.hash],
    )
    return int((await one(found))["id"])


async def a_message(conn: Connection, plan_id: int, member_id: int, step: str, code: str | None, due: datetime) -> None:
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, planned_at, due_at, plan_id,"
        " context) VALUES (%s, %s, %s, 45, 'renewal', %s, %s, %s, %s, %s, %s)",
        [BOT_ID, member_id, member_id, step, f"{plan_id}", NOON, due, plan_id, Jsonb({"coupon": code} if code else {})],
    )


@pytest.fixture
def ladder(edited: Edit) -> Bundle:
    """A stage whose steps bring offers."""

    def step(name: str, offer: str | None) -> dict[str, Any]:
        when = {"name": name, "day": 1, "at": "10:00", "expires_after": "20h", "promotional": True}
        return when | ({"offer": offer} if offer else {})

    steps = [step("seven", "renew"), step("three", "renew"), step("pass", "pass"), step("plain", None)]
    bundle: Bundle = edited(plans=PLANS, offers=OFFERS)
    stage = {**bundle.source["stages"]["welcome_drip"], "class": "renewal", "steps": steps}
    return Bundle({**bundle.source, "stages": {**bundle.source["stages"], "renewal": stage}}, bundle.copy)


async def test_a_plans_messages_bring_their_coupons_once(conn: Connection, ladder: Bundle, member: MakeMember) -> None:
    ann, ben = await member(), await member()
    plan, other = await a_plan(conn, ladder), await a_plan(conn, ladder)
    await a_message(conn, plan, ann, "seven", "RENEW-000000000001", NOON + DAY)
    await a_message(conn, plan, ben, "pass", "PASS-000000000002", NOON + HOUR)
    await a_message(conn, plan, ben, "plain", None, NOON)
    await a_message(conn, plan, ben, "seven", None, NOON)
    await a_message(conn, other, ben, "three", "RENEW-000000000003", NOON)
    assert await issue_planned(conn, plan, ladder.playbook, NOON) == 2
    assert await issue_planned(conn, plan, ladder.playbook, NOON + HOUR) == 0
    renew, free = await (await conn.execute("SELECT * FROM coupons ORDER BY member_id")).fetchall()
    assert (renew["member_id"], renew["offer"], renew["kind"], renew["value"]) == (ann, "renew", "percent", 1000)
    assert (renew["currency"], renew["plans"], renew["minimum_minor"]) == ("CNY", ["month", "year"], 10000)
    assert (renew["valid_from_at"], renew["valid_until_at"], renew["issued_at"]) == (NOON, NOON + 4 * DAY, NOON)
    assert (free["member_id"], free["kind"], free["opens"], free["plans"]) == (ben, "opens", "vip_pass", None)
    assert free["valid_until_at"] == NOON + HOUR + timedelta(hours=48)
    assert isinstance(await quote(conn, "RENEW-000000000001", ann, "month", PRICE, NOON), Quote)


async def test_a_later_step_of_the_same_occurrence_prolongs_its_coupon(
    conn: Connection, ladder: Bundle, member: MakeMember
) -> None:
    ann, ben, code = await member(), await member(), "RENEW-00000000000A"
    plan, later = await a_plan(conn, ladder), await a_plan(conn, ladder)
    await a_message(conn, plan, ann, "seven", code, NOON)
    await a_message(conn, plan, ann, "three", code, NOON + DAY)
    assert await issue_planned(conn, plan, ladder.playbook, NOON) == 1
    await used(conn, code, ann)
    await a_message(conn, later, ann, "three", code, NOON + 4 * DAY)
    assert await issue_planned(conn, later, ladder.playbook, NOON + 4 * DAY) == 1
    drawn_twice = await a_plan(conn, ladder)
    await a_message(conn, drawn_twice, ben, "seven", code, NOON + 9 * DAY)
    await a_message(conn, drawn_twice, ann, "seven", code, NOON)
    assert await issue_planned(conn, drawn_twice, ladder.playbook, NOON) == 0, "it stays whose it was"
    coupon = await coupon_of(conn, code)
    assert coupon is not None
    assert (coupon.member_id, coupon.valid_until_at, coupon.redeemed) == (ann, NOON + 7 * DAY, 1)


async def test_a_playbook_without_offers_issues_nothing(conn: Connection, shipped: Bundle) -> None:
    without = Bundle({**shipped.source, "offers": {}}, shipped.copy)
    assert await issue_planned(conn, 1, without.playbook, NOON) == 0
