"""The daily watch: each rule against hand-computed numbers; told once until it is over."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
import yaml
from openpyxl import load_workbook
from pydantic import ValidationError

from community.bundle import Bundle
from community.database.pool import Connection
from community.insight import counting, report as reports
from community.insight.addresses import address_of, rows_of
from community.insight.counting import count
from community.insight.diagnosis import Finding, diagnose
from community.insight.figures import Report
from community.insight.report_charts import charts_of
from community.insight.report_pages import ReportPages
from community.insight.report_post import told_of_day
from community.insight.said import Words
from community.insight.sheets import workbook
from community.insight.watch import Staff, Watched, watch
from community.insight.windows import Span
from community.outbox.alerts import tell
from community.playbook import Playbook
from community.playbook_insight import Watch
from community.telegram_html import CAPTION_LIMIT, plain_text, utf16_length
from community.wording import Wording
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.insight.kit import NOW, ZONE, count_all, did, groups, local
from tests.integration.insight.report_kit import MONDAY, counted_already, hits, put, shares, weeks
from tests.shipped import TEMPLATES, shipped_bundle

__all__ = ["counted_already"]

DAY = date(2026, 3, 16)
CHAT = -100
Edited = Callable[..., Bundle]


def words(locale: str = "en") -> Words:
    return ReportPages(TEMPLATES).words(locale, locale)


@pytest.fixture
def ruled(edited: Edited) -> Callable[..., Bundle]:
    """The shipped playbook with these rules alone."""

    def ruled(**rules: dict[str, Any]) -> Bundle:
        return edited(insight={**edited().source["insight"], "watch": rules})

    return ruled


async def found(conn: Connection, bundle: Bundle, day: date = DAY) -> list[Finding]:
    return await diagnose(conn, bundle.playbook, day)


def rule(kpi: str, **limits: Any) -> dict[str, Any]:
    return {"kpi": kpi, "remedy": "hook", **limits}


@pytest.mark.parametrize(
    ("kpi", "limits", "some", "of", "trouble"),
    [
        ("first_week", {"below": "30%"}, 9, 30, False),
        ("first_week", {"below": "30%"}, 8, 30, True),
        ("first_week", {"below": "30%"}, 0, 29, False),
        ("block_rate", {"above": "1%", "least": 200}, 2, 200, False),
        ("block_rate", {"above": "1%", "least": 200}, 3, 200, True),
    ],
)
async def test_below_or_above_a_value_of_enough(
    conn: Connection, ruled: Callable[..., Bundle], kpi: str, limits: dict[str, Any], some: int, of: int, trouble: bool
) -> None:
    await put(conn, kpi, MONDAY, hits=some, base=of)
    seen = await found(conn, ruled(it=rule(kpi, **limits)))
    assert [(each.kpi, each.number, each.of) for each in seen] == ([(kpi, some / of, of)] if trouble else [])


async def test_a_week_is_the_last_whole_one_and_a_day_the_one_before(
    conn: Connection, ruled: Callable[..., Bundle]
) -> None:
    bundle = ruled(week=rule("first_week", below="30%"), day=rule("callback_success", below="99%", over="day", least=1))
    await put(conn, "first_week", MONDAY, hits=0, base=50)
    await put(conn, "callback_success", DAY, Span.day, hits=0, base=5)
    assert [each.rule for each in await found(conn, bundle)] == ["week"]
    assert [each.rule for each in await found(conn, bundle, DAY + timedelta(days=1))] == ["week", "day"]
    assert await found(conn, bundle, DAY + timedelta(days=7)) == []


async def test_held_against_its_own_last_four_weeks(conn: Connection, ruled: Callable[..., Bundle]) -> None:
    bundle = ruled(less=rule("engaged_24h", falls="20%", least=100))
    # The median of 40, 50, 50 and 60 % is 50 %: less than 40 % is trouble.
    await weeks(conn, "engaged_24h", shares((160, 400), (200, 400), (200, 400), (240, 400), (159, 400)))
    (seen,) = await found(conn, bundle)
    assert (seen.usual, seen.threshold, seen.low) == (pytest.approx(0.5), pytest.approx(0.4), True)
    assert words().finding(seen, {}, "Asia/Shanghai") == (
        "Engaged within 24 h is 40%, below 40% (9 Mar – 15 Mar, of 400). Usual is 50%."
    )


async def test_what_chance_explains_is_no_trouble(conn: Connection, ruled: Callable[..., Bundle]) -> None:
    bundle = ruled(less=rule("engaged_24h", falls="20%", least=10))
    await weeks(conn, "engaged_24h", shares((10, 20), (10, 20), (10, 20), (10, 20), (7, 20)))
    assert await found(conn, bundle) == []


async def test_too_little_past_says_nothing(conn: Connection, ruled: Callable[..., Bundle]) -> None:
    await weeks(conn, "engaged_24h", shares((200, 400), (200, 400), (10, 400)))
    assert await found(conn, ruled(less=rule("engaged_24h", falls="20%"))) == []


async def test_days_are_held_against_the_same_weekday(conn: Connection, ruled: Callable[..., Bundle]) -> None:
    bundle = ruled(rush=rule("new_members", rises="300%", over="day", least=50))
    sunday = DAY - timedelta(days=1)
    for back, number in enumerate((90, 20, 22, 18, 20)):
        await put(conn, "new_members", sunday - timedelta(weeks=back), Span.day, hits=number, base=number)
        await put(conn, "new_members", sunday - timedelta(weeks=back, days=1), Span.day, hits=500, base=500)
    (seen,) = await found(conn, bundle)
    assert (seen.number, seen.usual, seen.threshold) == (90, 20, 80)


async def test_groups_and_parts_are_looked_at_each(conn: Connection, ruled: Callable[..., Bundle]) -> None:
    bundle = ruled(
        group=rule("leave_rate", above="10%", each="group"), part=rule("live_to_paid", below="3%", each="part")
    )
    for group, left in {7: 5, 8: 2}.items():
        await put(conn, "leave_rate", MONDAY, group_id=group, hits=left, base=40)
    for live, bought in {"3": 0, "4": 2}.items():
        await put(conn, "live_to_paid", MONDAY, part=live, hits=bought, base=50)
    await put(conn, "leave_rate", MONDAY, hits=40, base=50)
    seen = await found(conn, bundle)
    assert [(each.subject, each.group_id, each.part) for each in seen] == [("group:7", 7, ""), ("part:3", 0, "3")]
    assert rows_of(seen[1]) == "sop kpi live_to_paid --week 2026-03-09 --rows --part 3"
    week = "from=2026-03-09&to=2026-03-15&span=week"
    assert address_of(seen[0], "https://c.example/dashboard") == (
        f"https://c.example/dashboard/kpi/leave_rate/rows?{week}&group=7"
    )
    report = (await look(conn, bundle, DAY)).report
    told = ReportPages(TEMPLATES, "https://c.example/dashboard").markdown(report, "zh-Hans")
    assert f"[看明细](https://c.example/dashboard/kpi/live_to_paid/rows?{week}&part=3)" in told
    page = ReportPages(TEMPLATES, "https://c.example/dashboard").html(report, "en")
    assert f'href="https://c.example/dashboard/kpi/live_to_paid/rows?{week.replace("&", "&amp;")}&amp;part=3"' in page
    assert "https:" not in ReportPages(TEMPLATES).markdown(report, "zh-Hans")


@pytest.mark.parametrize(("registered", "told"), [("2026-02-01", True), ("2026-03-01", False)])
async def test_where_it_was_quiet_much_at_once_is_too_much(
    conn: Connection, ruled: Callable[..., Bundle], registered: str, told: bool
) -> None:
    """Nothing happening leaves no row; but nothing is known of a group before it was there."""
    bundle = ruled(
        flood=rule("messages", rises="200%", over="day", least=200, each="group"),
        rush=rule("new_members", rises="300%", over="day", least=50),
    )
    (club,) = await groups(conn, 1)
    await conn.execute("UPDATE groups SET registered_at = %s", [local(f"{registered} 00:00")])
    sunday = DAY - timedelta(days=1)
    await put(conn, "messages", sunday, Span.day, group_id=club, minor=300)
    await put(conn, "new_members", sunday, Span.day, hits=60, base=60)
    assert await found(conn, bundle) == [], "of the past nothing is counted"
    for back in range(1, 5):
        await put(conn, "members", sunday - timedelta(weeks=back), Span.day, hits=9, base=9)
    assert [each.rule for each in await found(conn, bundle)] == (["flood", "rush"] if told else ["rush"])


async def test_what_is_not_counted_yet_has_not_fallen(conn: Connection, ruled: Callable[..., Bundle]) -> None:
    await weeks(conn, "new_members", hits(90, 90, 90, 90), MONDAY - timedelta(weeks=1))
    bundle = ruled(less=rule("new_members", falls="20%"))
    assert await found(conn, bundle) == []
    await put(conn, "members", MONDAY, hits=360, base=360)
    assert [each.number for each in await found(conn, bundle)] == [0]


@pytest.mark.parametrize("part", ["a b", "x; rm -rf ~", "$(id)", "it's", "`id`\n#", "-n"])
def test_what_lists_the_rows_is_safe_to_paste(part: str) -> None:
    of = Finding("it", "accepted", Span.week, MONDAY, 1, 2, None, True, 30, "hook", part)
    assert set(" `$()#\n") & set(address_of(of, "https://c.example/dashboard")) == set()
    assert shlex.split(rows_of(of)) == ["sop", "kpi", "accepted", "--week", "2026-03-09", "--rows", "--part", part]


# Told once.


async def look(conn: Connection, bundle: Bundle, day: date, chat_id: int | None = CHAT) -> Watched:
    staff = Staff(BOT_ID, chat_id, ReportPages(TEMPLATES), "en", "sop report daily --as-of 2026-03-16")
    return await watch(conn, bundle, day, NOW, staff)


async def posts(conn: Connection) -> list[dict[str, Any]]:
    rows = await conn.execute(
        "SELECT chat_id, method, template, occurrence, context FROM messages WHERE step = 'daily' ORDER BY id"
    )
    return await rows.fetchall()


async def alerts(conn: Connection) -> list[dict[str, Any]]:
    rows = await conn.execute("SELECT subject, what, place, next_step, times FROM alerts ORDER BY subject")
    return await rows.fetchall()


async def test_told_once_until_it_is_over(conn: Connection, ruled: Callable[..., Bundle]) -> None:
    bundle = ruled(talk=rule("first_week", below="30%"))
    await weeks(conn, "first_week", shares((5, 50), (5, 50), (30, 50), (5, 50)), MONDAY + timedelta(weeks=3))
    assert (await look(conn, bundle, DAY)).report.new == ["talk"]
    (post,) = await posts(conn)
    assert (post["chat_id"], post["method"], post["template"]) == (CHAT, "sendPhoto", "staff/watch")
    assert post["context"]["report"]["findings"] == [
        {
            "what": "Interacted in the first week is 10%, below 30% (9 Mar – 15 Mar, of 50).",
            "next": words()["remedy_hook"],
            "rows": "sop kpi first_week --week 2026-03-09 --rows",
        }
    ]
    for days in (0, 1, 7):
        assert not (await look(conn, bundle, DAY + timedelta(days=days))).posted
    over = (await look(conn, bundle, DAY + timedelta(days=14))).report
    assert [each.rule for each in over.over] == ["talk"]
    assert len(await posts(conn)) == 1, "what is over is not told"
    assert (await look(conn, bundle, DAY + timedelta(days=21))).posted
    assert len({each["occurrence"] for each in await posts(conn)}) == 2
    # Staff were told of it, and are not told again by the alerts; `sop status` and the week's incidents know of it.
    assert [(each["subject"], each["times"]) for each in await alerts(conn)] == [("watch:talk", 0)]
    assert await tell(conn, bundle, BOT_ID, CHAT, NOW + timedelta(hours=2)) == 0


async def test_what_turns_up_later_the_same_day_is_told_alone(conn: Connection, ruled: Callable[..., Bundle]) -> None:
    bundle = ruled(talk=rule("first_week", below="30%"), leave=rule("leave_rate", above="10%"))
    await put(conn, "first_week", MONDAY, hits=5, base=50)
    await look(conn, bundle, DAY)
    await put(conn, "leave_rate", MONDAY, hits=15, base=50)
    report = (await look(conn, bundle, DAY)).report
    assert (report.new, [each.rule for each in report.findings]) == (["leave"], ["talk", "leave"])
    told = (await posts(conn))[-1]["context"]["report"]
    assert [each["rows"] for each in told["findings"]] == ["sop kpi leave_rate --week 2026-03-09 --rows"]
    assert (told["more"], told["lasting"]) == (0, 1)


async def test_without_a_chat_it_is_an_alert(conn: Connection, ruled: Callable[..., Bundle]) -> None:
    bundle = ruled(talk=rule("first_week", below="30%"))
    await put(conn, "first_week", MONDAY, hits=5, base=50)
    assert not (await look(conn, bundle, DAY, chat_id=None)).posted
    assert await posts(conn) == []
    (told,) = await alerts(conn)
    assert told == {
        "subject": "watch:talk",
        "what": "Interacted in the first week is 10%, below 30% (9 Mar – 15 Mar, of 50).",
        "place": "sop kpi first_week --week 2026-03-09 --rows",
        "next_step": words()["remedy_hook"],
        "times": 1,
    }


async def test_the_evening_of_the_day_before_is_counted(
    conn: Connection, ruled: Callable[..., Bundle], playbook: Playbook, member: MakeMember
) -> None:
    ann, bob = await member(), await member()
    await did(conn, ann, "message", "2026-03-15 10:00")
    await count(conn, playbook, local("2026-03-15 22:50"))
    await did(conn, bob, "message", "2026-03-15 23:30")
    seen = await look(conn, ruled(many=rule("active", above="1", over="day", least=1)), DAY)
    assert [each.number for each in seen.report.findings] == [2]


async def test_a_day_that_was_counted_since_is_read_and_not_counted_again(
    conn: Connection, ruled: Callable[..., Bundle], playbook: Playbook, member: MakeMember,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for day in ("2026-03-08", "2026-03-15"):
        await did(conn, await member(), "message", f"{day} 10:00")
    await count_all(conn, playbook, local("2026-03-16 08:50"))

    async def again(*_: Any) -> None:
        raise AssertionError("counted again")

    monkeypatch.setattr(counting, "_measure", again)
    report = (await look(conn, ruled(), DAY)).report
    [active] = report.figures(["active"])
    assert (active.number, active.before, len(active.trend)) == (1, 1, 14), "beside the same day a week before"


async def test_of_a_past_day_nothing_is_told_and_the_next_look_does_not_know(
    conn: Connection, ruled: Callable[..., Bundle]
) -> None:
    await put(conn, "first_week", MONDAY, hits=0, base=50)
    bundle = ruled(talk=rule("first_week", below="30%"))
    seen = await watch(conn, bundle, DAY, NOW, None)
    assert (seen.report.new, seen.posted) == (["talk"], False)
    assert await alerts(conn) == await posts(conn) == []
    assert await reports.stored(conn, "daily", DAY - timedelta(days=1)) == seen.report
    assert (await look(conn, bundle, DAY)).posted


# The report of the day.


@pytest.fixture
async def found_today(conn: Connection, ruled: Callable[..., Bundle]) -> Report:
    """A week's figure below a value, and a rush of yesterday in a group that is called by what it should not be."""
    bundle = ruled(
        talk=rule("first_week", below="30%"),
        rush=rule("new_members", rises="100%", over="day", least=5, each="group"),
    )
    await weeks(conn, "first_week", shares((20, 50), (5, 50)))
    (club,) = await groups(conn, 1)
    await conn.execute("UPDATE groups SET title = %s", ["<script>=1+1|`x`"])
    sunday = DAY - timedelta(days=1)
    for back, number in {0: 40, 7: 10, 14: 10, 21: 10, 28: 10}.items():
        await put(conn, "new_members", sunday - timedelta(days=back), Span.day, group_id=club, hits=number, base=number)
        await put(conn, "members", sunday - timedelta(days=back), Span.day, hits=9, base=9)
    return (await look(conn, bundle, DAY)).report


