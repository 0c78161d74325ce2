"""The always-on service as it runs in use, for rows that measure what people wait for.

Prefect's server is not there: nobody who waits depends on it (invariant 8).
"""

import asyncio
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import psutil
from telegram import Bot, Update

from community.bundle import Bundle, load_bundle
from community.database.pool import Connection, connect
from community.outbox.bundles import publish
from community.outbox.claim import ensure_budget
from community.sandbox.client import SandboxClient
from community.settings import Mode, Settings
from tests.benchmarks.harness import ROOT, Row, free_port

OWNER = 1
PATIENCE_S = 15.0
"""After the last act; what has not arrived by then is lost."""
SERVICE = Settings(_env_file=None, mode=Mode.sandbox)


def quantiles(waits: list[float]) -> tuple[float, float]:
    """p50 and p95."""
    twentieths = statistics.quantiles(waits, n=20)
    return twentieths[9], twentieths[18]


def waiting(name: str, what: str, ours: list[float], bare: list[float], *, lost: int) -> Row:
    """The row of what people waited for (seconds each), beside the bare loop."""
    p50, p95 = quantiles(ours)
    bare_p50, bare_p95 = quantiles(bare)
    details: dict[str, float | int | str] = {
        "p50, of": what,
        "p95, ms": round(p95 * 1e3),
        "slowest, ms": round(max(ours) * 1e3),
        "lost": lost,
        "load average": f"{os.getloadavg()[0]:.1f}",
    }
    reference = {"bare p50, ms": bare_p50 * 1e3, "bare p95, ms": bare_p95 * 1e3}
    passed = p50 < 0.5 and p95 < 1 and lost == 0
    return Row(name, p50 * 1e3, "ms", reference, p50 / bare_p50, "p50 < 500 ms, p95 < 1 s, none lost", passed, details)


@asynccontextmanager
async def club(
    url: str,
    api: str,
    client: SandboxClient,
    *,
    bundle: Bundle | None = None,
    title: str = "Club",
    **settings: str,
) -> AsyncIterator[str]:
    """The service, at rest, with a group of its own and the bot-wide limit off; yields the link to ask to join by."""
    async with await connect(url) as conn:
        await publish(conn, bundle or load_bundle(ROOT / "templates"), "bench")
        async with _process(url, api, settings) as service:
            await client.create_users([{"id": OWNER, "first_name": "Owner"}])
            group = await client.create_group(title, owner=OWNER, bots=[])
            await client.add_bot(OWNER, group, SERVICE.bot_id, admin=True)
            link = await door(conn)
            await ensure_budget(conn, SERVICE.bot_id, None)
            await _settle(service)
            yield link


@asynccontextmanager
async def answering(bot: Bot, kind: str, chat_of: Callable[[Update], int | None]) -> AsyncIterator[None]:
    """The bare loop: updates of that kind are long-polled, and answered at once where `chat_of` names a chat."""
    await bot.get_updates(-1, timeout=0)
    loop = asyncio.create_task(_answer(bot, kind, chat_of))
    try:
        yield
    finally:
        loop.cancel()


async def _answer(bot: Bot, kind: str, chat_of: Callable[[Update], int | None]) -> None:
    offset = 0
    async with asyncio.TaskGroup() as answers:
        while True:
            for update in await bot.get_updates(offset, timeout=25, allowed_updates=[kind]):
                offset = update.update_id + 1
                if chat_id := chat_of(update):
                    answers.create_task(bot.send_message(chat_id, "Welcome"))


async def evenly(people: Iterable[int], per_second: float, act: Callable[[int], Awaitable[object]]) -> dict[int, float]:
    """Have each of the people act, evenly spaced; user → monotonic second."""
    acted: dict[int, float] = {}

    async def act_now(user: int) -> None:
        acted[user] = time.monotonic()
        await act(user)

    begin = time.monotonic()
    async with asyncio.TaskGroup() as acts:
        for number, user in enumerate(people):
            await asyncio.sleep(max(0.0, begin + number / per_second - time.monotonic()))
            acts.create_task(act_now(user))
    return acted


async def waits(client: SandboxClient, acted: dict[int, float], bot_id: int, *, after: int = 0) -> list[float]:
    """Seconds from each act to the next message to its user, after journal entry `after`; who got none is missing."""
    deadline = time.monotonic() + PATIENCE_S
    answered: dict[int, float] = {}
    while not acted.keys() <= answered.keys() and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        answered = await first_messages(client, bot_id, after)
    return [answered[user] - moment for user, moment in acted.items() if user in answered]


@asynccontextmanager
async def _process(url: str, api: str, settings: dict[str, str]) -> AsyncIterator[psutil.Process]:
    """The always-on service in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="sop-bench-") as home:
        service = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deployments.service", cwd=ROOT, env=environment(url, api, home) | settings,
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


def environment(url: str, api: str, home: str) -> dict[str, str]:
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


async def door(conn: Connection) -> str:
    """The service's own join-request link: once it has made it, it serves."""
    for _ in range(600):
        row = await (await conn.execute("SELECT invite_link FROM groups WHERE invite_link IS NOT NULL")).fetchone()
        if row:
            return str(row["invite_link"])
        await asyncio.sleep(0.05)
    raise RuntimeError("the service does not answer; start `python -m deployments.service` by hand to see why")


async def last_entry(client: SandboxClient) -> int:
    """Number of the journal's last entry."""
    seen = 0
    while page := await client.journal(after=seen, limit=5_000):
        seen = page[-1]["number"]
    return seen


async def first_messages(client: SandboxClient, bot_id: int, after: int) -> dict[int, float]:
    """User → monotonic second at which the first message to them after that entry reached the sandbox."""
    first: dict[int, float] = {}
    while page := await client.journal(after=after, method="sendMessage", bot_id=bot_id, limit=5_000):
        after = page[-1]["number"]
        for call in page:
            if call["error"] is None:
                first.setdefault(int(call["chat_id"]), call["arrived"])
    return first
