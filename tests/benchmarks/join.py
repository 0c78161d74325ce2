"""Row `join`: from the moment a user asks to join to the arrival of the bot's first private message at Telegram.

50 requests a second for 60 s against the always-on service as it runs in use, the bot-wide limit off. Prefect's server
is not there: nobody who waits depends on it (DESIGN invariant 8). The reference is the bare round trip in the same
sandbox under the same load: an update long-polled and answered with `send_message` at once, without database, by
python-telegram-bot.
"""

import asyncio
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
from telegram import Bot

from community.bundle import load_bundle
from community.channels.telegram import make_bot
from community.database.pool import Connection, connect
from community.outbox.bundles import publish
from community.outbox.claim import ensure_budget
from community.sandbox.client import SandboxClient
from community.settings import Mode, Settings
from tests.benchmarks.harness import BOT_ID, ROOT, TOKEN, Row, database, free_port, sandbox

PER_SECOND, SECONDS = 50, 60
PEOPLE = PER_SECOND * SECONDS
PATIENCE_S = 15.0
"""After the last request; what has not arrived by then is lost."""
OWNER, FIRST_USER, FIRST_OF_BARE = 1, 1_000_000, 2_000_000
SERVICE = Settings(_env_file=None, mode=Mode.sandbox)


async def run() -> Row:
    """Measure the service, then the bare loop."""
    with database() as url:
        async with sandbox("--token", SERVICE.token, "--journal-limit", "100000") as api, SandboxClient(api) as client:
            await client.create_users([{"id": OWNER, "first_name": "Owner"}])
            ours = await _ours(url, api, client)
            bare = await _bare(api, client)
    p50, p95 = _quantiles(ours)
    bare_p50, bare_p95 = _quantiles(bare)
    lost = PEOPLE - len(ours)
    details: dict[str, float | int | str] = {
        "p50, of": f"{PEOPLE} joins, {PER_SECOND} a second",
        "p95, ms": round(p95 * 1e3),
        "slowest, ms": round(max(ours) * 1e3),
        "lost": lost,
        "load average": f"{os.getloadavg()[0]:.1f}",
    }
    reference = {"bare p50, ms": bare_p50 * 1e3, "bare p95, ms": bare_p95 * 1e3}
    passed = p50 < 0.5 and p95 < 1 and lost == 0
    target = "p50 < 500 ms, p95 < 1 s, none lost"
    return Row("join", p50 * 1e3, "ms", reference, p50 / bare_p50, target, passed, details)


def _quantiles(waits: list[float]) -> tuple[float, float]:
    """p50 and p95."""
    twentieths = statistics.quantiles(waits, n=20)
    return twentieths[9], twentieths[18]


async def _ours(url: str, api: str, client: SandboxClient) -> list[float]:
    async with await connect(url) as conn:
        await publish(conn, load_bundle(ROOT / "templates"), "bench")
        async with _service(url, api) as service:
            group = await client.create_group("Club", owner=OWNER, bots=[])
            await client.add_bot(OWNER, group, SERVICE.bot_id, admin=True)
            link = await _door(conn)
            await ensure_budget(conn, SERVICE.bot_id, None)
            await _settle(service)
            return await _waits(client, link, FIRST_USER, SERVICE.bot_id)


@asynccontextmanager
async def _service(url: str, api: str) -> AsyncIterator[psutil.Process]:
    """The always-on service in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="sop-bench-") as home:
        service = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deployments.service", cwd=ROOT, env=_environment(url, api, home),
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield psutil.Process(service.pid)
        finally:
            service.terminate()
            await service.wait()


async def _settle(service: psutil.Process) -> None:
    """Wait until it has started altogether: always on, it does so once, and imports Prefect for seconds meanwhile."""
    used = math.inf
    while sum(service.cpu_times()[:2]) - used > 0.1 or used == math.inf:
        used = sum(service.cpu_times()[:2])
        await asyncio.sleep(1)


def _environment(url: str, api: str, home: str) -> dict[str, str]:
    """Settings of the service; what the machine's own environment says about others is left out."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("SOP_", "PREFECT_"))}
    return others | {
        "SOP_MODE": SERVICE.effective_mode.value,
        "SOP_TELEGRAM_TOKEN": "",
        "SOP_PUBLIC_URL": "",
        "SOP_DATABASE_URL": url,
        "SOP_DATA_DIR": home,
        "SOP_SANDBOX_PORT": api.rpartition(":")[2],
        "SOP_GATEWAY_PORT": str(free_port()),
        "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api",
        "PREFECT_HOME": home,
    }


async def _door(conn: Connection) -> str:
    """The service's own join-request link: once it has made it, it serves."""
    for _ in range(600):
        row = await (await conn.execute("SELECT invite_link FROM groups WHERE invite_link IS NOT NULL")).fetchone()
        if row:
            return str(row["invite_link"])
        await asyncio.sleep(0.05)
    raise RuntimeError("the service does not answer; start `python -m deployments.service` by hand to see why")


async def _bare(api: str, client: SandboxClient) -> list[float]:
    group = await client.create_group("Bare", owner=OWNER, bots=[BOT_ID])
    async with make_bot(TOKEN, api, 64) as bot:
        link = await bot.create_chat_invite_link(group, creates_join_request=True)
        answering = asyncio.create_task(_answer(bot))
        try:
            return await _waits(client, link.invite_link, FIRST_OF_BARE, BOT_ID)
        finally:
            answering.cancel()


async def _answer(bot: Bot) -> None:
    offset = 0
    async with asyncio.TaskGroup() as answers:
        while True:
            for update in await bot.get_updates(offset, timeout=25, allowed_updates=["chat_join_request"]):
                offset = update.update_id + 1
                if request := update.chat_join_request:
                    answers.create_task(bot.send_message(request.user_chat_id, "Welcome"))


async def _waits(client: SandboxClient, link: str, first: int, bot_id: int) -> list[float]:
    """Seconds that each of the people waited; who got nothing is missing."""
    await client.create_users([{"id": first + number, "first_name": f"User {number}"} for number in range(PEOPLE)])
    asked = await _ask_to_join(client, link, first)
    deadline = time.monotonic() + PATIENCE_S
    while len(answered := await _first_messages(client, bot_id)) < PEOPLE and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    return [answered[user] - moment for user, moment in asked.items() if user in answered]


async def _ask_to_join(client: SandboxClient, link: str, first: int) -> dict[int, float]:
    """Everybody asks, evenly spaced; user → monotonic second."""
    asked: dict[int, float] = {}

    async def ask(user: int) -> None:
        asked[user] = time.monotonic()
        await client.request_join(user, link)

    begin = time.monotonic()
    async with asyncio.TaskGroup() as requests:
        for number in range(PEOPLE):
            await asyncio.sleep(max(0.0, begin + number / PER_SECOND - time.monotonic()))
            requests.create_task(ask(first + number))
    return asked


async def _first_messages(client: SandboxClient, bot_id: int) -> dict[int, float]:
    """User → monotonic second at which the first message to them reached the sandbox."""
    first: dict[int, float] = {}
    seen = 0
    while page := await client.journal(after=seen, method="sendMessage", bot_id=bot_id, limit=5_000):
        seen = page[-1]["number"]
        for call in page:
            if call["error"] is None:
                first.setdefault(int(call["chat_id"]), call["arrived"])
    return first
