"""Money, each figure on a case worked out by hand: revenue, refunds, payers, conversions, what they cost."""

from datetime import date
from typing import Any

from community.access.grant import grant
from community.access.terms import revoke, terms_of
from community.activity.counted import late_days
from community.database.pool import Connection
from community.engagement.coupons import NewCoupon, issue
from community.insight.counting import count
from community.insight.values import every, rows
from community.insight.windows import Span, window
from community.kpis import DERIVED
from community.live.sessions import find
from community.live.viewers import bring_in_viewers
from community.members.people import by_id
from community.payments.notice import Kind
from community.playbook_types import Amount
from community.privacy.personal import erase
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import NOW, ZONE, local
from tests.integration.insight.money_kit import Shop, came_from, day, month, shop, spend

__all__ = ["shop"]
MARCH, FEBRUARY = month("2026-03"), month("2026-02")


async def given(shop: Shop, member: int, plan: str, at: str, **how: Any) -> int:
    """Somebody of staff grants that."""
    how = {"source": "staff", "by": "test", **how}
    return (await grant(shop.conn, shop.bundle.playbook, member, plan, local(at), **how)).id


# What came in.


async def test_revenue_is_what_the_ledger_says_by_plan_and_currency(shop: Shop, member: MakeMember) -> None:
    ann, bob = await member(), await member()
    await shop.pays("a", ann, "2026-03-01 00:00")
    await shop.pays("b", bob, "2026-03-31 23:59", "year")
    await shop.pays("c", bob, "2026-03-05 10:00", "pack", "29 USD")
    await shop.pays("d", ann, "2026-04-01 00:00")
    await shop.pays("e", ann, "2026-02-28 23:59")
    assert await shop.minor("revenue", MARCH) == 10_000 + 100_000
    assert await shop.minor("revenue", MARCH, "USD") == 2_900
    assert {part: v.minor for part, v in (await shop.parts("revenue", MARCH)).items()} == {
        "month": 10_000,
        "year": 100_000,
        "pack": 2_900,
    }


async def test_what_fits_nothing_is_no_revenue_until_it_is_placed(shop: Shop, member: MakeMember) -> None:
    await member()
    await shop.pays("a", 1, "2026-03-05 10:00", amount="77 CNY")
    assert await shop.minor("revenue", MARCH) == 0
    assert await shop.balance() == {"cash:ime": 7_700, "suspense:ime": -7_700}


async def test_refunds_count_when_they_happen(shop: Shop, member: MakeMember) -> None:
    ann, bob = await member(), await member()
    await shop.pays("a", ann, "2026-02-10 10:00")
    await shop.pays("b", bob, "2026-03-10 10:00")
    await shop.returns("a", "2026-03-02 10:00", 3_000)
    await shop.says(Kind.disputed, "b", "2026-03-12 10:00")
    assert await shop.minor("refunds", MARCH) == 3_000
    await shop.says(Kind.dispute_lost, "b", "2026-03-20 10:00")
    assert await shop.minor("refunds", MARCH) == 13_000
    assert await shop.minor("revenue", FEBRUARY) == 10_000
    assert await shop.minor("refunds", FEBRUARY) == 0


async def test_a_refund_that_failed_is_taken_back(shop: Shop, member: MakeMember) -> None:
    await shop.pays("a", await member(), "2026-02-10 10:00")
    await shop.returns("a", "2026-02-12 10:00")
    await shop.says(Kind.refund_failed, "a", "2026-03-01 10:00")
    assert (await shop.minor("refunds", FEBRUARY), await shop.minor("refunds", MARCH)) == (10_000, -10_000)


async def test_an_average_order_is_of_payments(shop: Shop, member: MakeMember) -> None:
    ann = await member()
    await shop.pays("a", ann, "2026-03-01 10:00")
    await shop.pays("b", ann, "2026-03-02 10:00", "year")
    await shop.pays("c", ann, "2026-03-03 10:00", "year")
    await shop.returns("c", "2026-03-04 10:00")
    found = await shop.value("average_order", MARCH, "CNY")
    assert (found.minor, found.hits, found.number) == (210_000, 3, 70_000)
    assert (await shop.parts("average_order", MARCH))["year"].number == 100_000


