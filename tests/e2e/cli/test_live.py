"""`sop live`: what operators type, what they read, and that Prefect being away holds nothing up."""

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from community.live.people import ask, register
from community.outbox.bundles import Bundles, publish
from community.outbox.compose import Composer
from deployments import runs
from tests.e2e.cli.conftest import BOT_ID, HOSTILE, NOON, MakeMember, Ran, Sop, table

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 7, 12, tzinfo=UTC)
PACK = {"title": {"en": "Pack", "zh-Hans": "包"}, "line": "pack", "price": "29.90 USD"}
ASKED = ("--title", "Freight", "--start", "2026-03-07T20:00", "--link", "https://live.example/1")


@pytest.fixture
async def selling(conn: Connection, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A pack to sell; no Prefect server, and no memory of one."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    monkeypatch.setattr(runs, "_lane", runs._Lane())
    published = Bundle({**bundle.source, "plans": {"pack": PACK}}, bundle.copy)
    await publish(conn, published, "test")
    return published


async def added(sop: Sop, *options: object) -> Ran:
    ran = await sop("live", "add", *ASKED, "--plan", "pack", "--price", "19.90 USD", "--first", 50, *options)
    assert ran.code == 0, ran.err
    return ran


async def lives(conn: Connection) -> list[dict[str, Any]]:
    return await table(conn, "lives")


async def test_a_session_is_added_and_its_rungs_are_shown(sop: Sop, conn: Connection, selling: Bundle) -> None:
    ran = await added(
        sop, "--speaker", HOSTILE.replace("\x1b", ""), "--length", "90m", "--announce", "2026-03-05T10:00"
    )
    lines = [line.split() for line in ran.out.splitlines()]
    rungs = {words[0]: " ".join(words[1:3]) for words in lines if len(words) >= 3 and words[1].startswith("2026-")}
    assert rungs == {
        "announce": "2026-03-05 10:00", "day_before": "2026-03-06 20:00", "hour_before": "2026-03-07 19:00",
        "live_now": "2026-03-07 20:00", "open": "2026-03-07 21:30", "half": "2026-03-08 21:30",
        "last_call": "2026-03-09 18:30", "close": "2026-03-09 21:30", "result": "2026-03-09 22:30",
    }  # fmt: skip
    assert "https://t.me/<your bot>?start=live_1" in ran.out
    assert "Not shown in Prefect yet: Prefect server" in ran.out
    (live,) = await lives(conn)
    assert (live["starts_at"], live["coupon"], live["plan"]) == (START, "LIVE1", "pack")
    assert [(c["first_n"], c["value"]) for c in await table(conn, "coupons")] == [(50, 1990)]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--start", "2026-03-01T20:00"), "start: it is over already"),
        (("--start", "tomorrow"), "--start: 'tomorrow' is not a date and time"),
        (("--length", "long"), "--length: 'long' is not a duration"),
        (("--link", "live.example"), "url: "),
        (("--price", "9 USD"), "--plan: missing"),
        (("--plan", "year"), "plan year: nothing the playbook sells; it has pack"),
        (("--plan", "pack", "--price", "9 USD", "--percent", "20%"), "give one of percent, amount and price"),
        (("--plan", "pack", "--price", "99 USD"), "costs 29.90 USD; give less"),
    ],
)
async def test_what_is_wrong_is_told_and_nothing_is_added(
    sop: Sop, conn: Connection, selling: Bundle, options: tuple[str, ...], says: str
) -> None:
    ran = await sop("live", "add", *ASKED, *options)
    assert (ran.code, says in ran.err) == (1, True), ran.err
    assert await lives(conn) == []


async def test_a_session_has_materials_and_its_announcement_names_them(
    sop: Sop, conn: Connection, selling: Bundle
) -> None:
    where = "https://club.example/freight?a=1&b=2"
    assert where in (await added(sop, "--materials", where)).out
    composer = Composer(Bundles(), bot_id=BOT_ID, username="the_bot", links_url=None, link_secret="")
    names = {"first_name": "Ann", "last_name": "", "username": None, "group_title": "Club", "locale": "en"}
    row = {"id": 1, "chat_id": 1, "template": "live_conversion/announce", "context": {"live": 1}, **names}
    text = (await composer.render(conn, selling, row)).text
    assert '<a href="https://club.example/freight?a=1&amp;b=2">To read beforehand</a>' in text
    await conn.execute("UPDATE lives SET materials = NULL")
    composer = Composer(Bundles(), bot_id=BOT_ID, username="the_bot", links_url=None, link_secret="")
    assert "To read beforehand" not in (await composer.render(conn, selling, row)).text


async def test_materials_are_an_address(sop: Sop, selling: Bundle) -> None:
    ran = await sop("live", "add", *ASKED, "--materials", "javascript:alert(1)")
    assert ran.code == 1
    assert "web address" in ran.err


