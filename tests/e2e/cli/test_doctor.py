"""`sop doctor`: each problem with its remedy, exit code 1 if there is one. Prefect is not there in these tests."""

import re
from collections.abc import AsyncIterator

import pytest

from community.bot.inbox import ALLOWED_UPDATES
from community.bundle import Bundle
from community.database.installation import beat
from community.database.pool import Connection
from community.outbox.bundles import publish
from community.outreach.plan import plan
from community.sandbox.client import SandboxClient
from community.settings import Settings
from deployments.bot_api import bot_api
from tests.e2e.cli.conftest import BOT_ID, NOON, STAGE, MakeMember, Sop, table
from tests.flows.sandbox import running_sandbox
from tests.integration.access_kit import with_plans

OWNER = 900


@pytest.fixture
async def telegram(sop: Sop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SandboxClient]:
    """A sandbox on a free port, named by the settings; no Prefect server."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    async with running_sandbox(monkeypatch) as client:
        yield client


async def test_what_is_fine_and_what_is_not(
    sop: Sop, conn: Connection, bundle: Bundle, telegram: SandboxClient
) -> None:
    await telegram.create_user(OWNER, "Olga")
    for title, rights in (("Club", None), ("Bare", ["can_invite_users"])):
        chat_id = await telegram.create_group(title, owner=OWNER, rights=rights)
        values = [chat_id, title, NOON]
        await conn.execute("INSERT INTO groups (chat_id, title, registered_at) VALUES (%s, %s, %s)", values)
    await beat(conn, "test", "service")
    ran = await sop("doctor")
    assert ran.code == 1
    for what in ("disk", "database", "migrations", "token", "webhook", "service", "limits", "queue"):
        assert re.search(rf"^ok +{what} ", ran.out, re.M), what
    assert re.search(r"WRONG +Prefect +no server answers", ran.out)
    assert re.search(r"WRONG +allowed updates", ran.out)
    assert re.search(r"ok +group 1, 'Club' +the bot is administrator", ran.out)
    assert re.search(r"WRONG +group 2, 'Bare' +the bot may not delete messages *$", ran.out, re.M)
    assert "make it an administrator with these rights" in ran.out


async def test_a_group_that_plans_open_needs_the_right_to_ban(
    sop: Sop, conn: Connection, bundle: Bundle, telegram: SandboxClient
) -> None:
    await telegram.create_user(OWNER, "Olga")
    rights = ["can_invite_users", "can_delete_messages"]
    for title in ("VIP", "Club"):
        chat_id = await telegram.create_group(title, owner=OWNER, rights=rights)
        values = [chat_id, title, NOON]
        await conn.execute("INSERT INTO groups (chat_id, title, registered_at) VALUES (%s, %s, %s)", values)
    await publish(conn, with_plans(bundle), "plans open a group")
    ran = await sop("doctor")
    assert re.search(r"WRONG +group 1, 'VIP' +the bot may not ban users *$", ran.out, re.M)
    assert re.search(r"ok +group 2, 'Club' ", ran.out)


async def test_a_library_needs_a_public_address(
    sop: Sop, conn: Connection, bundle: Bundle, telegram: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "library" not in (await sop("doctor")).out
    plans = {**bundle.source["plans"], "month": {**bundle.source["plans"]["month"], "library": ["trade_figures"]}}
    await publish(conn, Bundle({**bundle.source, "plans": plans}, bundle.copy), "a library")
    assert re.search(r"ok +library ", (await sop("doctor")).out)
    monkeypatch.setattr(Settings, "links_url", None)
    ran = await sop("doctor")
    assert re.search(r"WRONG +library +links to it lead there directly", ran.out)
    assert "set SOP_PUBLIC_URL" in ran.out


async def test_without_a_database_it_still_looks_at_the_token(
    sop: Sop, telegram: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOP_DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/sop")
    ran = await sop("doctor")
    assert ran.code == 1
    assert re.search(r"WRONG +database", ran.out)
    assert re.search(r"ok +token", ran.out)
    assert "s3cret" not in ran.out + ran.err


async def test_telegram_away_is_one_problem(sop: Sop, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    ran = await sop("doctor")
    assert ran.code == 1
    assert re.search(r"WRONG +token +Telegram cannot be reached", ran.out)
    assert "sandbox-token" not in ran.out + ran.err


async def test_an_old_queue_a_silent_service_and_an_old_schema(
    sop: Sop,
    conn: Connection,
    bundle: Bundle,
    member: MakeMember,
    telegram: SandboxClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deployments.doctor.LEAST_FREE", 2**62)
    await member(entered_at=NOON)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await conn.execute("UPDATE messages SET due_at = due_at - interval '1 hour'")
    held = (await table(conn, "alembic_version"))[0]["version_num"]
    await conn.execute("UPDATE alembic_version SET version_num = '0000'")
    ran = await sop("doctor")
    await conn.execute("UPDATE alembic_version SET version_num = %s", [held])
    assert re.search(r"WRONG +disk +[\d.]+ GiB free", ran.out)
    assert re.search(r"WRONG +migrations +at 0000", ran.out)
    assert re.search(r"WRONG +service +has never run", ran.out)
    assert re.search(r"WRONG +queue .* due for 60 min", ran.out)


async def test_allowed_updates_are_compared(sop: Sop, bundle: Bundle, telegram: SandboxClient) -> None:
    settings = Settings()
    async with bot_api(settings.telegram_api, settings.token) as api:
        await api.ask("getUpdates", allowed_updates=ALLOWED_UPDATES)
    assert re.search(r"ok +allowed updates", (await sop("doctor")).out)