async def test_what_is_counted_shows_its_rows(shop: Shop, member: MakeMember) -> None:
    ann = await member(home_group_id=7)
    await came_from(shop.conn, ann, "notes")
    await shop.pays("a", ann, "2026-03-01 10:00")
    await shop.pays("b", ann, "2026-03-02 10:00")
    behind = await rows(shop.conn, shop.bundle.playbook, "revenue", MARCH)
    assert [(r["member_id"], r["part"], r["minor"], r["at"]) for r in behind] == [
        (ann, "month", 10_000, local("2026-03-01 10:00")),
        (ann, "month", 10_000, local("2026-03-02 10:00")),
    ]
    assert await shop.minor("revenue", MARCH, source="notes") == 20_000
    assert await shop.minor("revenue", MARCH, group_id=7) == 20_000


# Who pays.


async def test_paying_is_who_holds_a_paid_term_as_the_window_ends(shop: Shop, member: MakeMember) -> None:
    ann, bob, cat, dan, eve, fay = [await member() for _ in range(6)]
    await shop.pays("a", ann, "2026-03-10 10:00")
    await shop.pays("b", bob, "2026-02-10 10:00")  # over on 10 March
    await given(shop, cat, "month", "2026-03-20 10:00")  # for nothing
    await given(shop, dan, "month", "2026-03-20 10:00", paid=Amount(minor=9_900, currency="CNY"))
    await given(shop, eve, "trial", "2026-03-28 10:00", source="coupon")
    await shop.pays("f", fay, "2026-03-20 10:00")
    await shop.returns("f", "2026-03-25 10:00")
    await shop.pays("g", ann, "2026-03-12 10:00", "pack", "29 USD")
    assert (await shop.value("paying", MARCH)).hits == 2
    assert {part: v.hits for part, v in (await shop.parts("paying", MARCH)).items()} == {"month": 2, "pack": 1}
    assert (await shop.value("paying", day("2026-03-21"))).hits == 3


async def test_what_begins_or_ends_at_midnight_is_of_the_day_that_begins(shop: Shop, member: MakeMember) -> None:
    """A term of all of March was paid for all of March, and its end is one of April."""
    ann = await member()
    await given(
        shop,
        ann,
        "month",
        "2026-02-20 10:00",
        paid=Amount(minor=1, currency="CNY"),
        starts_at=local("2026-03-01 00:00"),
    )
    found = {each: (await shop.value("paying", month(each))).hits for each in ("2026-02", "2026-03", "2026-04")}
    assert found == {"2026-02": 0, "2026-03": 1, "2026-04": 0}
    assert await shop.share("churn", MARCH) == (0, 0)
    assert await shop.share("churn", month("2026-04")) == (1, 1)


async def test_what_a_bundle_brings_is_paid_by_the_bundle(shop: Shop, member: MakeMember) -> None:
    await shop.pays("a", await member(), "2026-03-10 10:00", "all")
    assert {part: v.hits for part, v in (await shop.parts("paying", MARCH)).items()} == {"all": 1}


async def test_new_payers_pay_for_the_first_time_ever(shop: Shop, member: MakeMember) -> None:
    ann, bob, cat = [await member() for _ in range(3)]
    await given(shop, bob, "month", "2025-06-01 10:00", paid=Amount(minor=9_900, currency="CNY"))
    await shop.pays("a", ann, "2026-03-10 10:00", "pack", "29 USD")
    await shop.pays("a2", ann, "2026-03-11 10:00")
    await shop.pays("b", bob, "2026-03-10 10:00")
    await shop.pays("c", cat, "2026-01-10 10:00")
    await shop.returns("c", "2026-01-11 10:00")
    await shop.pays("c2", cat, "2026-03-10 10:00")
    assert (await shop.value("new_payers", MARCH)).hits == 1
    assert {part: v.hits for part, v in (await shop.parts("new_payers", MARCH)).items()} == {"pack": 1}


# Who came to pay.


async def test_free_to_paid_is_of_members_who_had_never_paid(shop: Shop, member: MakeMember) -> None:
    march = {"entered_at": local("2026-03-10 10:00")}
    ann, bob, cat, *_ = [await member(**march) for _ in range(4)]
    await member(entered_at=local("2026-04-02 10:00"))  # comes later
    gone = await member(entered_at=local("2026-01-01 10:00"), in_group=False)  # left in January
    stranger = await member(entered_at=local("2026-01-02 10:00"), in_group=False)
    await shop.conn.execute(
        "UPDATE members SET entered_at = NULL, left_at = NULL WHERE id = %s", [stranger]
    )  # never admitted
    await shop.pays("a", ann, "2026-03-12 10:00")
    await shop.pays("b", bob, "2026-02-12 10:00")
    await shop.pays("b2", bob, "2026-03-12 10:00")
    await shop.pays("c", cat, "2026-04-01 00:00")
    await shop.pays("d", gone, "2026-03-12 10:00")
    await shop.pays("e", stranger, "2026-03-12 10:00")
    assert await shop.share("free_to_paid", MARCH) == (1, 3)


