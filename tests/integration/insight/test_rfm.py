"""Payers by recency, frequency and money: by hand, against the published figures of CDNOW, and as audiences."""

import csv
from datetime import date, datetime
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, LiteralString

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.access.grant import grant
from community.database.pool import Connection
from community.insight.counting import count
from community.insight.rfm import queries, score_payers
from community.outreach.explain import explain
from community.outreach.plan import plan, preview, tally
from community.outreach.statements import parameters, statement
from community.playbook_types import Amount
from community.segments import Segment
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.insight.kit import NOW, ZONE, local
from tests.integration.insight.money_kit import Shop, shop
from tests.integration.rows import STEP, Edit, audiences, one, with_stages

__all__ = ["shop"]
TODAY = date(2026, 3, 18)


async def scored(conn: Connection) -> dict[int, dict[str, Any]]:
    """What was kept of each payer."""
    await score_payers(conn, ZONE, NOW)
    rows = await (await conn.execute("SELECT * FROM member_values")).fetchall()
    return {row["member_id"]: row for row in rows}


# The published figures.


def datasets() -> Path:
    """The folder of the package's data; the package itself is never imported."""
    found = find_spec("lifetimes")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "datasets"


def published(name: str, *columns: str) -> dict[int, tuple[float, ...]]:
    with (datasets() / name).open() as file:
        return {int(row["ID"]): tuple(float(row[c]) for c in columns) for row in csv.DictReader(file)}


@pytest.fixture
async def cdnow(conn: Connection) -> LiteralString:
    """The purchases up to 30 September 1997 in a table, as our SQL asks for them."""
    await conn.execute(
        "CREATE TEMP TABLE cdnow (member_id bigint, day date, minor bigint, currency text DEFAULT 'USD')"
    )
    async with conn.cursor() as cursor, cursor.copy("COPY cdnow (member_id, day, minor) FROM STDIN") as copy:
        for line in (datasets() / "CDNOW_sample.txt").read_text().splitlines():
            _, customer, day, _, dollars = line.split()
            bought = datetime.strptime(day, "%Y%m%d").date()  # noqa: DTZ007
            if bought <= date(1997, 9, 30):
                await copy.write_row((int(customer), bought, round(float(dollars) * 100)))
    return "SELECT member_id, currency, day, minor FROM cdnow"


async def payers(conn: Connection, paid: LiteralString) -> dict[int, dict[str, Any]]:
    rows = await (await conn.execute(queries.fill("payers", paid=paid))).fetchall()
    return {row["member_id"]: row for row in rows}


async def test_frequency_recency_and_age_are_those_published_for_cdnow(conn: Connection, cdnow: LiteralString) -> None:
    found = await payers(conn, cdnow)
    ours = {
        who: (
            float(row["days"] - 1),
            round((row["last_on"] - row["first_on"]).days / 7, 2),
            round((date(1997, 9, 30) - row["first_on"]).days / 7, 2),
        )
        for who, row in found.items()
    }
    assert len(ours) == 2357
    assert ours == published("cdnow_customers_summary.csv", "frequency", "recency", "T")
    assert ours == published("cdnow_customers_summary_with_transactions.csv", "x", "t_x", "T")


async def test_the_money_of_repeated_days_is_that_published_for_cdnow(conn: Connection, cdnow: LiteralString) -> None:
    """Published is what a repeated day brought on average; 0 for who bought on one day alone."""
    repeated: LiteralString = (
        "SELECT * FROM (" + cdnow + ") AS c WHERE day > (SELECT min(day) FROM cdnow f WHERE f.member_id = c.member_id)"
    )
    ours = {who: float(row["minor"] / row["days"] / 100) for who, row in (await payers(conn, repeated)).items()}
    wanted = published("cdnow_customers_summary_with_transactions.csv", "zbar")
    assert len(wanted) == 2357
    assert {who for who, (mean,) in wanted.items() if mean} <= set(ours)
    assert all(abs(ours.get(who, 0) - mean) < 0.005001 for who, (mean,) in wanted.items())