async def test_a_session_is_listed_and_shown(sop: Sop, conn: Connection, selling: Bundle, member: MakeMember) -> None:
    assert "sop live add" in (await sop("live", "list")).out
    await added(sop)
    await register(conn, 1, await member(), NOON, "button")
    words = (await sop("live", "list")).out.splitlines()[-1].split()
    assert words == ["1", "Freight", "2026-03-07", "20:00", "to", "come", "1", "0", "LIVE1", "50"]
    shown = await sop("live", "show", "freight")
    assert ["registered", "1"] in [line.split() for line in shown.out.splitlines()]
    assert "Registered" not in shown.out
    rows = (await sop("live", "show", "freight", "--rows", "--limit", "1")).out
    assert re.search(r"Registered.*\n.*member.*\n(.*\n)?.*2026-03-0\d \d\d:\d\d +1 +unknown", rows), rows
    assert "The first 1; more with --limit." in rows
    assert (await sop("live", "show", "nothing")).err.startswith("'nothing': no such live session")
    for hours, standing in ((0.5, "on air"), (2, "offer open"), (50, "over")):
        await set_virtual_now(conn, START + hours * HOUR)
        assert standing in (await sop("live", "list")).out
    await set_virtual_now(conn, START + 2000 * HOUR)
    assert "Freight" not in (await sop("live", "list")).out
    assert "Freight" in (await sop("live", "list", "--all")).out


async def test_a_stage_that_is_switched_off_is_told(sop: Sop, conn: Connection, selling: Bundle) -> None:
    stages = {**selling.source["stages"]}
    stages["live_conversion"] = {**stages["live_conversion"], "enabled": False}
    await publish(conn, Bundle({**selling.source, "stages": stages}, selling.copy), "off")
    assert "switched off in the playbook in force" in (await added(sop)).out


async def test_a_session_is_moved(sop: Sop, conn: Connection, selling: Bundle) -> None:
    await added(sop)
    ran = await sop("live", "move", 1, "--start", "2026-03-08T20:00+08:00", "--length", "2h", "--window", "1d")
    assert ran.code == 0, ran.err
    (live,) = await lives(conn)
    assert (live["starts_at"], live["ends_at"], live["version"]) == (START + 24 * HOUR, START + 26 * HOUR, 2)
    assert live["window_until_at"] == START + 50 * HOUR
    assert "moved" in ran.out
    assert "nothing to move" in (await sop("live", "move", 1)).err


async def test_a_session_is_cancelled_when_it_is_meant(sop: Sop, conn: Connection, selling: Bundle) -> None:
    await added(sop)
    asked = await sop("live", "cancel", 1)
    assert asked.code == 1
    assert (await lives(conn))[0]["cancelled_at"] is None
    ran = await sop("live", "cancel", 1, "--yes")
    assert "whoever registered is told" in ran.out
    assert (await lives(conn))[0]["cancelled_at"] == NOON
    assert "it is cancelled" in (await sop("live", "cancel", 1, "--yes")).err
    assert "cancelled" in (await sop("live", "list")).out


async def test_viewers_are_shown_then_counted(
    sop: Sop, conn: Connection, selling: Bundle, member: MakeMember, tmp_path: Path
) -> None:
    await added(sop)
    who, file = await member(username="ann"), tmp_path / "viewers.csv"
    file.write_text("username,minutes\n@Ann,44\n")
    await set_virtual_now(conn, START + HOUR)
    shown = await sop("live", "viewers", 1, file)
    assert "1 viewer in the list" in shown.out
    assert "Nothing was written" in shown.out
    assert await table(conn, "live_attendances") == []
    assert (await sop("live", "viewers", 1, file, "--apply")).code == 0
    (row,) = await table(conn, "live_attendances")
    assert (row["member_id"], row["minutes"]) == (who, 44)
    file.write_text("username\nbob\n")
    assert f"{file}:2: @bob: no such member" in (await sop("live", "viewers", 1, file, "--apply")).err


async def test_questions_are_written_for_the_speaker(
    sop: Sop, conn: Connection, selling: Bundle, member: MakeMember, tmp_path: Path
) -> None:
    await added(sop)
    who = await member(first_name="Ann")
    await ask(conn, 1, who, "=1+1, sea or air?", NOON)
    file = tmp_path / "questions.csv"
    ran = await sop("live", "export-questions", 1, file)
    assert ran.out == f"{file}: 1 question for Freight.\n"
    with file.open(encoding="utf-8", newline="") as written:
        head, row = csv.reader(written)
    assert head == ["asked (Asia/Shanghai)", "member", "name", "question"]
    assert row == ["2026-03-04 12:00", str(who), "Ann", "'=1+1, sea or air?"]
    assert "No such file" in (await sop("live", "export-questions", 1, tmp_path / "none" / "x.csv")).err