async def test_trial_to_paid_waits_a_week_after_the_trials_end(shop: Shop, member: MakeMember) -> None:
    ann, bob, cat, dan, eve = [await member() for _ in range(5)]
    await given(shop, eve, "month", "2026-01-01 10:00", paid=Amount(minor=9_900, currency="CNY"))
    for each in (ann, bob, cat, eve):
        await given(shop, each, "trial", "2026-03-02 10:00", source="coupon")  # ends 9 March, seen on the 16th
    trial = await given(shop, dan, "trial", "2026-03-02 10:00", source="coupon")
    await revoke(shop.conn, trial, local("2026-03-03 10:00"), by="test", note="")
    await shop.pays("a", ann, "2026-03-05 10:00")
    await shop.pays("b", bob, "2026-03-16 09:59")
    await shop.pays("c", cat, "2026-03-16 10:00")
    assert await shop.share("trial_to_paid", day("2026-03-16")) == (2, 3)
    assert await shop.share("trial_to_paid", day("2026-03-15")) == (0, 0)
    assert list(await shop.parts("trial_to_paid", day("2026-03-16"))) == ["trial"]


async def test_live_to_paid_is_of_viewers_from_start_to_close(shop: Shop, member: MakeMember) -> None:
    ann, bob, cat, dan, eve = [await member() for _ in range(5)]
    live = await _live(shop, "2026-03-10 20:00", "2026-03-12 21:00", "pack", ann, bob, cat, dan)
    await shop.conn.execute("INSERT INTO live_attendances (live_id, member_id) VALUES (%s, %s)", [live, eve])
    await shop.pays("a", ann, "2026-03-10 20:00", "pack", "29 USD")
    await shop.pays("b", bob, "2026-03-12 21:00", "pack", "29 USD")  # too late
    await shop.pays("c", cat, "2026-03-11 20:00")  # something else
    await shop.pays("d", dan, "2026-03-10 19:59", "pack", "29 USD")  # before
    await shop.pays("e", eve, "2026-03-11 20:00", "pack", "29 USD")  # did not watch
    other = await _live(shop, "2026-03-11 20:00", "2026-03-12 22:00", "month", cat)
    assert await shop.share("live_to_paid", day("2026-03-12")) == (2, 5)
    found = {part: (v.hits, v.base) for part, v in (await shop.parts("live_to_paid", day("2026-03-12"))).items()}
    assert found == {str(live): (1, 4), str(other): (1, 1)}
    assert await shop.share("live_to_paid", day("2026-03-11")) == (0, 0)


async def _live(shop: Shop, starts: str, closes: str, plan: str, *viewers: int) -> int:
    found = await shop.conn.execute(
        "INSERT INTO lives (title, url, announce_at, starts_at, ends_at, window_until_at, plan, created_at)"
        " VALUES ('AMA', 'https://example.org', %(at)s, %(at)s, %(at)s::timestamptz + interval '1 hour', %(until)s,"
        " %(plan)s, %(at)s) RETURNING id",
        {"at": local(starts), "until": local(closes), "plan": plan},
    )
    row = await found.fetchone()
    assert row is not None
    for viewer in viewers:
        await shop.conn.execute(
            "INSERT INTO live_attendances (live_id, member_id, watched_at) VALUES (%s, %s, %s)",
            [row["id"], viewer, local(starts)],
        )
    return int(row["id"])


# Who stays.


async def test_renewal_is_seen_a_week_after_the_end(shop: Shop, member: MakeMember) -> None:
    ann, bob, cat, dan, eve, fay = [await member() for _ in range(6)]
    for number, each in enumerate((ann, bob, cat, dan, eve)):
        await shop.pays(f"first{number}", each, "2026-02-09 10:00")  # ends 9 March, seen on the 16th
    await shop.pays("fay", fay, "2025-03-09 10:00", "year")
    await shop.pays("ann", ann, "2026-02-20 10:00")  # long before
    await shop.pays("bob", bob, "2026-03-16 09:59", "year")  # in the last minute
    await shop.pays("cat", cat, "2026-03-16 10:00")  # too late
    await shop.pays("dan", dan, "2026-03-08 10:00", "pack", "29 USD")  # of another line
    await shop.pays("eve", eve, "2026-03-08 10:00")
    await shop.returns("eve", "2026-03-10 10:00")
    await shop.pays("fay2", fay, "2026-03-09 11:00")
    assert await shop.share("renewal", day("2026-03-16")) == (3, 6)
    found = {part: (v.hits, v.base) for part, v in (await shop.parts("renewal", day("2026-03-16"))).items()}
    assert found == {"month": (2, 5), "year": (1, 1)}


