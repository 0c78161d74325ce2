"""Reports: hand-computed numbers against the window before and the target, what is notable, every form they take."""

from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from openpyxl import load_workbook

from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.charts import Chart, Series, png, svg
from community.insight.figures import Report
from community.insight.report import Kind, make, store, stored, window_for
from community.insight.report_pages import ReportPages, marked, report_html
from community.insight.report_post import LONGEST, told
from community.insight.report_tables import MONTHLY, WEEKLY
from community.insight.sheets import workbook
from community.insight.windows import Span
from community.kpis import DERIVED, KPIS
from community.playbook import Playbook
from community.sandbox.pictures import measured
from community.telegram_html import CAPTION_LIMIT
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import ZONE, did, local
from tests.integration.insight.report_kit import (
    MONDAY,
    busy_week,
    counted_already,
    hits,
    insert,
    money,
    put,
    shares,
    weeks,
)
from tests.shipped import TEMPLATES

__all__ = ["counted_already"]

AT = datetime(2026, 3, 16, 1, tzinfo=UTC)
"""Monday, 16 March, 09:00 in the community's zone."""
LOCALES = ("zh-Hans", "zh-Hant", "en")


async def weekly(conn: Connection, bundle: Bundle, day: date = date(2026, 3, 16), kind: Kind = "weekly") -> Report:
    return await make(conn, bundle, kind, window_for(kind, day, ZONE), AT)


@pytest.fixture
async def busy(conn: Connection, bundle: Bundle, counted_already: None) -> Report:
    """The report of a week with something in each section, whose texts are as hostile as they may be."""
    await busy_week(conn)
    live = {"title": "=1+1<script>alert(1)</script>|x", "speaker": "Ann", "url": "https://x.example"}
    moments = {"announce_at": local("2026-03-09 09:00"), "created_at": local("2026-03-01 09:00"),
               "starts_at": local("2026-03-11 20:00"), "ends_at": local("2026-03-11 21:00"),
               "window_until_at": local("2026-03-13 21:00")}  # fmt: skip
    await insert(conn, "lives", **live, **moments)
    alert = {"subject": "a", "what": "+A run <failed>", "place": "weekly", "next_step": "look", "times": 0}
    await insert(conn, "alerts", **alert, since_at=local("2026-03-10 10:00"), last_at=local("2026-03-10 10:00"))
    return await weekly(conn, bundle)


def pages(dashboard: str | None = None) -> ReportPages:
    return ReportPages(TEMPLATES, dashboard)


# What it says.


async def test_a_report_is_about_the_last_whole_week_or_month() -> None:
    assert window_for("weekly", date(2026, 3, 16), ZONE).since == MONDAY
    assert window_for("weekly", date(2026, 3, 22), ZONE).since == MONDAY
    assert window_for("monthly", date(2026, 3, 1), ZONE).since == date(2026, 2, 1)