async def test_scores_of_cdnow_are_fifths(conn: Connection, cdnow: LiteralString) -> None:
    """Where no two are equal the fifths are; of the many who bought once all have the same score."""
    text = queries.fill("scored", payers=queries.fill("payers", paid=cdnow))
    rows = await (await conn.execute(text)).fetchall()
    money = [sum(row["money"] == fifth for row in rows) for fifth in range(1, 6)]
    assert max(money) - min(money) <= 30  # some sums are those of several
    assert {row["often"] for row in rows if row["days"] == 1} == {2}
    for column, by in (("recency", "last_on"), ("often", "days"), ("money", "minor")):
        ordered = sorted(rows, key=lambda row: row[by])
        assert [row[column] for row in ordered] == sorted(row[column] for row in rows)


# By hand.


async def test_what_is_kept_of_a_payer(shop: Shop, member: MakeMember) -> None:
    ann, bob, cat, dan = [await member() for _ in range(4)]
    await shop.pays("1", ann, "2026-03-08 00:00")
    await shop.pays("2", ann, "2026-03-08 23:59")
    await shop.pays("3", ann, "2026-01-05 10:00")
    await shop.pays("4", bob, "2026-02-01 10:00", "year")
    await shop.returns("4", "2026-02-10 10:00", 30_000)
    await shop.pays("5", cat, "2026-02-01 10:00")
    await shop.returns("5", "2026-02-10 10:00")  # nothing is left
    await shop.pays("6", bob, "2026-03-18 13:00", "pack", "29 USD")  # after the count
    noted = {"source": "list", "by": "x", "paid": Amount(minor=5_000, currency="CNY")}
    await grant(shop.conn, shop.bundle.playbook, dan, "month", local("2025-03-18 10:00"), **noted)
    found = await scored(shop.conn)
    kept = ("recency_days", "frequency", "money_minor", "currency")
    assert {who: tuple(row[name] for name in kept) for who, row in found.items()} == {
        ann: (10, 2, 30_000, "CNY"),
        bob: (45, 1, 70_000, "CNY"),
        dan: (365, 1, 5_000, "CNY"),
    }


async def test_money_is_of_the_currency_most_payments_are_in(shop: Shop, member: MakeMember) -> None:
    ann, bob = await member(), await member()
    await shop.pays("1", ann, "2026-03-01 10:00")
    await shop.pays("2", ann, "2026-03-02 10:00", "pack", "29 USD")
    await shop.pays("3", bob, "2026-03-03 10:00", "pack", "29 USD")
    await shop.pays("4", bob, "2026-03-04 10:00")
    await shop.pays("5", ann, "2026-03-05 10:00", "pack", "29 USD")
    found = await scored(shop.conn)
    assert {who: (row["money_minor"], row["frequency"], row["currency"]) for who, row in found.items()} == {
        ann: (5_800, 3, "USD"),
        bob: (2_900, 2, "USD"),
    }


async def test_scores_are_the_fifth_in_which_the_middle_of_a_rank_lies(shop: Shop, member: MakeMember) -> None:
    """Ten payers: the more recent one was, the higher; seven of them once, whose middle is the second fifth."""
    everyone = [await member() for _ in range(10)]
    for number, who in enumerate(everyone):
        await shop.pays(f"{number}", who, f"2026-01-{10 + number} 10:00")
        for again in range(max(0, number - 6)):
            await shop.pays(f"{number}-{again}", who, f"2026-01-{1 + again:02} 10:00")
    found = await scored(shop.conn)
    assert [found[who]["recency"] for who in everyone] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [found[who]["often"] for who in everyone] == [2, 2, 2, 2, 2, 2, 2, 4, 5, 5]
    assert [found[who]["money"] for who in everyone] == [2, 2, 2, 2, 2, 2, 2, 4, 5, 5]
    assert [found[who]["segment"] for who in everyone[-3:]] == ["champions"] * 3
    again = await scored(shop.conn)
    assert again == found


async def test_one_payer_is_in_the_middle(shop: Shop, member: MakeMember) -> None:
    ann = await member()
    await shop.pays("1", ann, "2026-01-05 10:00")
    row = (await scored(shop.conn))[ann]
    assert (row["recency"], row["often"], row["money"], row["segment"]) == (3, 3, 3, "cooling")