async def test_what_was_taken_back_or_upgraded_did_not_come_to_its_end(shop: Shop, member: MakeMember) -> None:
    ann, bob = await member(), await member()
    await shop.pays("a", ann, "2026-02-09 10:00")
    await shop.returns("a", "2026-02-20 10:00")
    await shop.pays("b", bob, "2026-02-20 10:00")
    [old] = await terms_of(shop.conn, bob)
    await shop.buys("b2", bob, "2026-03-09 10:00", "year", upgrade_of=old.id)
    assert await shop.share("renewal", MARCH) == (0, 0)


async def test_churn_is_of_who_paid_as_the_window_began(shop: Shop, member: MakeMember) -> None:
    ann, bob, cat, dan = [await member() for _ in range(4)]
    await shop.pays("a", ann, "2026-02-09 10:00")
    await shop.pays("b", bob, "2026-02-09 10:00")
    await shop.pays("b2", bob, "2026-03-20 10:00")  # with a gap, but there again by the end
    await shop.pays("c", cat, "2026-02-09 10:00", "year")
    await shop.pays("d", dan, "2026-03-01 10:00")  # was not there as it began
    await shop.returns("d", "2026-03-02 10:00")
    assert await shop.share("churn", MARCH) == (1, 3)


async def test_arpu_is_net_revenue_by_payers_of_the_currency(shop: Shop, member: MakeMember) -> None:
    ann, bob, cat = [await member() for _ in range(3)]
    await shop.pays("a", ann, "2026-03-02 10:00")
    await shop.pays("b", bob, "2026-02-20 10:00", "year")
    await shop.returns("b", "2026-03-20 10:00", 4_000)
    await shop.pays("c", cat, "2026-03-03 10:00", "pack", "29 USD")
    found = await shop.value("arpu", MARCH, "CNY")
    assert (found.minor, found.hits, found.number) == (10_000 - 4_000, 2, 3_000)
    assert (await shop.value("arpu", MARCH, "USD")).number == 2_900


async def test_ltv_and_payback_are_made_of_these(shop: Shop, member: MakeMember) -> None:
    """ARPU of 50.00 and 1 of 2 going each month: 100.00 a payer. 75.00 to win one: a month and a half."""
    ann, bob, cat = [await member() for _ in range(3)]
    await shop.pays("a", ann, "2026-02-10 10:00")
    await shop.pays("b", bob, "2026-02-15 10:00", "year")
    await shop.pays("c", cat, "2026-03-20 10:00")
    await spend(shop.conn, "2026-03-03", "ads", 7_500)
    arpu, churn = await shop.value("arpu", MARCH, "CNY"), await shop.value("churn", MARCH)
    cac = await shop.value("cac", MARCH, "CNY")
    assert (arpu.number, churn.number, cac.number) == (5_000, 0.5, 7_500)
    assert (DERIVED["ltv"].above, DERIVED["ltv"].below) == ("arpu", "churn")
    assert arpu.number / churn.number == 10_000
    assert (DERIVED["payback_months"].above, DERIVED["payback_months"].below) == ("cac", "arpu")
    assert cac.number / arpu.number == 1.5


# What it costs.


async def test_spend_and_cac_are_by_where_it_ran(shop: Shop, member: MakeMember) -> None:
    ann, bob, cat, dan = [await member() for _ in range(4)]
    for each, source in ((ann, "ads"), (bob, "ads"), (cat, "notes")):
        await came_from(shop.conn, each, source)
        await shop.pays(f"p{each}", each, "2026-03-20 10:00")
    await shop.pays("d", dan, "2026-03-01 10:00")
    for when, source, minor in (("2026-03-01", "ads", 5_000), ("2026-03-31", "ads", 1_000), ("2026-03-02", "tv", 900)):
        await spend(shop.conn, when, source, minor)
    await spend(shop.conn, "2026-03-05", "ads", 400, "USD")
    await spend(shop.conn, "2026-04-01", "ads", 70_000)
    assert await shop.minor("ad_spend", MARCH) == 6_900
    assert await shop.minor("ad_spend", MARCH, source="ads") == 6_000
    parts = await shop.parts("ad_spend", MARCH, "CNY")
    assert {part: v.minor for part, v in parts.items()} == {"ads": 6_000, "tv": 900}
    found = await shop.value("cac", MARCH, "CNY")
    assert (found.minor, found.hits) == (6_900, 4)
    ads = await shop.value("cac", MARCH, "CNY", source="ads")
    assert (ads.minor, ads.hits, ads.number) == (6_000, 2, 3_000)
    assert (await shop.value("cac", MARCH, "CNY", source="tv")).number is None
    assert (await shop.value("cac", MARCH, "USD", source="ads")).number == 200
    assert (await shop.value("cac", MARCH, "CNY", source="notes")).number == 0


