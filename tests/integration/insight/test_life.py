"""Stages of a group's life, and its health, by what is counted."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.life import ENDS, Stage, lives, stage_of
from community.playbook import Playbook
from tests.integration.insight.kit import groups, week
from tests.integration.rows import one

MONDAY = date(2026, 3, 16)
WEEK = week("2026-03-16")
"""It ends before the 23rd."""


async def group(conn: Connection, age_days: int) -> int:
    """A group that is so old when the week ends."""
    made = await conn.execute(
        "INSERT INTO groups (chat_id, title, registered_at) VALUES (%s, 'G', %s) RETURNING id",
        [-3000 - age_days, WEEK.until_at - timedelta(days=age_days) + timedelta(hours=1)],
    )
    return int((await one(made))["id"])


async def put(conn: Connection, kpi: str, group_id: int, *weeks: tuple[int, int], **columns: Any) -> None:
    """Hits and base of a KPI: of the week, of the one before it …"""
    for n, (hits, base) in enumerate(weeks):
        values = {"kpi": kpi, "span": "week", "since": MONDAY - timedelta(weeks=n), "group_id": group_id}
        values |= {"hits": hits, "base": base, **columns}
        names, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
        await conn.execute(f"INSERT INTO kpi_values ({names}) VALUES ({places})", values)


@pytest.mark.parametrize(
    ("age", "stage"),
    [(0, "start"), (6, "start"), (7, "growth"), (29, "growth"), (30, "conversion"), (89, "conversion"),
     (90, "maturity"), (4000, "maturity")],
)  # fmt: skip
def test_a_stage_is_by_age(age: int, stage: str) -> None:
    assert stage_of(age) is Stage(stage)


@given(st.integers(0, 10_000))
def test_stages_never_go_back(age: int) -> None:
    order = [*ENDS, Stage.maturity]
    assert order.index(stage_of(age)) <= order.index(stage_of(age + 1))


async def test_metrics_of_the_stage_against_their_goals(conn: Connection, playbook: Playbook) -> None:
    """10 days old: speaking 10 of 100 (goal 20 %), active 40 of 100 (goal 40 %), engaged 1 of 29: too few to say."""
    ours = await group(conn, 10)
    await put(conn, "speaking_rate", ours, (10, 100))
    await put(conn, "active_rate", ours, (40, 100))
    await put(conn, "engaged_24h", ours, (1, 29))
    (found,) = await lives(conn, playbook, WEEK)
    assert (found.group_id, found.age_days, found.stage) == (ours, 10, Stage.growth)
    assert {metric.kpi: metric.met for metric in found.metrics} == {
        "speaking_rate": False,
        "active_rate": True,
        "engaged_24h": None,
    }
    assert found.advice == ["growth.speaking_rate"]


async def test_what_is_not_counted_is_not_known(conn: Connection, playbook: Playbook) -> None:
    await group(conn, 3)
    (found,) = await lives(conn, playbook, WEEK)
    assert [metric.kpi for metric in found.metrics] == ["entry_rate", "told_interest", "first_week"]
    assert all(metric.met is None and metric.value is None for metric in found.metrics)
    assert found.advice == []


async def test_spreading_goes_on_beside(conn: Connection, playbook: Playbook) -> None:
    """A year old: churn 9 % of 100 is above its goal of 8 %; a share of key members of 2 % is enough."""
    ours = await group(conn, 365)
    await put(conn, "churn", ours, (9, 100))
    await put(conn, "koc_share", ours, (2, 100))
    (found,) = await lives(conn, playbook, WEEK)
    assert found.stage is Stage.maturity
    assert [metric.stage for metric in found.metrics] == [*[Stage.maturity] * 3, *[Stage.spread] * 2]
    assert {metric.kpi: metric.met for metric in found.metrics if metric.value} == {"churn": False, "koc_share": True}
    assert found.advice == ["maturity.churn"]


async def test_money_is_compared_in_the_goals_currency(conn: Connection, playbook: Playbook) -> None:
    # 40 orders of 10,000 CNY in all: 250 each, above 199; USD is another number.
    ours = await group(conn, 40)
    await put(conn, "average_order", ours, (40, 40), minor=1_000_000, currency="CNY")
    await put(conn, "average_order", ours, (40, 40), minor=1, currency="USD")
    (found,) = await lives(conn, playbook, WEEK)
    assert {metric.kpi: metric.met for metric in found.metrics if metric.value} == {"average_order": True}


async def test_health_is_against_the_groups_own_four_weeks(conn: Connection, playbook: Playbook) -> None:
    """Speaking 14 %, before 20, 24, 20 and nothing of nobody: usual 21.33 %; a quarter less is 16 %: worse.

    Leaves 6, before 4, 4, none counted (0) and 8: usual 4; a quarter more is 5: worse. Joins 3 of usual 4: just not.
    """
    ours = await group(conn, 100)
    await put(conn, "speaking_rate", ours, (14, 100), (20, 100), (24, 100), (20, 100), (0, 0), (100, 100))
    await put(conn, "leaves", ours, (6, 6), (4, 4), (4, 4))
    await conn.execute(
        "INSERT INTO kpi_values (kpi, span, since, group_id, hits) VALUES ('leaves', 'week', %s, %s, 8)",
        [MONDAY - timedelta(weeks=4), ours],
    )
    await put(conn, "joins", ours, (3, 3), (4, 4), (4, 4), (4, 4), (4, 4))
    (found,) = await lives(conn, playbook, WEEK)
    of = {health.kpi: health for health in found.health}
    assert of["speaking_rate"].usual == pytest.approx(0.64 / 3)
    assert of["leaves"].usual == 4
    assert {kpi for kpi, health in of.items() if health.worse} == {"speaking_rate", "leaves"}
    assert of["joins"].change == -0.25


async def test_weeks_before_a_group_are_not_held_against_it(conn: Connection, playbook: Playbook) -> None:
    # 21 days old at the week's end: it had two whole weeks before. 6 days old: none.
    two, young = await group(conn, 21), await group(conn, 6)
    for ours in (two, young):
        await put(conn, "joins", ours, (8, 8), (4, 4), (4, 4))
    found = {life.group_id: {h.kpi: h for h in life.health}["joins"] for life in await lives(conn, playbook, WEEK)}
    assert (found[two].usual, found[young].usual, found[young].worse) == (4, None, False)


async def test_groups_as_they_were_then(conn: Connection, playbook: Playbook) -> None:
    gone, *_ = await groups(conn, 2)
    await conn.execute("UPDATE groups SET lost_at = %s WHERE id = %s", [WEEK.until_at - timedelta(days=1), gone])
    await conn.execute("UPDATE groups SET lost_at = %s WHERE id <> %s", [WEEK.until_at + timedelta(days=1), gone])
    assert len(await lives(conn, playbook, WEEK)) == 1
    assert await lives(conn, playbook, week("2025-12-01")) == []


async def test_goals_are_the_playbooks(conn: Connection, edited: Callable[..., Bundle]) -> None:
    playbook = edited(insight={"life": {"growth": {"messages": "100"}}}).playbook
    ours = await group(conn, 10)
    await put(conn, "messages", ours, (3, 3), minor=99)
    (found,) = await lives(conn, playbook, WEEK)
    assert found.advice == ["growth.messages"]