async def segment_of(conn: Connection, recency: int, often: int, money: int, first_on: date) -> str:
    text = f"SELECT {queries.segment} AS segment FROM (VALUES (%(r)s, %(f)s, %(m)s, %(first)s::date)) AS s" \
        " (recency, often, money, first_on)"  # fmt: skip
    values = {"r": recency, "f": often, "m": money, "first": first_on, "day": TODAY}
    return str((await one(await conn.execute(text, values)))["segment"])


async def test_every_payer_is_in_one_segment_and_every_segment_can_be_had(conn: Connection) -> None:
    long_ago = date(2025, 1, 1)
    found = {
        scores: await segment_of(conn, *scores, long_ago) for scores in product(range(1, 6), range(1, 6), range(1, 6))
    }
    assert {*found.values(), "new"} == {each.value for each in Segment}
    assert found[5, 5, 5] == found[4, 4, 4] == "champions"
    assert found[3, 5, 5] == "loyal"
    assert found[5, 2, 5] == "big_spenders"
    assert found[5, 1, 1] == "promising"
    assert found[3, 3, 3] == "cooling"
    assert found[2, 5, 5] == "cannot_lose"
    assert found[1, 3, 1] == found[2, 1, 3] == "at_risk"
    assert found[1, 2, 2] == "lost"
    assert found[2, 2, 2] == "asleep"
    assert await segment_of(conn, 5, 2, 5, date(2026, 2, 17)) == "new"
    assert await segment_of(conn, 5, 2, 5, date(2026, 2, 16)) == "big_spenders"
    assert await segment_of(conn, 5, 5, 5, date(2026, 3, 17)) == "champions"


DAY = st.integers(0, 40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bought=st.lists(st.tuples(st.integers(1, 9), DAY, st.integers(1, 3)), min_size=1, max_size=30))
async def test_scores_know_order_and_ties(conn: Connection, bought: list[tuple[int, int, int]]) -> None:
    values = ", ".join(
        f"({who}::bigint, 'CNY', date '2026-01-01' + {day}, {minor}::bigint)" for who, day, minor in bought
    )
    paid: Any = f"SELECT * FROM (VALUES {values}) AS v (member_id, currency, day, minor)"
    rows = await (await conn.execute(queries.fill("scored", payers=queries.fill("payers", paid=paid)))).fetchall()
    for column, by in (("recency", "last_on"), ("often", "days"), ("money", "minor")):
        for one_of, other in product(rows, rows):
            if one_of[by] == other[by]:
                assert one_of[column] == other[column]
            elif one_of[by] < other[by]:
                assert one_of[column] <= other[column]
        assert {row[column] for row in rows} <= {1, 2, 3, 4, 5}


async def test_payers_are_scored_once_a_day(shop: Shop, member: MakeMember) -> None:
    ann = await member()
    await shop.pays("1", ann, "2026-03-01 10:00")
    await count(shop.conn, shop.bundle.playbook, NOW)
    rows = await shop.rows("SELECT member_id, counted_at FROM member_values")
    assert rows == [{"member_id": ann, "counted_at": NOW}]
    await count(shop.conn, shop.bundle.playbook, NOW.replace(hour=6))
    assert await shop.rows("SELECT member_id, counted_at FROM member_values") == rows
    await count(shop.conn, shop.bundle.playbook, NOW.replace(day=19))
    assert await shop.rows("SELECT counted_at FROM member_values") == [{"counted_at": NOW.replace(day=19)}]


# As audiences.

FOR_SOME = [
    {**STEP, "name": "one"},
    {**STEP, "name": "best", "segments": ["champions", "loyal"]},
    {**STEP, "name": "gone", "segments": ["lost"]},
]


async def put_into(conn: Connection, member_id: int, segment: str) -> None:
    await conn.execute(
        "INSERT INTO member_values VALUES (%s, 1, 1, 100, 'CNY', 5, 5, 5, %s, %s)", [member_id, segment, NOON]
    )