@pytest.mark.parametrize("locale", ["zh-Hans", "zh-Hant", "en"])
async def test_what_needs_doing_comes_first_in_every_form(
    conn: Connection, counted_already: None, found_today: Report, locale: str
) -> None:
    pages, say = ReportPages(TEMPLATES), words(locale)
    assert [each.rule for each in found_today.findings] == ["talk", "rush"]
    told, remedy = say.finding(found_today.findings[0], {}, ZONE), say["remedy_hook"]
    page, text = pages.html(found_today, locale), pages.markdown(found_today, locale, b"png")
    assert page.index('id="findings"') < page.index('id="charts"') < page.index('id="notable"')
    assert text.index(say["todo"]) < text.index("](data:image/png") < text.index(say["notable"])
    assert "<script>" not in page
    assert "\\<script\\>=1+1\\|\\`x\\`" in text
    assert (remedy in page, remedy in text) == (True, True)
    summary = _summary(found_today, say)
    assert [told, remedy, "sop kpi first_week --week 2026-03-09 --rows", say["new"]] in summary
    assert summary.index([say["todo"]]) < summary.index([say["notable"]])


def _summary(report: Report, say: Words) -> list[list[Any]]:
    sheet = load_workbook(BytesIO(workbook(report, say))).worksheets[0]
    return [[cell.value for cell in row if cell.value is not None] for row in sheet.iter_rows()]


