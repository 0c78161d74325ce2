"""MRR: monthly slices of what was earned, by hand; and against plain Python over whatever may happen to payments."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.access.grant import grant
from community.access.terms import revoke, set_end, terms_of
from community.database.pool import Connection
from community.insight.values import rows as drilled
from community.insight.windows import Window
from community.payments.notice import Kind
from community.payments.truth import differences
from community.playbook_types import Amount
from tests.conftest import EMPTY
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import local
from tests.integration.insight.money_kit import PLANS, Shop, day, month, shop
from tests.integration.insight.mrr_oracle import all_slices, broken
from tests.integration.rows import Edit

__all__ = ["shop"]
MARCH, APRIL = month("2026-03"), month("2026-04")


async def moved(shop: Shop, asked: Window, currency: str = "CNY") -> dict[str, int]:
    """Movements of a window, and that they are the difference of the two ends."""
    parts = {part: v.minor for part, v in (await shop.parts("mrr_movements", asked, currency)).items()}
    before, after = await shop.minor("mrr", asked.before(), currency), await shop.minor("mrr", asked, currency)
    assert sum(parts.values()) == after - before == await shop.minor("mrr_movements", asked, currency)
    return parts


async def slices(shop: Shop, at: str) -> list[list[int]]:
    """All slices as known then, term by term."""
    found: dict[int, list[Any]] = {}
    for row in await all_slices(shop.conn, shop.bundle.playbook, local(at)):
        found.setdefault(row["term_id"], []).append((row["place"], row["minor"]))
    return [[minor for _, minor in sorted(found[term])] for term in sorted(found)]


async def test_a_month_counts_whole_while_it_runs(shop: Shop, member: MakeMember) -> None:
    await shop.pays("a", await member(), "2026-03-10 10:00")
    found = {
        each: await shop.minor("mrr", day(each)) for each in ("2026-03-09", "2026-03-10", "2026-04-09", "2026-04-10")
    }
    assert found == {"2026-03-09": 0, "2026-03-10": 10_000, "2026-04-09": 10_000, "2026-04-10": 0}


async def test_slices_are_whole_units_that_add_up(shop: Shop, member: MakeMember) -> None:
    """1,000.00 over twelve months, 250.00 over three."""
    ann, bob = await member(), await member()
    await shop.pays("a", ann, "2026-01-31 10:00", "year")
    await shop.pays("b", bob, "2026-01-31 10:00", "quarter")
    assert await slices(shop, "2026-02-01 00:00") == [[8_333, 8_333, 8_334] * 4, [8_333, 8_333, 8_334]]
    february = month("2026-02")
    assert await shop.minor("mrr", february) == 16_666
    found = {part: v.minor for part, v in (await shop.parts("mrr", february)).items()}
    assert found == {"year": 8_333, "quarter": 8_333}
    assert await shop.minor("mrr", MARCH) == 16_668  # the third slices begin on 31 March


async def test_slices_begin_with_the_calendars_months(shop: Shop, member: MakeMember) -> None:
    """Begun on 31 January at 10: the second slice begins on 28 February, the third on 31 March."""
    await shop.pays("a", await member(), "2026-01-31 10:00", "quarter", "250 CNY")
    await shop.returns("a", "2026-02-01 10:00", 24_999)  # one left: the last slice alone is not nothing
    assert await slices(shop, "2026-02-02 00:00") == [[0, 0, 1]]
    found = {
        each: await shop.minor("mrr", day(each)) for each in ("2026-03-30", "2026-03-31", "2026-04-29", "2026-04-30")
    }
    assert found == {"2026-03-30": 0, "2026-03-31": 1, "2026-04-29": 1, "2026-04-30": 0}


async def test_what_does_not_recur_is_no_mrr(shop: Shop, member: MakeMember) -> None:
    ann, bob = await member(), await member()
    await shop.pays("a", ann, "2026-03-10 10:00", "pack", "29 USD")
    await shop.pays("b", bob, "2026-03-10 10:00", "life", "9999 CNY")
    playbook = shop.bundle.playbook
    await grant(
        shop.conn, playbook, ann, "month", local("2026-03-10 10:00"), source="staff", by="x",
        paid=Amount(minor=1, currency="CNY"),
    )  # fmt: skip
    assert await shop.minor("mrr", MARCH) == 0
    assert await shop.minor("mrr", MARCH, "USD") == 0


async def test_other_lines_recur_if_the_playbook_says_so(conn: Connection, edited: Edit, member: MakeMember) -> None:
    bundle = edited(plans=PLANS, offers={}, stages={}, insight={"recurring": ["pack"]})
    shop = Shop(conn, bundle)
    await shop.pays("a", await member(), "2026-03-10 10:00", "pack", "29 USD")
    await shop.pays("b", await member(), "2026-03-10 10:00")
    assert (await shop.minor("mrr", MARCH, "USD"), await shop.minor("mrr", MARCH)) == (966, 0)


async def test_the_bundles_money_is_the_bundles(shop: Shop, member: MakeMember) -> None:
    await shop.pays("a", await member(), "2026-03-10 10:00", "all", "2000 CNY")
    assert {part: v.minor for part, v in (await shop.parts("mrr", MARCH)).items()} == {"all": 16_666}


async def test_movements(shop: Shop, member: MakeMember) -> None:
    new, more, less, gone, back, same, short = [await member() for _ in range(7)]
    await shop.pays("1", back, "2025-11-05 10:00")  # was there until December
    await shop.pays("2", more, "2026-02-20 10:00", "year")
    await shop.pays("3", less, "2026-02-20 10:00")
    await shop.pays("4", gone, "2026-02-20 10:00")
    await shop.pays("5", same, "2026-02-20 10:00")
    await shop.pays("6", new, "2026-03-05 10:00")
    await shop.pays("7", back, "2026-03-06 10:00")
    await shop.pays("8", short, "2026-03-06 10:00")  # came and went within the month
    await shop.returns("8", "2026-03-07 10:00")
    await shop.pays("9", same, "2026-03-20 10:00")
    await shop.pays("10", less, "2026-03-20 10:00", "quarter")
    await shop.pays("11", more, "2026-03-20 10:00", "all")  # follows the year
    assert await moved(shop, MARCH) == {
        "new": 10_000,
        "contraction": -1_667,
        "churn": -10_000,
        "reactivation": 10_000,
    }
    behind = await drilled(shop.conn, shop.bundle.playbook, "mrr_movements", MARCH, part="churn")
    assert [row["member_id"] for row in behind] == [gone]


async def test_a_part_refunded_makes_what_is_left_smaller(shop: Shop, member: MakeMember) -> None:
    await shop.pays("a", await member(), "2026-02-10 10:00", "year")
    await shop.returns("a", "2026-03-20 10:00", 40_000)
    assert await shop.minor("mrr", day("2026-03-19")) == 8_333
    assert await shop.minor("mrr", day("2026-03-20")) == 5_000
    assert await moved(shop, MARCH) == {"contraction": -3_333}
    assert await slices(shop, "2026-04-01 00:00") == [[5_000] * 12]


async def test_refunded_in_full_is_churn(shop: Shop, member: MakeMember) -> None:
    await shop.pays("a", await member(), "2026-02-10 10:00", "year")
    await shop.returns("a", "2026-03-20 10:00")
    assert await moved(shop, MARCH) == {"churn": -8_333}
    assert await shop.minor("mrr", month("2026-02")) == 8_333  # it was so


async def test_a_dispute_counts_once_it_is_lost(shop: Shop, member: MakeMember) -> None:
    await shop.pays("a", await member(), "2026-02-10 10:00", "year")
    await shop.says(Kind.disputed, "a", "2026-03-10 10:00")
    assert await moved(shop, MARCH) == {}
    await shop.says(Kind.dispute_lost, "a", "2026-04-10 10:00")
    assert await moved(shop, APRIL) == {"churn": -8_333}


async def test_a_refund_that_failed_comes_back(shop: Shop, member: MakeMember) -> None:
    await shop.pays("a", await member(), "2026-02-10 10:00", "year")
    await shop.returns("a", "2026-03-10 10:00")
    await shop.says(Kind.refund_failed, "a", "2026-04-10 10:00")
    assert await moved(shop, MARCH) == {"churn": -8_333}
    assert await moved(shop, APRIL) == {"reactivation": 8_333}
    assert await slices(shop, "2026-05-01 00:00") == [[8_333, 8_333, 8_334] * 4]


async def test_what_is_left_goes_over_with_an_upgrade(shop: Shop, member: MakeMember) -> None:
    """Of a quarter for 250.00 begun on 1 March 61 of 92 days are left on 1 April: 165.77, rounded for the member."""
    ann = await member()
    await shop.pays("a", ann, "2026-03-01 10:00", "quarter")
    [old] = await terms_of(shop.conn, ann)
    order = await shop.buys("b", ann, "2026-04-01 10:00", "year", upgrade_of=old.id)
    assert (order.credit_minor, order.amount_minor) == (16_577, 83_423)
    assert await moved(shop, MARCH) == {"new": 8_333}
    assert await moved(shop, APRIL) == {}  # 250 for three months is 1,000 for twelve
    cut_old, new = await slices(shop, "2026-05-01 00:00")
    assert (sum(cut_old), sum(new)) == (25_000 - 16_577, 100_000)
    assert sum(cut_old) + sum(new) == 25_000 + 83_423
    assert await shop.minor("mrr", MARCH) == 8_333  # as it was then, by what was known


async def test_an_upgrade_that_is_refunded_gives_it_back(shop: Shop, member: MakeMember) -> None:
    ann = await member()
    await shop.pays("a", ann, "2026-03-01 10:00", "quarter")
    [old] = await terms_of(shop.conn, ann)
    await shop.buys("b", ann, "2026-03-20 10:00", "year", upgrade_of=old.id)
    await shop.returns("b", "2026-04-02 10:00")
    found = {
        each: await shop.minor("mrr", day(each)) for each in ("2026-03-19", "2026-03-20", "2026-04-01", "2026-04-02")
    }
    assert found == {"2026-03-19": 8_333, "2026-03-20": 8_333, "2026-04-01": 8_333, "2026-04-02": 8_333}
    assert await slices(shop, "2026-04-03 00:00") == [[8_333, 8_333, 8_334], [0] * 12]


async def test_revoked_by_staff_it_ends(shop: Shop, member: MakeMember) -> None:
    ann = await member()
    await shop.pays("a", ann, "2026-02-10 10:00", "year")
    [term] = await terms_of(shop.conn, ann)
    await revoke(shop.conn, term.id, local("2026-03-10 10:00"), by="staff", note="")
    assert await moved(shop, MARCH) == {"churn": -8_333}


async def test_days_that_staff_add_belong_to_the_last_slice(shop: Shop, member: MakeMember) -> None:
    ann = await member()
    await shop.pays("a", ann, "2026-02-10 10:00")
    [term] = await terms_of(shop.conn, ann)
    await set_end(shop.conn, term.id, local("2026-03-17 10:00"), local("2026-03-01 10:00"), by="staff", note="")
    assert await shop.minor("mrr", day("2026-03-16")) == 10_000
    assert await shop.minor("mrr", day("2026-03-17")) == 0


async def test_paid_early_it_counts_from_when_it_runs(shop: Shop, member: MakeMember) -> None:
    ann = await member()
    await shop.pays("a", ann, "2026-02-20 10:00")
    await shop.pays("b", ann, "2026-02-21 10:00", "quarter")
    assert await shop.minor("mrr", month("2026-02")) == 10_000
    assert await moved(shop, MARCH) == {"contraction": -1_667}


async def test_another_currency_is_neither_coming_nor_going(shop: Shop, member: MakeMember) -> None:
    ann = await member()
    await shop.pays("a", ann, "2026-02-20 10:00")
    await shop.pays("b", ann, "2026-03-20 10:00", "year", "200 USD")
    assert await moved(shop, MARCH) == {"contraction": -10_000}
    assert await moved(shop, MARCH, "USD") == {"expansion": 1_666}


# Whatever happens.

ACTION = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["month", "quarter", "year", "pack", "upgrade", "part", "all", "dispute", "lost", "won", "failed"]),
    st.integers(0, 45 * 24),
    st.integers(1, 99),
)
"""Member, what, hours since the one before, a share of the price."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(actions=st.lists(ACTION, min_size=1, max_size=9), looks=st.lists(st.integers(0, 500), min_size=2, max_size=4))
async def test_mrr_is_what_plain_python_says(
    shop: Shop, member: MakeMember, actions: list[Any], looks: list[int]
) -> None:
    await shop.conn.execute(EMPTY)
    members = [await member(telegram_id=700 + n) for n in range(3)]
    start = shop.at = local("2026-01-31 09:00")
    for number, (who, what, hours, share) in enumerate(actions):
        shop.at += timedelta(hours=hours)
        await _happens(shop, members[who], what, share, f"{number}")
    moments = sorted({start + timedelta(days=each, hours=each % 24) for each in looks} | {shop.at + timedelta(days=1)})
    pairs = [*pairwise(moments), (moments[0], moments[-1])]
    assert sum((await broken(shop.conn, shop.bundle.playbook, moments, pairs)).values()) == 0
    assert await differences(shop.conn) == []


