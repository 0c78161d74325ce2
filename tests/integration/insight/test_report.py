"""Reports: hand-computed numbers against the window before and the target, what is notable, every form they take."""

from dataclasses import replace
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
from community.insight.diagnosis import Finding
from community.insight.figures import Kind, Report
from community.insight.report import make, store, stored, window_for
from community.insight.report_pages import ReportPages, marked, report_html
from community.insight.report_post import LONGEST, told
from community.insight.report_tables import MONTHLY, WEEKLY
from community.insight.said import Words
from community.insight.sheets import workbook
from community.insight.windows import Span
from community.kpis import DERIVED, KPIS
from community.playbook import Playbook
from community.sandbox.pictures import measured
from community.telegram_html import CAPTION_LIMIT, plain_text, utf16_length
from community.wording import Wording
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import ZONE, did, local
from tests.integration.insight.report_kit import (
    MONDAY,
    busy_week,
    counted_already,
    figure_of,
    hits,
    insert,
    money,
    put,
    shares,
    weeks,
)
from tests.integration.rows import Edit
from tests.shipped import TEMPLATES, shipped_bundle

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
    figure = figure_of(report, "new_members")
    assert (figure.number, figure.before, figure.trend[-2:]) == (2, 1, [1, 2])
    assert report.whole
    await member(entered_at=local("2026-03-09 00:00"))
    again = figure_of(await weekly(conn, bundle), "new_members")
    assert again.number == 3


async def test_each_number_with_last_weeks_its_change_and_its_target(busy: Report) -> None:
    first_day = figure_of(busy, "first_day")
    assert (first_day.hits, first_day.base, first_day.target, first_day.met) == (44, 160, 0.4, False)
    assert first_day.change == pytest.approx(44 / 160 - 44 / 101)
    revenue = figure_of(busy, "revenue")
    assert (revenue.number, revenue.before, revenue.currency) == (99_000, 120_000, "CNY")
    assert revenue.change == pytest.approx(-0.175)
    trial = figure_of(busy, "trial_to_paid")
    assert (trial.small, trial.met) == (True, True)
    assert figure_of(busy, "mrr_movements", "churn").good is None


async def test_notable_is_what_chance_does_not_explain_and_what_misses_its_target(busy: Report) -> None:
    said = [(each.why, each.figure.name) for each in busy.notable]
    assert said == [("missed", "free_to_paid"), ("missed", "first_day"), ("changed", "new_members")]
    # Messages more than doubled, but one member alone may write as many.
    assert figure_of(busy, "messages").change == pytest.approx(31 / 19)


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
    assert [row[:2] for row in sources.rows] == [
        ["source:notes", 90],
        ["source:=cmd|'/c calc'!A1", 60],
        ["source:unknown", 10],
    ]
    (lives,) = busy.section("lives").tables
    assert lives.rows[0][2:] == [0, 0, 8, pytest.approx(8 / 140)]
    (stages,) = busy.section("outreach").tables
    names = [column.name for column in stages.columns]
    row = dict(zip(names, stages.rows[0], strict=True))
    assert (row["stage"], row["accepted"], row["engaged_24h"]) == ("stage:welcome_drip", 190, pytest.approx(90 / 190))
    (channels,) = busy.section("payments").tables
    assert channels.rows == [["source:notes", 4, 40_000, 20_000, 5_000, pytest.approx(1.0)]]


async def test_who_paid_in_two_currencies_came_once(conn: Connection, bundle: Bundle, counted_already: None) -> None:
    await put(conn, "new_payers", MONDAY, source="notes", hits=4, base=4)
    for currency, minor in (("CNY", 40_000), ("XTR", 500)):
        await put(conn, "revenue", MONDAY, source="notes", hits=2, base=2, minor=minor, currency=currency)
    (channels,) = (await weekly(conn, bundle)).section("payments").tables
    assert [row[:3] for row in channels.rows] == [["source:notes", 4, 40_000], ["source:notes", None, 500]]