async def test_coupons_are_counted_by_orders_that_were_paid(shop: Shop, member: MakeMember) -> None:
    ann, bob, cat = [await member() for _ in range(3)]
    for code, offer in (("SAVE", "spring"), ("BACK", "returning")):
        await issue(
            shop.conn,
            shop.bundle.playbook,
            NewCoupon(code=code, offer=offer, percent=25),
            local("2026-03-01 00:00"),
        )
    await shop.buys("a", ann, "2026-03-02 10:00", coupon="SAVE")
    await shop.buys("b", bob, "2026-03-02 10:00", coupon="BACK")
    await shop.buys("c", cat, "2026-03-02 10:00")
    await shop.order(member_id=cat, coupon="SAVE")  # not paid
    assert await shop.share("coupon_use", MARCH) == (2, 3)
    found = {part: v.hits for part, v in (await shop.parts("coupon_orders", MARCH)).items()}
    assert found == {"spring": 1, "returning": 1}


# What comes late.


async def test_a_callback_of_last_month_is_of_last_month(shop: Shop, member: MakeMember) -> None:
    """A refund of February that its provider tells of in March: February is counted anew, and March says nothing."""
    ann = await member()
    await shop.pays("a", ann, "2026-02-24 10:00")
    await _count_all(shop)
    assert await _stored(shop, "refunds", Span.month, FEBRUARY.since) == 0
    await shop.returns("a", "2026-02-26 10:00", 4_000, known="2026-03-18 11:00")
    assert await shop.rows("SELECT at FROM ledger_transactions WHERE what = 'refund'") == [
        {"at": local("2026-03-18 11:00")}
    ]
    assert (await late_days(shop.conn, 100))[-1] == date(2026, 2, 26)
    await _count_all(shop)
    assert await _stored(shop, "refunds", Span.month, FEBRUARY.since) == 4_000
    assert await _stored(shop, "refunds", Span.day, date(2026, 2, 26)) == 4_000
    assert await _stored(shop, "refunds", Span.month, MARCH.since) == 0
    assert await _stored(shop, "mrr", Span.day, date(2026, 2, 25)) == 10_000
    assert await _stored(shop, "mrr", Span.day, date(2026, 2, 26)) == 6_000
    assert await _stored(shop, "mrr", Span.day, date(2026, 3, 1)) == 6_000


async def _count_all(shop: Shop) -> None:
    while (await count(shop.conn, shop.bundle.playbook, NOW)).left:
        pass


async def _stored(shop: Shop, kpi: str, span: Span, since: date) -> int:
    found = await every(shop.conn, window(span, since, ZONE))
    return sum(value.minor for value in found.get(kpi, ()))


async def test_viewers_that_come_late_change_the_day_of_the_close(shop: Shop, member: MakeMember) -> None:
    ann, bob = await member(), await member()
    live = await _live(shop, "2026-03-01 20:00", "2026-03-03 21:00", "pack", ann)
    await count(shop.conn, shop.bundle.playbook, NOW)
    while (await count(shop.conn, shop.bundle.playbook, NOW)).left:
        pass
    await bring_in_viewers(shop.conn, await find(shop.conn, str(live)), {bob: None}, NOW)
    assert await late_days(shop.conn, 10) == [date(2026, 3, 3)]


async def test_a_payers_clock_that_is_ahead_does_not_matter(shop: Shop, member: MakeMember) -> None:
    await shop.pays("a", await member(), "2026-03-31 10:00", known="2026-03-30 10:00")
    assert await shop.rows("SELECT happened_at FROM ledger_transactions") == [
        {"happened_at": local("2026-03-30 10:00")}
    ]


async def test_an_erased_payer_stays_in_revenue_and_nowhere_else(
    conn: Connection, shop: Shop, member: MakeMember
) -> None:
    ann = await member()
    await shop.pays("a", ann, "2026-03-10 10:00")
    person = await by_id(conn, ann)
    assert person is not None
    await erase(conn, person, "secret", NOW)
    assert await shop.minor("revenue", MARCH) == 10_000
    assert (await shop.value("paying", MARCH)).hits == 0
    assert await shop.minor("mrr", MARCH) == 0
