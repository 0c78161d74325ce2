"""Verbs that change something: publish, outbox retry and settle, halt, resume."""

import re
from pathlib import Path

import pytest

from community.bundle import Bundle, load_bundle
from community.database.pool import Connection
from community.outreach.plan import plan
from tests.e2e.cli.conftest import BOT_ID, NOON, STAGE, MakeMember, Sop, edited, switch_off, table


async def test_publish_says_what_changes(sop: Sop, conn: Connection, folder: Path) -> None:
    first = await sop("publish", "--note", "first")
    assert first.code == 0
    assert (await sop("publish", "--note", "again")).out.endswith("nothing changed, nothing published.\n")
    switch_off(folder)
    with edited(folder) as playbook:
        playbook["caps"]["per_day"] = 1
        playbook["stages"][STAGE]["steps"][-1]["at"] = "11:11"
    (folder / "copy/en/bot/help.html").write_text("Ask us.")
    ran = await sop("publish", "--note", "quieter")
    assert load_bundle(folder).hash in ran.out
    assert {line.strip() for line in ran.out.splitlines()[1:]} == {
        "stage welcome_drip: switched off; what waits of it is held back",
        "welcome_drip: step day_7 changed",
        "caps changed",
        "copy en/bot/help changed",
    }
    assert [row["note"] for row in await table(conn, "publications")] == ["first", "quieter"]
    assert [row["scope"] for row in await table(conn, "halts")] == ["stage:welcome_drip"]


async def test_a_changed_schedule_is_published_even_while_prefect_is_away(
    sop: Sop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    await sop("publish", "--note", "first")
    with edited(folder) as playbook:
        playbook["stages"][STAGE]["schedule"]["cron"] = "7 * * * *"
    ran = await sop("publish", "--note", "later in the hour")
    assert ran.code == 0
    assert "welcome_drip: schedule changed" in ran.out
    assert "schedules are not in Prefect yet: Prefect server" in ran.out
    assert "at the next `make up`" in ran.out


async def test_publish_refuses_what_check_finds(sop: Sop, conn: Connection, folder: Path) -> None:
    (folder / "copy/en/bot/help.html").unlink()
    ran = await sop("publish", "--note", "x")
    assert ran.code == 1
    assert "templates/copy/en/bot/help.html:1: missing copy" in ran.err
    assert await table(conn, "publications") == []


async def test_publish_wants_a_note(sop: Sop) -> None:
    assert (await sop("publish")).code == 2


@pytest.fixture
async def queued(conn: Connection, bundle: Bundle, member: MakeMember) -> list[int]:
    """Three members' messages: waiting, failed, uncertain."""
    for _ in range(3):
        await member(entered_at=NOON)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    numbers = [row["id"] for row in await table(conn, "messages")]
    assert len(numbers) == 3
    await conn.execute("UPDATE messages SET state = 'failed', reason = 'blocked' WHERE id = %s", [numbers[1]])
    await conn.execute("UPDATE messages SET state = 'uncertain', reason = 'timed_out' WHERE id = %s", [numbers[2]])
    return numbers


async def test_outbox_counts_forecasts_and_lists(sop: Sop, queued: list[int]) -> None:
    ran = await sop("outbox")
    for state in ("waiting", "failed", "uncertain"):
        assert re.search(rf"welcome +{state} +1 +0 s", ran.out)
    assert "1 message due now, 30 a second: done in" in ran.out
    assert "service is not running" in ran.out
    assert "has blocked the bot" in ran.out
    only = await sop("outbox", "--state", "failed", "--limit", 5)
    assert "has blocked the bot" in only.out
    assert "may have arrived" not in only.out
    refused = await sop("outbox", "--state", "sent")
    assert (refused.code, refused.out) == (1, "")


async def test_outbox_empty(sop: Sop, bundle: Bundle) -> None:
    ran = await sop("outbox")
    assert "everything is done" in ran.out
    assert "Nothing due now." in ran.out


async def test_retry_and_settle(sop: Sop, conn: Connection, queued: list[int]) -> None:
    waiting, failed, uncertain = queued
    ran = await sop("outbox", "retry", waiting, failed)
    assert ran.out == "1 message will be sent again; 1 left alone: neither failed nor uncertain.\n"
    assert (await sop("outbox", "settle", uncertain, "--not-arrived")).out == "1 message settled as failed.\n"
    assert [row["state"] for row in await table(conn, "messages")] == ["waiting", "waiting", "failed"]
    nothing = await sop("outbox", "settle", uncertain, "--arrived")
    assert (nothing.code, nothing.out) == (1, "")
    assert (await sop("outbox", "settle", uncertain)).code == 2, "an operator has to say which"


async def test_halt_and_resume_say_what_is_halted(sop: Sop, conn: Connection, bundle: Bundle) -> None:
    assert "all" in (await sop("halt", "--note", "broken link")).out
    assert "stage:welcome_drip" in (await sop("halt", STAGE)).out
    ran = await sop("halt", "-1001234")
    assert ran.out.startswith("Halted: 3 scopes.")
    assert "broken link" in ran.out
    for scope in ("all", STAGE):
        await sop("resume", scope)
    assert [row["scope"] for row in await table(conn, "halts")] == ["chat:-1001234"]
    assert (await sop("resume", "-1001234")).out == "Nothing is halted.\n"
    assert "no operator had halted it" in (await sop("resume")).out


async def test_a_misspelt_stage_is_not_taken_for_a_halt(sop: Sop, conn: Connection, bundle: Bundle) -> None:
    ran = await sop("halt", "welcom_drip")
    assert ran.code == 1
    assert STAGE in ran.err
    assert await table(conn, "halts") == []


async def test_resume_tells_who_else_holds_a_stage(sop: Sop, conn: Connection, folder: Path) -> None:
    switch_off(folder)
    await sop("publish", "--note", "off")
    ran = await sop("resume", STAGE)
    assert "switch the stage on in the playbook" in ran.out