async def _happens(shop: Shop, who: int, what: str, share: int, number: str) -> None:
    at = f"{shop.at.astimezone(local('2026-01-01 00:00').tzinfo):%Y-%m-%d %H:%M}"
    held = [term for term in await terms_of(shop.conn, who) if term.revoked_at is None]
    last = await shop.rows(
        "SELECT charge, paid_minor, disputed FROM payments WHERE member_id = %s ORDER BY paid_at DESC LIMIT 1", who
    )
    kinds = {"dispute": Kind.disputed, "lost": Kind.dispute_lost, "won": Kind.dispute_won, "failed": Kind.refund_failed}
    match what:
        case "month" | "quarter" | "year" | "pack":
            await shop.pays(number, who, at, what)
        case "upgrade":
            current = [t for t in held if t.line == "membership" and t.starts_at < shop.at and t.ends_at > shop.at]
            if current == held[-1:] and current and current[0].plan != "year":
                await shop.buys(number, who, at, "year", upgrade_of=current[0].id)
        case "part" | "all" if last:
            minor = last[0]["paid_minor"] * share // 100 if what == "part" else None
            await shop.returns(last[0]["charge"], at, minor)
        case _ if last and what in kinds:
            await shop.says(kinds[what], last[0]["charge"], at)


@pytest.mark.parametrize("kpi", ["mrr", "mrr_movements"])
async def test_without_any_payments_there_is_none(shop: Shop, kpi: str) -> None:
    assert await shop.minor(kpi, MARCH) == 0
