"""Reports on the dashboard: those that were kept, as pages of their own and as workbooks."""

import re
from collections.abc import AsyncIterator
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.insight.report import make, store, window_for
from tests.integration.dashboard.kit import Desk, opened_desk
from tests.integration.insight.kit import NOW, ZONE
from tests.integration.insight.report_kit import busy_week, counted_already

__all__ = ["counted_already"]
WEEK = "/dashboard/reports/weekly/2026-03-09"


@pytest.fixture
async def desk(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> AsyncIterator[Desk]:
    async with opened_desk(pool, conn, database_url) as opened:
        await opened.enter()
        yield opened


@pytest.fixture
async def made(desk: Desk, bundle: Bundle, counted_already: None) -> None:
    """The report of a busy week, made twice, of the month before, and of the week's last day."""
    await busy_week(desk.conn)
    for kind, day in (
        ("weekly", date(2026, 3, 16)),
        ("weekly", date(2026, 3, 16)),
        ("monthly", date(2026, 3, 1)),
        ("daily", date(2026, 3, 16)),
    ):
        asked = window_for(kind, day, ZONE)  # type: ignore[arg-type]
        await store(desk.conn, await make(desk.conn, bundle, kind, asked, NOW))  # type: ignore[arg-type]


async def test_those_that_are_kept_are_listed_once(desk: Desk, made: None) -> None:
    page = await desk.page("/dashboard/reports")
    there = re.findall(r'href="(/dashboard/reports/[^"]+)"', page)
    month = "/dashboard/reports/monthly/2026-02-01"
    day = "/dashboard/reports/daily/2026-03-15"
    assert there == [WEEK, f"{WEEK}.xlsx", month, f"{month}.xlsx", day, f"{day}.xlsx"]
    assert "To be done first" in await desk.page(day)
    assert "9 Mar – 15 Mar" in page


async def test_a_report_is_a_page_of_its_own_whose_numbers_lead_back(desk: Desk, made: None) -> None:
    answer = await desk.get(WEEK, **{"Accept-Language": "zh-CN"})
    page = await answer.text()
    assert '<html lang="zh-Hans">' in page
    assert "值得注意" in page
    assert "<svg" in page
    [first, *_] = re.findall(r'href="(/dashboard/kpi/new_members[^"]*)"', page)
    assert "New members" in await desk.page(first.replace("&amp;", "&"))
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


async def test_a_report_is_a_workbook(desk: Desk, made: None) -> None:
    answer = await desk.get(f"{WEEK}.xlsx")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="weekly-2026-03-09.xlsx"'
    book = load_workbook(BytesIO(await answer.read()))
    assert book.sheetnames[:2] == ["Weekly report", "Growth and sources"]


@pytest.mark.parametrize(
    "path", [f"{WEEK[:-2]}16", f"{WEEK}.xls", "/dashboard/reports/watch/2026-03-09", f"{WEEK[:-2]}"]
)
async def test_what_is_not_there_is_said(desk: Desk, made: None, path: str) -> None:
    assert (await desk.get(path)).status == 404
    desk.http.cookie_jar.clear()
    assert (await desk.get(WEEK)).status == 303, "nobody sees one without signing in"


async def test_a_template_of_an_operator_that_fails_loses_no_report(
    pool: Pool, conn: Connection, bundle: Bundle, database_url: str, tmp_path: Path, counted_already: None
) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "report.html.j2").write_text("{{ nothing.at.all }}")
    asked = window_for("weekly", date(2026, 3, 16), ZONE)
    await store(conn, await make(conn, bundle, "weekly", asked, NOW))
    async with opened_desk(pool, conn, database_url, playbook_dir=tmp_path) as desk:
        await desk.enter()
        assert "Worth noting" in await desk.page(WEEK)