async def test_the_charts_are_of_what_was_found_with_its_threshold(counted_already: None, found_today: Report) -> None:
    talk, rush, *others = charts_of(found_today, words())
    assert talk.title == "Interacted in the first week ┄ 30%"
    assert (talk.series[0].numbers[-2:], talk.target, talk.percent) == ([0.4, 0.1], 0.3, True)
    assert (talk.ticks[-1], len(talk.ticks)) == ("03-09", 12)
    assert rush.title == "New members · <script>=1+1|`x` ┄ 20"
    assert (len(rush.ticks), rush.ticks[-1], rush.target) == (14, "03-15", 20)
    assert [rush.series[0].numbers[at] for at in (-1, -2, -8)] == [40, None, 10], "None: not counted"
    assert [each.target for each in others] == [None] * len(others)


@pytest.mark.parametrize("locale", ["zh-Hans", "zh-Hant", "en"])
async def test_the_longest_post_fits_a_caption(counted_already: None, found_today: Report, locale: str) -> None:
    found = Finding("rule", "live_to_paid", Span.week, MONDAY, 0.01, 0.03, 0.5, True, 50, "hook", part="😀" * 20)
    crowded = replace(found_today, findings=[found] * 20, new=[found.subject])
    context = told_of_day(crowded, words(locale), "https://club.example/dashboard/reports/daily/2026-03-15")
    assert context["findings"]
    assert len(context["findings"]) + context["more"] == 20
    text = plain_text(Wording(shipped_bundle().copy[locale]["staff/watch"]).render({"report": context}).text)
    assert words(locale)["remedy_hook"] in text
    assert utf16_length(text) <= CAPTION_LIMIT