async def test_a_step_for_segments_is_for_nobody_else(
    conn: Connection, bundle: Any, member: MakeMember, tmp_path: Path
) -> None:
    ann, bob, cat = [await member() for _ in range(3)]
    await put_into(conn, ann, "champions")
    await put_into(conn, bob, "lost")
    with audiences(tmp_path, "offer"):
        offers = with_stages(bundle, "offer", stage={"steps": FOR_SOME}, caps={"per_day": 9, "per_week": 9})
        named = [(row["member_id"], row["step"]) for row in await preview(conn, offers, "offer", NOON)]
        assert sorted(named) == [(ann, "best"), (ann, "one"), (bob, "gone"), (bob, "one"), (cat, "one")]
        assert await tally(conn, offers, "offer", NOON, members=[cat]) != []
        result = await plan(conn, offers, "offer", NOON, bot_id=BOT_ID)
        assert result.steps == {"one": {"send": 3}, "best": {"send": 1}, "gone": {"send": 1}}
        assert result.skipped == {}


async def test_explain_says_that_the_step_is_for_other_segments(
    conn: Connection, bundle: Any, member: MakeMember, tmp_path: Path
) -> None:
    ann, bob = await member(), await member()
    await put_into(conn, ann, "champions")
    with audiences(tmp_path, "offer"):
        offers = with_stages(bundle, "offer", stage={"steps": FOR_SOME})
        of_ann = {step.step: step.outside for step in (await explain(conn, offers, ann, "offer", NOON)).steps}
        of_bob = {step.step: step.outside for step in (await explain(conn, offers, bob, "offer", NOON)).steps}
    assert of_ann == {"one": None, "best": None, "gone": "champions"}
    assert of_bob == {"one": None, "best": "", "gone": ""}


async def test_a_step_for_segments_may_be_compared(
    conn: Connection, bundle: Any, member: MakeMember, tmp_path: Path
) -> None:
    ann, bob = await member(), await member()
    await put_into(conn, ann, "champions")
    await put_into(conn, bob, "lost")
    variants = [{"name": "a", "share": "50%"}, {"name": "b", "share": "50%", "copy": "day_2"}]
    compared = {**FOR_SOME[1], "experiment": {"key": "words", "effect": "5%", "variants": variants}}
    with audiences(tmp_path, "offer"):
        offers = with_stages(bundle, "offer", stage={"steps": [compared]})
        found = await preview(conn, offers, "offer", NOON)
    assert [(row["member_id"], row["step"]) for row in found] == [(ann, "best")]


async def test_what_is_for_others_does_not_collapse_what_is_not(
    conn: Connection, bundle: Any, member: MakeMember, tmp_path: Path
) -> None:
    """A newer step that is for others leaves the older one to be sent."""
    await member()
    newer = """-- name: audience
SELECT
    m.id AS member_id, s.step, 'once' AS occurrence, %(as_of)s::timestamptz - interval '3 hours' / s.place AS due_at,
    %(as_of)s::timestamptz + s.expires_after AS expires_at, m.entered_at AS since_at, %(goals)s::text[] AS goals,
    NULL::text AS barred, '{}'::jsonb AS context
FROM v_members m
CROSS JOIN steps s
WHERE m.in_group AND m.id = ANY (%(members)s)

-- name: absence
SELECT 'unknown' AS absence, NULL::timestamptz AS since_at
"""
    steps = [
        {**STEP, "name": "one", "late": "collapse"},
        {**STEP, "name": "best", "segments": ["new"], "late": "collapse"},
    ]
    with audiences(tmp_path, "offer", text=newer):
        offers = with_stages(bundle, "offer", stage={"steps": steps})
        result = await plan(conn, offers, "offer", NOON, bot_id=BOT_ID)
    assert result.steps == {"one": {"send": 1}}


def test_where_no_step_has_segments_nothing_is_asked(shipped: Any, edited: Edit) -> None:
    stages = shipped.playbook.stages
    for name in stages:
        values = parameters(shipped.playbook, name, stages[name].steps, NOON, None)
        assert "v_member_values" not in statement("plan", values)


def test_a_segment_that_there_is_not_is_refused(edited: Edit) -> None:
    with pytest.raises(Exception, match="champions"):
        _ = edited(steps=[{**STEP, "segments": ["heroes"]}]).playbook
