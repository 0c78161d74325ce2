"""Members do not wait for Prefect: its server hung or gone, they are welcomed at once, and the run is shown later."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import psutil
import pytest
from prefect.settings import PREFECT_API_URL

from community.bundle import load_bundle
from community.database.installation import claim, sop_now
from community.database.pool import Connection
from community.outbox.bundles import Bundles, publish
from community.outreach.proposals import propose_send
from community.sandbox.app import create_app
from community.sandbox.client import SandboxClient
from community.sandbox.server import bind, server
from community.sandbox.world import Options
from community.settings import load_settings

ROOT = Path(__file__).parents[2]
IMPATIENT = """
from deployments import runs, service, triggers
triggers.GAP_S = triggers.RETRY_S = 0.2
triggers.LONGEST_GAP_S = 2.0
runs._lane._breaker = runs.Breaker(rest=0.5)
service.main()
"""
"""The service as in use, but for its rests: it asks Prefect again within a second instead of twenty."""
SHOWN_WITHIN_S = 120.0
SOON_S = 5.0
"""A welcome takes a tenth of a second; a call to a hung Prefect server blocks for 45."""
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def environment(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Settings of every process of the test. Where they look for Prefect's server, nobody answers yet."""
    gateway, sandbox, prefect = _free_ports(3)
    ours = {
        "SOP_MODE": "sandbox",
        "SOP_DATABASE_URL": database_url,
        "SOP_DATA_DIR": str(tmp_path),
        "SOP_PLAYBOOK_DIR": str(tmp_path / "playbook"),
        "SOP_GATEWAY_PORT": str(gateway),
        "SOP_SANDBOX_PORT": str(sandbox),
        "PREFECT_API_URL": f"http://127.0.0.1:{prefect}/api",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    return {**os.environ, **ours}


@asynccontextmanager
async def there(environment: dict[str, str]) -> AsyncIterator[None]:
    """The tests' Prefect server answers where the test's processes look for it."""
    here, server = (urlsplit(url) for url in (environment["PREFECT_API_URL"], PREFECT_API_URL.value() or ""))

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while some := await reader.read(1 << 16):
                writer.write(some)
                await writer.drain()
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asking = await asyncio.open_connection(server.hostname, server.port)
        await asyncio.gather(carry(reader, asking), carry(answers, writer))

    async with await asyncio.start_server(join, here.hostname, here.port):
        yield


@contextmanager
def hung(server: psutil.Process) -> Iterator[None]:
    """Prefect's server answers nobody."""
    whole = [server, *server.children(recursive=True)]
    for process in whole:
        process.suspend()
    try:
        yield
    finally:
        for process in whole:
            process.resume()


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start `python …` with its log in the test's folder; killed at the end, children included."""
    started: list[psutil.Popen] = []

    def run(*arguments: str) -> psutil.Popen:
        with (tmp_path / f"{len(started)}.log").open("ab") as log:
            process = psutil.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log)
        started.append(process)
        return process

    yield run
    for process in started:
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            for member in [*process.children(recursive=True), process]:
                member.kill()
        process.wait()


@pytest.fixture
async def telegram(environment: dict[str, str]) -> AsyncIterator[SandboxClient]:
    """A Telegram where the bot is admin of one group."""
    serving = server(create_app(Options(tokens=(load_settings().token,))))
    task = asyncio.create_task(serving.serve([bind("127.0.0.1", int(environment["SOP_SANDBOX_PORT"]))]))
    async with SandboxClient(f"http://127.0.0.1:{environment['SOP_SANDBOX_PORT']}") as client:
        await client.create_user(1, "Owner")
        await client.create_group("Club", owner=1, bots=[])
        yield client
    serving.should_exit = True
    await task


@pytest.fixture
async def playbook(environment: dict[str, str], conn: Connection) -> None:
    """The shipped playbook with the gate open, so that the welcome is the first private message."""
    settings = load_settings()
    shutil.copytree(ROOT / "templates", settings.playbook_dir)
    file = settings.playbook_dir / "playbook.yaml"
    shipped = file.read_text(encoding="utf-8")
    file.write_text(shipped.replace("gate:\n  enabled: true", "gate:\n  enabled: false"), encoding="utf-8")
    opened = load_bundle(settings.playbook_dir)
    assert not opened.playbook.gate.enabled
    await claim(conn, settings.bot_id, settings.effective_mode)
    await publish(conn, opened, "gate open")


async def test_members_do_not_wait_for_prefect(
    playbook: None,
    environment: dict[str, str],
    start: Start,
    telegram: SandboxClient,
    conn: Connection,
    deployed: None,
    server_process: psutil.Process,
) -> None:
    since = datetime.now(UTC)
    service = start("-c", IMPATIENT)  # no Prefect server at all yet
    link = await _door(conn, telegram)
    assert await _welcomed_in(telegram, 11, link) < SOON_S
    assert await _unshown(conn) == 1

    async with there(environment):
        await _until(lambda: _all_shown(conn))
        assert await _runs(environment, since) == ["1 member · 1 welcomed"]

        with hung(server_process):
            waited = [await _welcomed_in(telegram, member, link) for member in (12, 13, 14)]
            assert min(waited) < 1
            assert max(waited) < SOON_S
            assert await _unshown(conn) == 3
        await _until(lambda: _all_shown(conn))
        names = await _runs(environment, since)
        assert sum(int(name.split()[0]) for name in names) == 4
        assert all(name.endswith("welcomed") for name in names)

        with hung(server_process):
            assert await _welcomed_in(telegram, 15, link) < SOON_S
            began = time.monotonic()
            service.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(service.wait, 20) == 0
            assert time.monotonic() - began < SOON_S