async def test_counts_the_week_anew_and_the_one_before_if_nobody_had(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    for when in ("2026-03-03 10:00", "2026-03-10 10:00", "2026-03-15 23:59", "2026-03-16 00:00"):
        await member(entered_at=local(when))
    report = await weekly(conn, bundle)
    figure = report.figure("new_members")
    assert figure is not None
    assert (figure.number, figure.before, figure.trend[-2:]) == (2, 1, [1, 2])
    assert report.whole
    await member(entered_at=local("2026-03-09 00:00"))
    again = (await weekly(conn, bundle)).figure("new_members")
    assert again is not None
    assert again.number == 3


async def test_each_number_with_last_weeks_its_change_and_its_target(busy: Report) -> None:
    first_day = busy.figure("first_day")
    assert first_day is not None
    assert (first_day.hits, first_day.base, first_day.target, first_day.met) == (44, 160, 0.4, False)
    assert first_day.change == pytest.approx(44 / 160 - 44 / 101)
    revenue = busy.figure("revenue")
    assert revenue is not None
    assert (revenue.number, revenue.before, revenue.currency) == (99_000, 120_000, "CNY")
    assert revenue.change == pytest.approx(-0.175)
    trial = busy.figure("trial_to_paid")
    assert trial is not None
    assert (trial.small, trial.met) == (True, True)
    assert busy.figure("mrr_movements", "churn").good is None  # type: ignore[union-attr]


async def test_notable_is_what_chance_does_not_explain_and_what_misses_its_target(busy: Report) -> None:
    said = [(each.why, each.figure.name) for each in busy.notable]
    assert said == [("missed", "free_to_paid"), ("missed", "first_day"), ("changed", "new_members")]
    # Messages more than doubled, but one member alone may write as many.
    assert busy.figure("messages").change == pytest.approx(31 / 19)  # type: ignore[union-attr]


async def test_a_quiet_week_has_nothing_notable(conn: Connection, bundle: Bundle, counted_already: None) -> None:
    await weeks(conn, "new_members", hits(10, 13))
    await weeks(conn, "first_day", shares((4, 10), (4, 13)))
    await weeks(conn, "revenue", money((10_000, 2), (20_000, 3)))
    report = await weekly(conn, bundle)
    assert report.notable == []
    words = pages().words("en", "en")
    assert words["nothing_notable"] in pages().html(report, "en")


async def test_sources_sessions_stages_and_channels(busy: Report) -> None:
    (sources,) = busy.section("growth").tables
    assert [row[:2] for row in sources.rows] == [["notes", 90], ["=cmd|'/c calc'!A1", 60], ["unknown", 10]]
    (lives,) = busy.section("lives").tables
    assert lives.rows[0][2:] == [0, 0, 8, pytest.approx(8 / 140)]
    (stages,) = busy.section("outreach").tables
    names = [column.name for column in stages.columns]
    row = dict(zip(names, stages.rows[0], strict=True))
    assert (row["stage"], row["accepted"], row["engaged_24h"]) == ("stage:welcome_drip", 190, pytest.approx(90 / 190))
    (channels,) = busy.section("payments").tables
    assert channels.rows == [["notes", 4, 40_000, 20_000, 5_000, pytest.approx(1.0)]]


async def test_operators_load_is_what_they_did_and_what_is_open(
    conn: Connection, bundle: Bundle, playbook: Playbook, member: MakeMember
) -> None:
    ann, since, week = await member(), local("2026-03-08 09:00"), timedelta(days=7)
    task = {"member_id": ann, "kind": "talk", "note": "", "created_at": since, "due_at": since + timedelta(days=2)}
    for hours, by in ((30, "Mei"), (70, "Mei"), (30, "=Li"), (170, "Mei"), (None, None)):
        done = since + timedelta(hours=hours) if hours else None
        await insert(conn, "follow_ups", **task, occurrence=f"{hours}{by}", done_at=done, done_by=by)
    late = {**task, "created_at": since + week, "due_at": since + week, "occurrence": "next week"}
    await insert(conn, "follow_ups", **late)
    load, operators = (await weekly(conn, bundle)).section("load").tables
    # Done on 15 March at 11:00 is in the week; two are open at its end: the one nobody did, and next week's.
    shown = {row[0]: row[1] for row in load.rows}
    assert (shown["open"], shown["late"]) == (2, 2)
    minutes = playbook.insight.task_minutes * 60
    assert operators.rows == [["Mei", 3, 2, 3 * minutes], ["=Li", 1, 0, minutes]]


async def test_the_month_says_what_remains_who_is_active_and_what_content_engaged(
    conn: Connection, bundle: Bundle, counted_already: None, member: MakeMember
) -> None:
    month, day = Span.month, date(2026, 2, 1)
    ann, bob, eve = await member(), await member(), await member()
    for who in (ann, bob, eve):
        await did(conn, who, "message", "2026-02-10 10:00")
        await insert(conn, "member_days", day=date(2026, 2, 10), member_id=who, group_id=0, message=1)
    term = {
        "line": "membership",
        "starts_at": local("2026-01-15 09:00"),
        "source": "staff",
        "granted_by": "Mei",
        "changed_at": local("2026-01-15 09:00"),
    }
    end = local("2026-03-15 09:00")
    await insert(conn, "terms", member_id=ann, plan="month", trial=False, ends_at=end, counted_from_at=end, **term)
    await insert(conn, "terms", member_id=bob, plan="trial_7d", trial=True, ends_at=end, counted_from_at=end, **term)
    await put(conn, "arpu", day, month, hits=50, base=50, minor=500_000, currency="CNY")
    await put(conn, "churn", day, month, hits=5, base=50)
    for step, (engaged, of) in {"s/good": (60, 100), "s/lucky": (3, 3), "s/poor": (5, 100), "s/fair": (30, 60)}.items():
        await put(conn, "engaged_24h", day, month, part=step, hits=engaged, base=of)
    report = await weekly(conn, bundle, date(2026, 3, 1), "monthly")
    ltv = report.figure("ltv")
    assert ltv is not None
    assert (ltv.number, ltv.unit, ltv.currency) == (pytest.approx(100_000), "money", "CNY")
    (mix,) = report.section("mix").tables
    assert [row[:2] for row in mix.rows] == [["paid", 1], ["trial", 1], ["free", 1]]
    (content,) = report.section("content").tables
    assert content.keys == ["s/good", "s/fair", "s/poor"]
    assert all(figure.target is None for section in report.sections for figure in section.figures)


async def test_every_kpi_is_in_a_report() -> None:
    shown = {name for names in (*WEEKLY.values(), *MONTHLY.values()) for name in names} | {"mrr_movements"}
    assert {*KPIS, *DERIVED} - shown == set()


async def test_kept_whole_and_the_newest_is_shown(conn: Connection, busy: Report) -> None:
    await store(conn, busy)
    assert await stored(conn, "weekly", MONDAY) == busy
    assert await stored(conn, "weekly") == busy
    assert await stored(conn, "monthly") is None


# How it is shown.


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes

    def all(self, name: str) -> list[str]:
        return [value or "" for key, value in self.attributes if key == name]


@pytest.mark.parametrize("locale", LOCALES)
async def test_the_page_needs_nothing_else_and_runs_nothing(busy: Report, locale: str) -> None:
    text = report_html(busy, locale, TEMPLATES)
    page = Page(text)
    assert {"script", "img", "link", "iframe", "object"} & set(page.tags) == set()
    assert [value for value in page.all("href") if not value.startswith("#c")] == []
    assert page.tags.count("section") == 3 + len(busy.sections)
    assert len(page.all("id")) == len(set(page.all("id")))
    assert "alert(1)&lt;/script&gt;" in text
    assert [name for name, _ in page.attributes if name.startswith("on")] == []


async def test_numbers_lead_to_their_rows_where_there_is_a_dashboard(busy: Report) -> None:
    there = Page(report_html(busy, "en", TEMPLATES, "https://c.example/dashboard")).all("href")
    span = "from=2026-03-09&to=2026-03-15&span=week"
    assert f"https://c.example/dashboard/kpi/new_members?{span}" in there
    assert f"https://c.example/dashboard/kpi/new_members?{span}&source=notes" in there
    assert f"https://c.example/dashboard/kpi/mrr_movements/rows?{span}&part=churn" in there
    assert f"https://c.example/dashboard/kpi/live_to_paid/rows?{span}&part=1" in there
    assert "sop kpi NAME --week 2026-03-09 --rows" in report_html(busy, "en", TEMPLATES)


@pytest.mark.parametrize("locale", LOCALES)
async def test_markdown_has_a_table_for_each_section_and_nothing_of_it_breaks_out(busy: Report, locale: str) -> None:
    text = pages().markdown(busy, locale)
    lines = text.splitlines()
    tables = [line for line in lines if line.startswith("|---")]
    assert len(tables) == sum(bool(s.figures) for s in busy.sections) + sum(
        bool(table.rows) for section in busy.sections for table in section.tables
    )
    at = next(n for n, line in enumerate(lines) if "alert(1)" in line)
    assert "\\<script\\>" in lines[at]
    assert "\\|x" in lines[at]
    cells = {line.replace("\\|", "").count("|") for line in lines[at - 1 : at + 1]}
    assert len(cells) == 1
    assert marked("[x](javascript:1)\n`y`") == "\\[x\\](javascript:1) \\`y\\`"


async def test_a_workbook_has_numbers_as_numbers_and_runs_no_text(busy: Report) -> None:
    book = load_workbook(BytesIO(workbook(busy, pages().words("en", "en"))))
    assert book.sheetnames[:2] == ["Weekly report", "Growth and sources"]
    assert len(book.sheetnames) == 1 + len(busy.sections)
    growth = {row[0].value: row for row in book["Growth and sources"].iter_rows()}
    number = growth["New members"][1]
    assert (number.value, number.number_format) == (160, "#,##0")
    share = growth["Interacted on the first day"][1]
    assert (share.value, share.number_format) == (pytest.approx(0.275), "0.0%")
    assert growth["Interacted on the first day"][4].value == pytest.approx(0.4)
    money_ = next(r for r in book["Payments and conversion"].iter_rows() if r[0].value == "Revenue")[1]
    assert (money_.value, money_.number_format) == (990, '#,##0.00 "CNY"')
    source = growth["=cmd|'/c calc'!A1"][0]
    assert (source.data_type, source.quotePrefix) == ("s", True)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert [cell for cell in cells if cell.data_type == "f"] == []
    assert any(str(cell.value).startswith("+A run") and cell.quotePrefix for cell in cells)


@pytest.mark.parametrize("locale", LOCALES)
async def test_the_post_fits_a_caption(busy: Report, locale: str) -> None:
    context = told(busy, pages().words(locale, "zh-Hans"), "sop report weekly --as-of 2026-03-16")
    lines = [*context["numbers"], *context["notable"], *context["findings"]]
    assert sum(len(line) + 2 for line in lines) <= LONGEST < CAPTION_LIMIT - 100
    assert len(context["numbers"]) == 7
    assert context["more"] == 0


def test_charts_are_pictures_in_the_pages_colours_with_text_as_text() -> None:
    series = [Series("$x$ _a", [0.1, None, 0.3]), Series("付费", [0.2, 0.2, 0.1])]
    chart = Chart("<b>转化", ["03-02", "03-09", "03-16"], series, percent=True, target=0.25)
    drawn = svg(chart, "c7")
    root = ElementTree.fromstring(drawn)
    assert root.attrib["aria-label"] == "<b>转化: $x$ _a 30%, 付费 10%"
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"$x$ _a", "付费", "03-16", "20%"} <= set(words)
    assert "var(--ink)" in drawn
    assert "#0" not in drawn.replace("url(#", "").replace('href="#', "")
    assert svg(chart, "c7") == drawn
    stacked = Chart("MRR", ["a", "b"], [Series("new", [3, 4]), Series("churn", [-1, None])], "stack")
    size = measured(png([chart, stacked], "周报"))
    assert size is not None
    assert max(size) <= 1280


def test_the_words_are_there_in_each_locale() -> None:
    words: dict[str, dict[str, Any]] = yaml.safe_load((Path(TEMPLATES) / "reports" / "words.yaml").read_text())
    assert set(words) == set(LOCALES)
    wanted = {*(f"kpi_{name}" for name in (*KPIS, *DERIVED)), *(f"section_{name}" for name in (*WEEKLY, *MONTHLY))}
    for locale in LOCALES:
        assert set(words[locale]) == set(words["en"])
        assert wanted - set(words[locale]) == set()
