"""How figures are said: parts by name, unknown before anything was counted, currencies apart, ways to the rows."""

import re
from collections.abc import AsyncIterator

import pytest

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.page_templates import SHIPPED, PageTemplates
from community.playbook_stages import MessageClass
from tests.integration.conftest import MakeMember
from tests.integration.dashboard.kit import Desk, fill, opened_desk
from tests.integration.dashboard.test_figures import text
from tests.integration.insight.kit import NOW, local
from tests.integration.insight.report_kit import MONDAY, put
from tests.integration.rows import put as put_message


@pytest.fixture
async def desk(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> AsyncIterator[Desk]:
    async with opened_desk(pool, conn, database_url) as opened:
        await opened.enter()
        yield opened


# Names.


async def test_parts_are_called_by_their_names(desk: Desk, member: MakeMember) -> None:
    for kpi, part in (("sla_met", "complaint"), ("callback_success", "stars"), ("sla_met", "their_own_kind")):
        await put(desk.conn, kpi, MONDAY, hits=1, base=2, part=part)
    await desk.conn.execute(
        "INSERT INTO follow_ups (member_id, kind, note, occurrence, created_at, due_at)"
        " VALUES (%s, 'silent_leaving', '', 'x', %s, %s)",
        [await member(), NOW, NOW],
    )
    for locale, words in {
        "zh-CN": ("投诉", "Telegram 星星", "静默离开"),
        "zh-TW": ("投訴", "Telegram 星星", "靜默離開"),
        "en": ("complaint", "Telegram Stars", "left without a word"),
    }.items():
        service = await desk.page("/dashboard/service", **{"Accept-Language": locale})
        for word in (*words, "their_own_kind"):
            assert word in service
        assert "silent_leaving" not in text(service)


@pytest.mark.parametrize(
    ("kpi", "part", "called"),
    [
        ("revenue", "year", "年度会员"),
        ("mrr_movements", "churn", "流失"),
        ("engaged_24h", "welcome_drip/day_1", "欢迎七日/day_1"),
        ("ad_spend", "day_1", "day_1"),
    ],
)
async def test_a_figures_parts_are_called_by_their_names(desk: Desk, kpi: str, part: str, called: str) -> None:
    await put(desk.conn, kpi, MONDAY, hits=1, base=2, part=part)
    page = await desk.page(f"/dashboard/kpi/{kpi}", **{"Accept-Language": "zh-CN"})
    assert f"part={part.replace('/', '%2F')}" in page
    assert f">{called}</a>" in page


async def test_who_came_from_nobody_knows_where(desk: Desk) -> None:
    await fill(desk.conn)
    page = await desk.page("/dashboard/kpi/new_members", **{"Accept-Language": "zh-CN"})
    assert '<option value="unknown">未知</option>' in page
    assert "source=unknown" in page
    assert ">unknown<" not in page


async def test_the_outbox_names_classes_and_reasons(desk: Desk) -> None:
    await put_message(desk.conn, state="failed", reason="deactivated")
    page = text(await desk.page("/dashboard/outbox", **{"Accept-Language": "zh-CN"}))
    assert "欢迎 失败 1" in page
    assert "账号已注销 deactivated" in page


def test_there_are_words_for_all_that_is_ours() -> None:
    words = PageTemplates(SHIPPED.parent, "dashboard", "reports").words()["en"]
    ours = {f"class_{each.value}" for each in MessageClass} | {"provider_ime", "provider_stripe", "provider_stars"}
    assert ours <= set(words)


# What is not known is not nothing.


async def test_what_was_before_anything_was_counted_is_not_known(desk: Desk) -> None:
    await put(desk.conn, "new_members", MONDAY, hits=300, base=300)
    tile = text(_tile(await desk.page("/dashboard"), "new_members"))
    assert tile.startswith("New members 300 before – ")
    assert "%" not in tile
    drawn = await desk.page("/dashboard/kpi/new_members")
    assert drawn.count("<circle") == 1, "one week was counted"
    await put(desk.conn, "joins", MONDAY.replace(day=2), hits=1, base=1)
    tile = text(_tile(await desk.page("/dashboard"), "new_members"))
    assert tile.startswith("New members 300 before 0 "), "something was counted then, and nobody came"


async def test_bars_of_different_currencies_are_not_held_against_each_other(desk: Desk) -> None:
    for part, currency, minor in (("month", "CNY", 163_110), ("year", "CNY", 81_555), ("month", "XTR", 10_050)):
        await put(desk.conn, "revenue", MONDAY, minor=minor, hits=1, base=1, part=part, currency=currency)
    page = await desk.page("/dashboard/kpi/revenue")
    bars = re.findall(r'<rect width="([\d.]+)" height="8"/>.*?<td class="number">([\d,.]+ \w+)', page, re.S)
    assert bars == [("100.0", "1,631.10 CNY"), ("50.0", "815.55 CNY"), ("100.0", "10,050 XTR")]


async def test_what_is_worth_a_look_and_of_few_says_so(desk: Desk) -> None:
    for day, minor, hits in ((2, 1_000_000, 20), (9, 1_000, 20)):
        await put(desk.conn, "arpu", MONDAY.replace(day=day), minor=minor, hits=hits, base=hits, currency="CNY")
    board = await desk.page("/dashboard")
    watched = text(board.partition('class="watch"')[2].partition("</section>")[0])
    assert "ARPU : 0.50 CNY (−100%, worse) small numbers" in watched


async def test_shares_of_the_funnel_that_are_of_few_are_marked(desk: Desk, member: MakeMember) -> None:
    for _ in range(30):
        number = await member(entered_at=local("2026-03-10 10:00"))
        await desk.conn.execute("UPDATE members SET first_seen_at = entered_at WHERE id = %s", [number])
    day = "/dashboard/funnel?span=day&from=2026-03-10&to=2026-03-10"
    of_thirty = await desk.page(day)
    assert "(100%)" in of_thirty
    assert "<abbr" not in of_thirty
    await desk.conn.execute(
        "UPDATE members SET first_seen_at = first_seen_at - interval '2 days' WHERE id = %s", [number]
    )
    assert "<abbr" in await desk.page(day)


# Ways to the rows.


@pytest.mark.parametrize("page", ["stages", "service", "groups", "cohorts"])
async def test_numbers_lead_to_what_they_are_of(desk: Desk, page: str) -> None:
    await fill(desk.conn)
    await desk.conn.execute("UPDATE groups SET registered_at = registered_at - interval '20 days'")
    await put(desk.conn, "sla_met", MONDAY, hits=1, base=2, part="refund")
    shown = await desk.page(f"/dashboard/{page}")
    others = "target|of|open|overdue"
    numbers = re.findall(rf'<td class="number[^"]*" data-label="(?!(?i:{others})")[^"]*">(.*?)</td>', shown)
    numbers += re.findall(r'</th><td class="number">(.*?)</td>', shown) if page == "cohorts" else []
    assert numbers
    there = [re.search(r'href="(/dashboard/kpi/[^"]+)"', each) for each in numbers]
    assert all(there), numbers
    for each in {found[1].replace("&amp;", "&") for found in there if found}:
        assert await desk.page(each)


async def test_a_cohorts_size_leads_to_who_they_are(desk: Desk, member: MakeMember) -> None:
    for day in ("2026-03-02 00:00", "2026-03-08 23:59", "2026-03-09 00:00"):
        await member(entered_at=local(day))
    await desk.conn.execute(
        "INSERT INTO cohort_weeks (entered, week, source, active) VALUES ('2026-03-02', '2026-03-02', '', 1)"
    )
    page = await desk.page("/dashboard/cohorts?group=7&span=day")
    [there] = re.findall(r'<a href="([^"]*/kpi/new_members/rows[^"]*)">2</a>', page)
    rows = await desk.page(there.replace("&amp;", "&"))
    assert rows.count('<th scope="row">') == 2


def _tile(board: str, name: str) -> str:
    [found] = [each for each in re.findall(r"<article.*?</article>", board, re.S) if f'/dashboard/kpi/{name}"' in each]
    return found
