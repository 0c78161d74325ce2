"""Figures on the dashboard: the same as those counted, of the right window, and how far they go."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from time import monotonic, sleep

import pytest

from community.activity.counted import count_before, mark_days_late
from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.gateway.dashboard import drill
from community.gateway.dashboard.asked import MOST_DRAWN, MOST_WINDOWS, Asked
from community.gateway.dashboard.tiles import months
from community.insight.counting import count_window
from community.insight.values import by
from tests.integration.conftest import MakeMember
from tests.integration.dashboard.kit import Desk, fill, opened_desk
from tests.integration.insight.kit import ZONE, local
from tests.integration.insight.money_kit import Shop, day, shop

__all__ = ["shop"]


@pytest.fixture
async def desk(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> AsyncIterator[Desk]:
    async with opened_desk(pool, conn, database_url) as opened:
        await opened.enter()
        yield opened


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


# Live sessions.


async def live(conn: Connection, title: str, plan: str | None, *viewers: int, cancelled: bool = False) -> str:
    """A session of 10 March, 20:00, announced a week before, whose offer closes on the 12th at 21:00."""
    found = await conn.execute(
        "INSERT INTO lives"
        " (title, url, announce_at, starts_at, ends_at, window_until_at, plan, created_at, cancelled_at) VALUES"
        " (%(title)s, 'https://x.example', %(at)s, %(at)s, %(until)s, %(until)s, %(plan)s, %(made)s, %(cancelled)s)"
        " RETURNING id",
        {"title": title, "at": local("2026-03-10 20:00"), "until": local("2026-03-12 21:00"), "plan": plan,
         "made": local("2026-03-03 20:00"), "cancelled": local("2026-03-10 19:00") if cancelled else None},
    )  # fmt: skip
    row = await found.fetchone()
    assert row is not None
    for viewer in viewers:
        await conn.execute(
            "INSERT INTO live_attendances (live_id, member_id, watched_at) VALUES (%s, %s, %s)",
            [row["id"], viewer, local("2026-03-10 20:05")],
        )
    return str(row["id"])


async def test_lives_show_the_conversion_that_the_kpi_counts(desk: Desk, shop: Shop, member: MakeMember) -> None:
    ann, bob, cat, dan, eve = [await member() for _ in range(5)]
    number = await live(desk.conn, "AMA", "month", ann, bob, cat, dan)
    await live(desk.conn, "Talk", None, ann)
    await live(desk.conn, "Off", "month", ann, cancelled=True)
    await desk.conn.execute("INSERT INTO live_attendances (live_id, member_id) VALUES (%s, %s)", [number, eve])
    await shop.pays("a", ann, "2026-03-10 20:00")
    await shop.pays("b", bob, "2026-03-10 19:59")  # announced, but not begun
    await shop.pays("c", cat, "2026-03-12 21:00")  # too late
    await shop.pays("d", dan, "2026-03-01 10:00")  # an old customer,
    await shop.pays("d2", dan, "2026-03-14 10:00")  # who bought again, but not by this
    await shop.pays("e", eve, "2026-03-11 10:00")  # did not watch
    await count_window(desk.conn, shop.bundle.playbook, day("2026-03-12"), local("2026-03-18 12:00"))
    [counted] = await by(desk.conn, "live_to_paid", day("2026-03-12"), "part")
    assert (counted.part, counted.hits, counted.base) == (number, 1, 4)
    lines = {line.split()[0]: line for line in map(text, (await desk.page("/dashboard/lives")).split("<tr>")[2:])}
    assert lines["AMA"].startswith("AMA 10 Mar, 20:00 over 0 4 1 25% *")
    [there] = set(re.findall(r'href="([^"]*/kpi/live_to_paid/rows[^"]*)"', await desk.page("/dashboard/lives")))
    rows = await desk.page(there.replace("&amp;", "&"))
    assert "12 Mar · AMA ·" in text(rows)
    assert rows.count('<th scope="row">') == 4
    assert "over 0 1 – – –" in lines["Talk"]
    assert "cancelled 0 1 – – –" in lines["Off"]


# Windows.


@pytest.mark.parametrize(
    ("asked", "today", "newest"),
    [
        ({"span": "month", "from": "2026-01-01", "to": "2026-03-18"}, "2026-03-18", "2026-02-01"),
        ({"preset": "this_week"}, "2026-03-31", "2026-02-01"),  # a week that ends in April
        ({"preset": "this_week"}, "2026-04-01", "2026-03-01"),
        ({"preset": "last_week"}, "2026-04-08", "2026-03-01"),
        ({"span": "month", "from": "2026-01-01", "to": "2026-02-28"}, "2026-03-18", "2026-02-01"),
        ({"from": "2025-12-01", "to": "2026-01-20"}, "2026-03-18", "2025-12-01"),
    ],
)
def test_money_per_member_is_of_months_that_are_over(asked: dict[str, str], today: str, newest: str) -> None:
    look = Asked.of(asked, date.fromisoformat(today), ZONE)
    assert months(look.windows, look.today)[-1].since == date.fromisoformat(newest)


def test_a_tile_draws_the_newest_of_many_windows() -> None:
    look = Asked.of({"span": "day", "from": "2020-01-01"}, date(2026, 3, 18), ZONE)
    assert len(look.windows) == MOST_WINDOWS
    assert look.drawn == look.windows[-MOST_DRAWN:]
    assert MOST_DRAWN <= 60


async def test_the_board_builds_no_more_than_it_draws(desk: Desk) -> None:
    await fill(desk.conn)
    board = await desk.page("/dashboard?span=day&from=2024-01-01")
    paths = re.findall(r'<svg class="spark".*?<path d="([^"]*)"', board, re.S)
    assert paths
    assert max(len(re.findall("[ML]", path)) for path in paths) <= MOST_DRAWN


# How far.


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/lives", "/dashboard/kpi/revenue", "/dashboard/outbox"])
async def test_each_page_says_how_far_figures_are_counted(desk: Desk, path: str) -> None:
    assert "Nothing is counted yet. The run kpi-count" in await desk.page(path)
    await count_before(desk.conn, "Europe/Paris", date(2026, 3, 16))
    assert "Nothing is counted yet." in await desk.page(path), "in the days of another zone"
    await count_before(desk.conn, ZONE, date(2026, 3, 16))
    page = await desk.page(path)
    assert "Counted for good up to 15 Mar; the days since are counted anew every hour." in page
    assert "Earlier days" not in page
    await mark_days_late(desk.conn, date(2026, 3, 1), date(2026, 3, 4))
    assert "Earlier days still to be counted anew: 3." in await desk.page(path)
    await mark_days_late(desk.conn, date(2025, 1, 1), date(2026, 1, 1))
    assert "Earlier days still to be counted anew: 100+." in await desk.page(path)


# Ways.


async def test_a_bar_of_a_part_leads_to_its_rows(desk: Desk) -> None:
    await fill(desk.conn)
    page = await desk.page("/dashboard/kpi/revenue?span=month")
    there = re.findall(r'<th scope="row"><a href="([^"]*part=[^"]*)"', page)
    assert set(there) == {f"/dashboard/kpi/revenue/rows?span=month&amp;part={part}" for part in ("month", "year")}
    called = {"month": "Monthly membership", "year": "Yearly membership"}
    for each in there:
        part = each.rpartition("=")[2]
        assert f"· {called[part]} ·" in text(await desk.page(each.replace("&amp;", "&")))


async def test_another_language_is_of_the_same_page(desk: Desk, member: MakeMember) -> None:
    await member(entered_at=local("2026-03-10 10:00"))
    path = "/dashboard/kpi/accepted/rows"
    page = await desk.page(f"{path}?part=welcome_drip%2Fday_1&page=3&group=2")
    there = f'href="{path}?part=welcome_drip%2Fday_1&amp;page=3&amp;group=2&amp;lang=zh-Hant"'
    assert there in page
    then = "/dashboard/kpi/revenue?span=month"
    asked = f'href="/dashboard/sign-in?then={then.replace("/", "%2F").replace("?", "%3F").replace("=", "%3D")}'
    shown = await desk.page(f"/dashboard/sign-in?then={then.replace('?', '%3F').replace('=', '%3D')}")
    refused = await (await desk.post("/dashboard/sign-in", {"token": "wrong", "then": then})).text()
    for each in (shown, refused):
        assert f'{asked}&amp;lang=zh-Hans"' in each


# What it leaves to others.


async def test_a_large_file_keeps_nobody_waiting(
    desk: Desk, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(30):
        await member(entered_at=local("2026-03-10 10:00"))

    def slow(value: object) -> object:
        sleep(0.002)
        return value

    monkeypatch.setattr(drill, "cell", slow)
    monkeypatch.setattr(drill, "A_BATCH", 7)
    asked, longest, seen = asyncio.create_task(desk.get("/dashboard/kpi/new_members/rows.csv")), 0.0, monotonic()
    while not asked.done():
        await asyncio.sleep(0.005)
        longest, seen = max(longest, monotonic() - seen), monotonic()
    lines = (await (await asked).text()).splitlines()
    assert len(lines) == 31, "all batches, one after the other"
    assert longest < 0.3, "the whole takes 0.6 seconds"


# Words of an operator.


@pytest.mark.parametrize(
    "broken",
    ["en: [", "- a list", "en: text", "\ufffe", "en: {name: English}\nzh-Hans: {name: 中文}\nzh-Hant: {name: 中文}\n"],
)
async def test_broken_words_are_answered_in_those_shipped(
    pool: Pool, conn: Connection, bundle: Bundle, database_url: str, tmp_path: Path, broken: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "words.yaml").write_text(broken)
    async with opened_desk(pool, conn, database_url, playbook_dir=tmp_path) as desk:
        assert "<h1>Sign in</h1>" in await desk.page("/dashboard/sign-in")
        await desk.enter()
        await fill(conn)
        for path in ("/dashboard", "/dashboard/kpi/revenue", "/dashboard/kpi/new_members/rows"):
            assert "Sign out" in await desk.page(path)
    assert "not as it should be, shown as shipped" in caplog.text


async def test_a_page_of_an_operator_that_fails_is_shown_as_shipped(
    pool: Pool, conn: Connection, bundle: Bundle, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "sign_in.html.j2").write_text("{{ nothing.at.all }}")
    async with opened_desk(pool, conn, database_url, playbook_dir=tmp_path) as desk:
        assert "<h1>Sign in</h1>" in await desk.page("/dashboard/sign-in")
