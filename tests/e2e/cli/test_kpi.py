"""`sop kpi`: what operators type, and what they read."""

import csv
from datetime import timedelta
from io import StringIO

import pytest

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.counting import count
from tests.e2e.cli.conftest import HOSTILE, NOON, MakeMember, Sop

DAY = timedelta(days=1)
"""NOON is Wednesday, 4 March 2026, in the community's zone."""


@pytest.fixture
async def counted(conn: Connection, bundle: Bundle, member: MakeMember) -> list[int]:
    """Three members; this week one of them is admitted, and two are active; last week one was. All is counted."""
    ids = [await member(entered_at=NOON - n * 4 * DAY, in_group=False, left_at=None) for n in range(3)]
    await conn.execute("INSERT INTO groups (id, chat_id, title, registered_at) OVERRIDING SYSTEM VALUE"
                       " VALUES (5, -5, %s, '2026-02-24'), (6, -6, 'Other', '2026-02-24')", [HOSTILE])  # fmt: skip
    await record(conn, [Activity("message", NOON - DAY, ids[0], 5), Activity("click", NOON, ids[1], None)])
    await record(conn, [Activity("message", NOON - 7 * DAY, ids[2], 6)])
    while (await count(conn, bundle.playbook, NOON)).left:
        pass
    return ids


async def lines(sop: Sop, *arguments: object) -> dict[str, list[str]]:
    ran = await sop("kpi", *arguments)
    assert ran.code == 0, ran.err
    return {words[0]: words[1:] for line in ran.out.splitlines() if (words := line.split())}


async def test_every_kpi_beside_last_weeks_and_its_target(sop: Sop, counted: list[int]) -> None:
    shown = await lines(sop)
    assert shown["week"][:5] == ["2026-03-02", "to", "2026-03-08", "so", "far,"]
    assert (await lines(sop, "--week", "2026-02-25"))["week"][:3] == ["2026-02-23", "to", "2026-03-01,"]
    assert shown["active"] == ["2", "1", "-", "-"]
    assert shown["new_members"][:1] == ["1"]
    assert "40%" in shown["first_day"]
    assert {"ltv", "payback_months", "sla_met"} <= set(shown)


@pytest.mark.parametrize(
    ("window", "number"),
    [
        (("--day", "2026-03-04"), "1"),
        (("--week", "2026-03-08"), "2"),
        (("--month", "2026-02-01"), "1"),
        (("--from", "2026-02-25", "--to", "2026-03-03"), "2"),
    ],
)
async def test_one_kpi_over_a_window(sop: Sop, counted: list[int], window: tuple[str, ...], number: str) -> None:
    assert (await lines(sop, "active", *window))["all"][0] == number


async def test_one_kpi_by_group_and_source(sop: Sop, counted: list[int]) -> None:
    ran = await sop("kpi", "active")
    assert "group [bold]<b>[31mEve (5)" in ran.out.replace("\x1b", "")
    assert "\x1b[31mEve" not in ran.out
    assert "from unknown" in ran.out
    ran = await sop("kpi", "active", "--group", "Other", "--week", "2026-02-25")
    assert "group Other (6)" in ran.out
    assert "all" not in ran.out.split()


async def test_the_rows_behind_it(sop: Sop, counted: list[int]) -> None:
    ran = await sop("kpi", "speakers", "--rows")
    assert [line.split()[2] for line in ran.out.splitlines() if line.startswith("2026-")] == [str(counted[0])]
    assert "more with --limit" in (await sop("kpi", "active", "--rows", "--limit", 1)).out


async def test_as_csv_for_a_spreadsheet(sop: Sop, counted: list[int], conn: Connection) -> None:
    await conn.execute("UPDATE groups SET title = '=1+1' WHERE id = 5")
    table = list(csv.reader(StringIO((await sop("kpi", "--csv")).out)))
    assert table[0] == ["KPI", "this", "before", "target", "of"]
    assert ["active", "2", "1", "", ""] in table
    assert "group =1+1 (5)" in (await sop("kpi", "active", "--csv")).out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nonsense",), 1, "nonsense: no such KPI; there are active, "),
        (("active", "--day", "yesterday"), 1, "--day: 'yesterday' is no date"),
        (("active", "--from", "2026-03-04", "--to", "2026-03-01"), 1, "--to: 2026-03-01 is before 2026-03-04"),
        (("active", "--group", "Nowhere"), 1, "--group: 'Nowhere' names 0 groups; there are none"),
        (("active", "--day", "2026-03-04", "--week", "2026-03-04"), 2, "give one of"),
        (("--rows",), 2, "go with the NAME"),
    ],
)
async def test_what_is_wrong_is_told(
    sop: Sop, bundle: Bundle, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ran = await sop("kpi", *arguments)
    assert ran.code == code
    assert says in " ".join(ran.err.split())


async def test_what_is_not_counted_is_said(sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    assert "Nothing is counted yet" in (await sop("kpi")).out
    await count(conn, bundle.playbook, NOON)
    assert "counted" not in (await sop("kpi")).out
    await record(conn, [Activity("message", NOON - 20 * DAY, await member())])
    assert "1 day still to be counted anew, 2026-02-12 to 2026-02-12." in (await sop("kpi")).out