async def test_a_word_of_the_staff_chat_is_carried_out_without_prefect(
    playbook: None,
    environment: dict[str, str],
    start: Start,
    telegram: SandboxClient,
    conn: Connection,
) -> None:
    staff = await telegram.create_group("Staff", owner=1)
    environment["SOP_STAFF_CHAT"] = str(staff)
    start("-m", "deployments.service")
    for member in (21, 22):
        await telegram.create_user(member, f"User {member}")
        await telegram.start(member, load_settings().bot_id)
        await _until(lambda who=member: telegram.received(who))  # type: ignore[misc]
    at = await sop_now(conn)
    await conn.execute(
        "WITH g AS (INSERT INTO groups (chat_id, title, registered_at) VALUES (-1001, 'Club', %(at)s) RETURNING id)"
        " INSERT INTO memberships (member_id, group_id, joined_at) SELECT m.id, g.id, %(at)s FROM g, members m",
        {"at": at},
    )
    await conn.execute("UPDATE members SET entered_at = %s", [at])
    bundle = await Bundles().current(conn)
    whose = {"bot_id": load_settings().bot_id, "run_id": str(uuid4()), "staff_chat": staff}
    await propose_send(conn, bundle, "welcome_drip", await sop_now(conn), **whose)

    async def question() -> dict[str, Any] | None:
        asked = [each for each in await telegram.history(staff) if "approve:" in json.dumps(each)]
        return asked[0] if asked else None

    asked = await _until(question)
    before = len(await telegram.received(21))
    began = time.monotonic()
    button = asked["buttons"][0]["text"]
    pressed = await telegram.press(1, text=button, message=asked["message_id"], chat=staff)
    await _until(lambda: _answered(telegram, pressed["callback_query_id"]))
    assert (await telegram.callback(pressed["callback_query_id"]))["text"] == "已批准：几秒内开始发送。"
    await _until(lambda: _more_than(telegram, 21, before))
    assert time.monotonic() - began < SOON_S
    row = await (await conn.execute("SELECT state, decided_how FROM plans WHERE hash IS NOT NULL")).fetchone()
    assert row == {"state": "executed", "decided_how": "staff_chat"}


async def _answered(telegram: SandboxClient, query: str) -> bool:
    return bool((await telegram.callback(query))["answered"])


async def _more_than(telegram: SandboxClient, member: int, before: int) -> bool:
    return len(await telegram.received(member)) > before


async def _door(conn: Connection, telegram: SandboxClient) -> str:
    """The group's join-request link, once the bot has been added and has made it."""
    group = (await telegram.chats())["groups"][0]["id"]
    await telegram.add_bot(1, group, load_settings().bot_id, admin=True)

    async def link() -> str | None:
        row = await (await conn.execute("SELECT invite_link FROM groups WHERE invite_link IS NOT NULL")).fetchone()
        return row and row["invite_link"]

    return str(await _until(link))


async def _welcomed_in(telegram: SandboxClient, member: int, link: str) -> float:
    """Seconds from the join request to the welcome in the private chat."""
    await telegram.create_user(member, f"User {member}")
    began = time.monotonic()
    await telegram.request_join(member, link)
    await _until(lambda: telegram.received(member))
    return time.monotonic() - began


async def _unshown(conn: Connection) -> int:
    row = await (
        await conn.execute("SELECT count(*) AS waiting FROM stage_triggers WHERE shown_wall IS NULL")
    ).fetchone()
    assert row is not None
    return int(row["waiting"])


async def _all_shown(conn: Connection) -> bool:
    return await _unshown(conn) == 0


async def _runs(environment: dict[str, str], since: datetime) -> list[str]:
    """What the completed runs of joins say after stage and date."""
    ours = {"tags": {"all_": ["joined"]}, "start_time": {"after_": since.isoformat()}}
    asked = {"flow_runs": {**ours, "state": {"type": {"any_": ["COMPLETED"]}}}}
    url = f"{environment['PREFECT_API_URL']}/flow_runs/filter"
    async with aiohttp.ClientSession() as http, http.post(url, json=asked) as answer:
        return [run["name"].split(" · ", 2)[2] for run in await answer.json()]


async def _until(question: Callable[[], Awaitable[Any]]) -> Any:
    """The first answer that is one."""
    async with asyncio.timeout(SHOWN_WITHIN_S):
        while True:
            if answer := await question():
                return answer
            await asyncio.sleep(0.02)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports
