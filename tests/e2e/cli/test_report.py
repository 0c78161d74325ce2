"""`sop report`: printed, and written as a page and a workbook."""

from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.report_tables import WEEKLY
from tests.e2e.cli.conftest import HOSTILE, MakeMember, Sop
from tests.integration.insight.kit import local
from tests.integration.insight.report_kit import put


@pytest.fixture
async def lived(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """Two newcomers in the week from 23 February, one in the week before; one by a source of an odd name."""
    await conn.execute(
        "INSERT INTO links (token, kind, source, created_at)"
        " VALUES ('a', 'entry', jsonb_build_object('utm_source', %s::text), now())",
        [HOSTILE],
    )
    for when, token in (("2026-02-17 09:00", None), ("2026-02-24 09:00", None), ("2026-03-01 09:00", "a")):
        await member(entered_at=local(when), link_token=token)


async def test_the_last_whole_week_is_printed(sop: Sop, lived: None) -> None:
    ran = await sop("report", "weekly", "--locale", "en")
    assert ran.code == 0
    assert "Weekly report · 23 Feb 2026 to 1 Mar 2026" in ran.out
    (line,) = [line for line in ran.out.splitlines() if line.startswith("New members  ")]
    assert line.split()[:4] == ["New", "members", "2", "1"]
    assert line.rstrip().endswith("new_members")
    assert "sop kpi NAME --week 2026-02-23 --rows" in ran.out
    assert "\x1b" not in ran.out


async def test_any_past_week_or_month(sop: Sop, lived: None) -> None:
    assert "2026年2月16日 至 2026年2月22日" in (await sop("report", "weekly", "--as-of", "2026-02-25")).out
    ran = await sop("report", "monthly", "--as-of", "2026-03-31", "--locale", "zh-Hant")
    assert "月度檢討 · 2026年2月1日 至 2026年2月28日" in ran.out
    assert "sop kpi NAME --month 2026-02-01 --rows" in ran.out


async def test_yesterday_with_what_is_to_be_done_first(sop: Sop, conn: Connection, lived: None) -> None:
    await put(conn, "first_week", date(2026, 2, 16), hits=2, base=50)
    ran = await sop("report", "daily", "--as-of", "2026-02-25", "--locale", "en")
    assert (ran.code, "Daily watch · 24 Feb 2026" in ran.out) == (0, True)
    assert ran.out.index("To be done first") < ran.out.index("Worth noting")
    assert "Interacted in the first week is 4.0%, below 30%" in ran.out
    assert "sop kpi first_week --week 2026-02-16 --rows" in ran.out
    (line,) = [line for line in ran.out.splitlines() if line.startswith("New members  ")]
    assert line.split()[2:4] == ["1", "1"], "beside the same weekday a week before"
    kept = await (await conn.execute("SELECT FROM reports")).fetchall()
    assert kept == await (await conn.execute("SELECT FROM messages")).fetchall() == []


async def test_written_as_a_page_and_a_workbook(sop: Sop, lived: None, tmp_path: Path) -> None:
    html, xlsx = tmp_path / "r.html", tmp_path / "r.xlsx"
    ran = await sop("report", "weekly", "--html", html, "--xlsx", xlsx)
    assert ran.out.splitlines()[-2:] == [f"Written: {html}", f"Written: {xlsx}"]
    text = html.read_text()
    assert "<b>" not in text
    assert "&lt;b&gt;" in text
    book = load_workbook(BytesIO(xlsx.read_bytes()))
    assert len(book.sheetnames) == 1 + len(WEEKLY)
    assert not (tmp_path / ".r.html.part").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--as-of", "last week"), "--as-of: 'last week' is not a day; write it as 2026-03-16"),
        (("--as-of", "1800-01-01"), "--as-of: '1800-01-01' is not a day"),
        (("--locale", "fr"), "--locale: fr is not offered; the playbook has zh-Hans, zh-Hant, en"),
        (("--html", "/nowhere/r.html"), "/nowhere/r.html: No such file or directory; give a file"),
    ],
)
async def test_what_is_wrong_is_named(sop: Sop, lived: None, arguments: tuple[str, ...], why: str) -> None:
    ran = await sop("report", "weekly", *arguments)
    assert ran.code == 1
    assert ran.err.startswith(why)
