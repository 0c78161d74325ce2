"""Behind numbers that are no KPI their rows: linked from the page, by pages, as a file, for those who are signed in."""

import csv
import re
from collections.abc import AsyncIterator
from datetime import date
from io import StringIO

import pytest

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.insight.cohorts import count_cohorts
from community.insight.report import make, store, window_for
from tests.integration.conftest import MakeMember
from tests.integration.dashboard.kit import Desk, opened_desk
from tests.integration.insight.kit import NOW, ZONE, did, local, week
from tests.integration.insight.report_kit import counted_already, insert
from tests.integration.rows import set_member

__all__ = ["counted_already"]
HOSTILE = '=1+1<script>alert(1)</script> {{ 7*7 }} "'
SHOWN = "=1+1&lt;script&gt;alert(1)&lt;∕script&gt; {{ 7*7 }} &#34;"
OF_WEEK = "from=2026-03-09&to=2026-03-15"


@pytest.fixture
async def desk(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> AsyncIterator[Desk]:
    async with opened_desk(pool, conn, database_url) as opened:
        await opened.enter()
        yield opened


@pytest.fixture
async def lived(desk: Desk, bundle: Bundle, member: MakeMember) -> list[int]:
    """Three came by a source of an odd name in the week of 9 March, registered, and wrote; one of them complained."""
    conn = desk.conn
    await conn.execute(
        "INSERT INTO links (token, kind, source, created_at)"
        " VALUES ('o', 'entry', jsonb_build_object('utm_source', %s::text), now())",
        [HOSTILE],
    )
    await insert(
        conn, "ad_spend", day=date(2026, 3, 10), source=HOSTILE, campaign="problem", currency="CNY", impressions=12_000
    )
    await insert(
        conn, "lives", title=HOSTILE, url="https://x.example", announce_at=local("2026-03-09 09:00"),
        created_at=local("2026-03-09 09:00"), starts_at=local("2026-03-11 20:00"), ends_at=local("2026-03-11 21:00"),
        window_until_at=local("2026-03-13 21:00"),
    )  # fmt: skip
    who = [await member(first_name=name, entered_at=local("2026-03-10 10:00")) for name in (HOSTILE, "乙", "丙")]
    for n, each in enumerate(who):
        await set_member(conn, each, link_token="o", first_seen_at=local(f"2026-03-10 09:0{n}"))
        await insert(conn, "member_days", day=date(2026, 3, 10), member_id=each, group_id=0, private=1)
        await insert(
            conn, "live_attendances", live_id=1, member_id=each, registered_at=local(f"2026-03-10 1{n}:00"),
            registered_by="button", watched_at=local("2026-03-11 20:01") if n else None,
        )  # fmt: skip
        await did(conn, each, "private", "2026-03-10 11:00")
    await insert(
        conn, "follow_ups", member_id=who[0], kind="complaint", note="secret", created_at=local("2026-03-11 10:00"),
        due_at=local("2026-03-12 10:00"), occurrence="x",
    )  # fmt: skip
    await count_cohorts(conn, week("2026-03-10"), bundle.playbook.signs.activity)
    return who


def links(page: str, part: str) -> list[str]:
    """The addresses on a page that have this in them."""
    return [each.replace("&amp;", "&") for each in re.findall(r'href="([^"]+)"', page) if part in each]


def members(page: str) -> list[str]:
    """Names in a list of rows."""
    return re.findall(r'<th scope="row">(.*?)(?: <span|</th>)', page.partition("<tbody>")[2])


async def test_steps_of_the_funnel(desk: Desk, lived: list[int]) -> None:
    page = await desk.page(f"/dashboard/funnel?{OF_WEEK}")
    every, of_source = links(page, "/funnel/started/rows")
    assert ("source=" in every, "source=" in of_source) == (False, True)
    for address in (every, of_source):
        assert members(await desk.page(address)) == [SHOWN, "乙", "丙"]
    shown = await desk.page(links(page, "/funnel/impressions/rows")[0])
    assert "12,000" in shown
    assert SHOWN.replace("∕", "/") in shown
    assert "<script>" not in shown
    assert ">problem<" in shown, "a campaign, and no kind of task"
    assert members(await desk.page(links(page, "/funnel/started/rows")[0] + "&source=elsewhere")) == []


async def test_who_came_to_a_session(desk: Desk, lived: list[int]) -> None:
    page = await desk.page("/dashboard/lives")
    [registered], [watched] = links(page, "rows?of=registered"), links(page, "rows?of=watched")
    shown = await desk.page(registered)
    assert members(shown) == [SHOWN, "乙", "丙"]
    assert f"{SHOWN[:4]}&lt;script&gt;" in shown.partition("<main")[2].partition("<section")[0], "what it is called"
    assert members(await desk.page(watched)) == ["乙", "丙"]


async def test_cells_of_the_cohorts(desk: Desk, lived: list[int]) -> None:
    page = await desk.page("/dashboard/cohorts")
    [address] = links(page, "/cohorts/2026-03-09/rows")
    assert members(await desk.page(address)) == [SHOWN, "乙", "丙"]
    assert members(await desk.page("/dashboard/cohorts/2026-03-09/rows?week=1")) == []
    assert members(await desk.page("/dashboard/cohorts/2026-03-02/rows?week=1")) == []


async def test_a_reports_quadrants_and_sessions(
    desk: Desk, lived: list[int], bundle: Bundle, counted_already: None
) -> None:
    asked = window_for("weekly", date(2026, 3, 16), ZONE)
    await store(desk.conn, await make(desk.conn, bundle, "weekly", asked, NOW))
    page = await desk.page("/dashboard/reports/weekly/2026-03-09")
    now, before, opened, done = links(page, "/feedback/complaint/rows")
    assert members(await desk.page(now)) == members(await desk.page(opened)) == [SHOWN]
    assert members(await desk.page(before)) == members(await desk.page(done)) == []
    assert "secret" not in await desk.page(opened)
    assert members(await desk.page(links(page, "/lives/1/rows?of=watched")[0])) == ["乙", "丙"]


async def test_by_pages_and_as_a_file(desk: Desk, lived: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("community.gateway.dashboard.drill.A_PAGE", 2)
    first = await desk.page(f"/dashboard/lives/1/rows?of=registered&{OF_WEEK}")
    assert members(first) == [SHOWN, "乙"]
    [later] = re.findall(r'href="([^"]+)" rel="next"', first)
    assert members(await desk.page(later.replace("&amp;", "&"))) == ["丙"]
    [file] = links(first, "rows.csv")
    answer = await desk.get(file)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="lives-1.csv"'
    table = list(csv.DictReader(StringIO((await answer.text()).removeprefix("\ufeff"))))
    assert [row["name"][:5] for row in table] == ["'=1+1", "乙", "丙"], "it runs nothing"
    assert {row["source"][:5] for row in table} == {"'=1+1"}


@pytest.mark.parametrize(
    "path",
    ["funnel/nothing", "feedback/nothing", "lives/x", f"lives/{'9' * 40}", "cohorts/x", "cohorts/9999-12-31", "board/x",
     "feedback/complaint/rows?of=x", "lives/1/rows?of=x", "cohorts/2026-03-09/rows?week=x"],
)  # fmt: skip
async def test_what_is_not_there_is_said_to_those_who_are_signed_in(desk: Desk, path: str) -> None:
    path = f"/dashboard/{path}" if "?" in path else f"/dashboard/{path}/rows"
    assert (await desk.get(path)).status == 404
    desk.http.cookie_jar.clear()
    for each in (path, "/dashboard/funnel/started/rows", "/dashboard/funnel/started/rows.csv"):
        assert (await desk.get(each)).status == 303