# The rules.


def test_every_remedy_of_the_shipped_rules_is_written_in_each_locale(shipped: Bundle) -> None:
    rules = shipped.playbook.insight.watch
    assert {"few_talk", "live_converts_badly", "not_delivered", "flood", "churn"} <= set(rules)
    told = yaml.safe_load((TEMPLATES / "reports" / "words.yaml").read_text())
    for locale, of in told.items():
        assert {f"remedy_{each.remedy}" for each in rules.values()} - set(of) == set(), locale


async def test_the_shipped_rules_find_nothing_where_nothing_is(conn: Connection, playbook: Playbook) -> None:
    assert await diagnose(conn, playbook, DAY) == []
    await weeks(conn, "new_members", hits(3, 4, 2, 5, 3))
    assert await diagnose(conn, playbook, DAY) == []


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({}, "exactly one of"),
        ({"below": "30%", "falls": "20%"}, "exactly one of"),
        ({"below": "3"}, "its target is a share"),
        ({"rises": "lots"}, "write it as 50% or 200%"),
        ({"below": "30%", "each": "part"}, "no parts"),
        ({"below": "30%", "over": "year"}, "day"),
    ],
)
def test_a_rule_that_says_too_little_or_too_much_is_refused(limits: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Watch.model_validate(rule("first_week", **limits))