async def test_a_months_channels_say_when_they_have_paid_back(
    conn: Connection, bundle: Bundle, counted_already: None
) -> None:
    """It took 50.00 to win a payer, and one brings 20.00 a month: two and a half months."""
    month, of = date(2026, 2, 1), {"source": "notes", "currency": "CNY"}
    await put(conn, "revenue", month, Span.month, **of, hits=4, base=4, minor=8_000)
    await put(conn, "ad_spend", month, Span.month, **of, hits=1, base=1, minor=20_000)
    await put(conn, "cac", month, Span.month, **of, hits=4, base=4, minor=20_000)
    await put(conn, "arpu", month, Span.month, **of, hits=4, base=4, minor=8_000)
    (channels,) = (await weekly(conn, bundle, date(2026, 3, 1), "monthly")).section("channels").tables
    assert channels.columns[-1].name == "payback_months"
    assert channels.rows == [["source:notes", 0, 8_000, 20_000, 5_000, pytest.approx(-0.6), 2.5]]


async def test_what_is_notable_and_of_few_says_so(conn: Connection, bundle: Bundle, counted_already: None) -> None:
    for day, minor in ((MONDAY - timedelta(days=7), 1_000_000), (MONDAY, 1_000)):
        await put(conn, "arpu", day, hits=20, base=20, minor=minor, currency="CNY")
    report = await weekly(conn, bundle)
    [found] = report.notable
    assert pages().words("en", "en").notable(report, found).startswith("ARPU fell to 0.50 CNY (few) from 500.00 CNY")
    assert "降至 0.50 CNY（样本少）（原为" in pages().words("zh-Hans", "en").notable(report, found)
    page = report_html(report, "en", TEMPLATES)
    assert '<span aria-hidden="true">!</span> −100%<span class="said"> (worse)</span>' in page, "not by colour alone"


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
    paid = {"paid_minor": 19_900, "currency": "CNY"}
    await insert(
        conn, "terms", member_id=ann, plan="month", trial=False, ends_at=end, counted_from_at=end, **paid, **term
    )
    await insert(conn, "terms", member_id=bob, plan="trial_7d", trial=True, ends_at=end, counted_from_at=end, **term)
    await put(conn, "arpu", day, month, hits=50, base=50, minor=500_000, currency="CNY")
    await put(conn, "churn", day, month, hits=5, base=50)
    for step, (engaged, of) in {"s/good": (60, 100), "s/lucky": (3, 3), "s/poor": (5, 100), "s/fair": (30, 60)}.items():
        await put(conn, "engaged_24h", day, month, part=step, hits=engaged, base=of)
    report = await weekly(conn, bundle, date(2026, 3, 1), "monthly")
    ltv = figure_of(report, "ltv")
    assert (ltv.number, ltv.unit, ltv.currency) == (pytest.approx(100_000), "money", "CNY")
    (mix,) = report.section("mix").tables
    assert [row[:2] for row in mix.rows] == [["paid", 1], ["trial", 1], ["free", 1]]
    (content,) = report.section("content").tables
    assert content.keys == ["s/good", "s/fair", "s/poor"]
    assert all(figure.target is None for section in report.sections for figure in section.figures)


async def test_who_is_active_and_who_pays_is_what_it_is_everywhere(
    conn: Connection, edited: Edit, counted_already: None, member: MakeMember
) -> None:
    """Signs are messages alone. Ann wrote and paid; Bob wrote and was given his term; Eve only pressed a button."""
    bundle = edited(signs={"activity": ["message"], "speaking": ["message"]})
    ann, bob, eve = await member(), await member(), await member()
    for who, sign in ((ann, "message"), (bob, "message"), (eve, "button")):
        await insert(conn, "member_days", day=date(2026, 2, 10), member_id=who, group_id=0, **{sign: 1})
    held = {"line": "membership", "plan": "month", "trial": False, "source": "staff", "granted_by": "Mei",
            "starts_at": local("2026-01-15 09:00"), "ends_at": local("2026-03-15 09:00"),
            "counted_from_at": local("2026-01-15 09:00"), "changed_at": local("2026-01-15 09:00")}  # fmt: skip
    await insert(conn, "terms", member_id=ann, paid_minor=19_900, currency="CNY", **held)
    await insert(conn, "terms", member_id=bob, **held)
    (mix,) = (await weekly(conn, bundle, date(2026, 3, 1), "monthly")).section("mix").tables
    assert [row[:2] for row in mix.rows] == [["paid", 1], ["trial", 0], ["free", 1]]


