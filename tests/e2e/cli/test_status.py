"""`sop status`: one screen says how the installation stands."""

import asyncio
import re
from datetime import timedelta

import aiohttp
import pytest
import uvicorn

from community.bot.inbox import store
from community.bundle import Bundle
from community.database.installation import sop_now
from community.database.pool import Connection, Pool
from community.database.wakeup import Wakeup
from community.gateway.app import create_gateway
from community.gateway.server import http_config
from community.outbox.alerts import Alert, alert
from community.outreach.plan import plan
from community.sandbox.server import bind
from community.settings import load_settings
from tests.e2e.cli.conftest import BOT_ID, NOON, STAGE, MakeMember, Sop

DAY = timedelta(days=1)


async def test_status_on_one_screen(sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    for _ in range(2):
        await member(entered_at=NOON)
    await member(entered_at=NOON, dm="blocked")
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await conn.execute("UPDATE messages SET state = 'failed', reason = 'no_rights' WHERE member_id = 1")
    await conn.execute("INSERT INTO chat_paces SELECT %s, n, clock_timestamp() FROM generate_series(1, 30) n", [BOT_ID])
    await sop("halt", "--note", "broken link")
    ran = await sop("status")
    assert ran.code == 0
    assert "Rate in use: 0.5 of 30 a second (30 chats in the last minute)." in ran.out
    assert "1 message due now" in ran.out
    assert "broken link" in ran.out
    assert re.search(r"welcome_drip +2026-03-04 12:00 .* 2 +0 +1: has blocked the bot", ran.out)
    assert re.search(r"1 +failed +welcome_drip +the bot lacks the admin right", ran.out)
    assert f"{bundle.hash[:12]}, published" in ran.out
    assert re.search(r"migration \d{4}", ran.out)


async def test_status_tells_what_left_in_time(sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    numbers = [await member(entered_at=NOON - DAY) for _ in range(4)]
    await conn.execute("UPDATE members SET home_group_id = (SELECT id FROM groups) WHERE id < %s", [numbers[3]])
    await conn.execute("UPDATE groups SET title = '[bold]Club\x1b'")
    await plan(conn, bundle, STAGE, NOON - timedelta(hours=2), bot_id=BOT_ID)
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = due_at WHERE step = 'day_1'")
    await conn.execute(
        "UPDATE messages SET sent_at = due_at + interval '90 minutes' WHERE member_id = %s", [numbers[3]]
    )
    await conn.execute("UPDATE messages SET state = 'cancelled' WHERE step = 'welcome'")
    ran = await sop("status")
    assert re.search(
        r"welcome_drip +75 % +4 +3 +0 +1: by 1 h 30 min \(median\), 1 h 30 min \(worst\) +0 +0 +0", ran.out
    )
    assert "Of the last 7 days: 3 of 4 in time (75 %)." in ran.out
    groups = await sop("status", "--groups")
    assert re.search(r"no group +0 % +1 +0 .*\n\[bold\]Club +100 % +3 +3 ", groups.out)
    assert "\x1b" not in groups.out
    assert "Versions" not in groups.out


async def test_status_before_anything_happened(sop: Sop, conn: Connection, bundle: Bundle) -> None:
    await conn.execute("DELETE FROM budgets")
    ran = await sop("status")
    assert ran.code == 0
    assert re.search(r"welcome_drip +never", ran.out)
    assert "No rate limit is set yet" in ran.out
    assert "Of the last 7 days: nothing was wanted yet." in ran.out


async def test_status_shows_what_staff_are_told_and_a_chat_that_takes_nothing(
    sop: Sop, conn: Connection, bundle: Bundle
) -> None:
    at = await sop_now(conn)
    for _ in range(2):
        await alert(conn, Alert("a", "[bold]The disk\x1b is full", "host", "make room"), at)
    await conn.execute(
        "INSERT INTO messages (bot_id, chat_id, lane, stage, step, occurrence, planned_at, due_at, state, reason)"
        " VALUES (%s, -1, 2, 'staff', 'alert', 'x', %s, %s, 'failed', 'bot_was_kicked')",
        [BOT_ID, at, at],
    )
    ran = await sop("status")
    assert re.search(r"\[bold\]The disk is full +host +make room .* not yet +2", ran.out)
    assert "No staff chat is set" in ran.out
    assert "The staff chat did not take 1 message: the bot was removed from the chat" in ran.out


async def test_status_tells_what_was_refused(
    sop: Sop, conn: Connection, bundle: Bundle, pool: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(conn, BOT_ID, [{"update_id": 1, "message": {"text": "secret words"}}, {"update_id": 2}])
    await conn.execute("UPDATE updates SET state = 'failed', error = 'KeyError: secret words' WHERE update_id = 1")
    listener = bind("127.0.0.1", 0)
    monkeypatch.setenv("SOP_GATEWAY_PORT", str(listener.getsockname()[1]))
    settings = load_settings()
    gateway = uvicorn.Server(http_config(create_gateway(pool, settings, Wakeup(database_url), lambda: None)))
    serving = asyncio.create_task(gateway.serve([listener]))
    async with aiohttp.ClientSession() as http:
        await http.post(f"http://127.0.0.1:{settings.gateway_port}/telegram/{settings.bot_id}")
    ran = await sop("status")
    gateway.should_exit = True
    await serving

    assert re.search(r"1 +failed +message +KeyError +20", ran.out)
    assert re.search(r"1 +waiting +unknown +- +20", ran.out)
    assert re.search(r"\d+ +delivery to the webhook refused +secret", ran.out)
    assert "secret words" not in ran.out