async def test_every_kpi_is_in_a_report() -> None:
    shown = {name for names in (*WEEKLY.values(), *MONTHLY.values()) for name in names} | {"mrr_movements"}
    assert {*KPIS, *DERIVED} - shown == set()


async def test_of_a_window_that_is_not_over_what_is_to_come_is_not_missed(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    task = {"member_id": await member(), "kind": "talk", "note": "", "created_at": AT - timedelta(days=1)}
    for hours in (-1, 1):
        await insert(conn, "follow_ups", **task, due_at=AT + timedelta(hours=hours), occurrence=f"{hours}")
    [figure] = (await weekly(conn, bundle, date(2026, 3, 23))).figures(["sla_met"])
    assert (figure.hits, figure.base) == (0, 1)


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
    of_stage = f"https://c.example/dashboard/kpi/engaged_24h?{span}"
    assert there.count(of_stage) == 2, "the figure's own, and the stage's, which leads to the steps it is of"
    assert "sop kpi NAME --week 2026-03-09 --rows" in report_html(busy, "en", TEMPLATES)


@pytest.mark.parametrize("locale", LOCALES)
async def test_markdown_has_a_table_for_each_section_and_nothing_of_it_breaks_out(busy: Report, locale: str) -> None:
    text = pages().markdown(busy, locale, b"png")
    assert "](data:image/png;base64,cG5n)" in text
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
    assert growth["Interacted on the first day"][5].value == 160
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


@pytest.mark.parametrize("locale", LOCALES)
def test_the_longest_post_fits_a_caption_as_telegram_counts(busy: Report, locale: str) -> None:
    found = Finding("rule", "live_to_paid", Span.week, MONDAY, 0.01, 0.03, 0.5, True, 50, "hook", part="😀" * 40)
    full = busy.notable * 3
    crowded = replace(busy, findings=[found] * 20, notable=full, community="🎉" * 64)
    context = told(crowded, pages().words(locale, "zh-Hans"), "https://club.example/dashboard")
    assert context["more"] > 0
    assert context["findings"], "what is left out is the end"
    copy = Wording(shipped_bundle().copy[locale]["staff/report"])
    text = plain_text(copy.render({"report": context}).text)
    assert context["title"] in text
    assert "：https://club.example/dashboard" in text or ": https://club.example/dashboard" in text
    assert CAPTION_LIMIT * 0.8 < utf16_length(text) <= CAPTION_LIMIT


def test_a_long_title_takes_room_from_the_lines(busy: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    words = pages().words("en", "en")
    monkeypatch.setattr(Words, "title", lambda self, report: "🎉" * 200)
    context = told(
        replace(busy, community="", notable=busy.notable * 9, findings=busy.findings * 9), words, "sop report"
    )
    copy = Wording(shipped_bundle().copy["en"]["staff/report"])
    assert utf16_length(plain_text(copy.render({"report": context}).text)) <= CAPTION_LIMIT


def test_a_finding_is_called_by_what_it_is_about_in_the_language_of_the_report() -> None:
    words = Words({"plan_year": "A year", "kpi_renewal": "Renewal"}, "en", "zh-Hans")
    found = Finding("rule", "renewal", Span.week, MONDAY, 0.1, 0.3, None, True, 50, "hook", part="year")
    labels = {"plan:year": {"zh-Hans": "年度会员"}, "group:7": {"": "采购"}}
    assert words.found(found, labels) == "Renewal · 年度会员"
    assert words.found(found, {}) == "Renewal · A year"
    assert words.found(replace(found, part="other"), labels) == "Renewal · other"
    assert words.found(replace(found, part="", group_id=7), labels) == "Renewal · 采购"
    assert words.found(replace(found, part="", group_id=8), labels) == "Renewal · #8"
    assert pages().words("en", "zh-Hans").default == "zh-Hans"


async def test_money_is_told_in_each_currency(conn: Connection, bundle: Bundle, counted_already: None) -> None:
    await weeks(conn, "revenue", money((120_000, 12), (99_000, 10)))
    await put(conn, "revenue", MONDAY, minor=500, hits=1, base=1, currency="AED")
    report = await weekly(conn, bundle)
    lines = told(report, pages().words("en", "en"), "full")["numbers"]
    assert [line for line in lines if line.startswith("Revenue")] == ["Revenue: 5.00 AED", "Revenue: 990.00 CNY (−18%)"]


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
