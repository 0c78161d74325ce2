"""What every benchmark row stands on: PostgreSQL and a sandbox of their own, a table, and `.bench/results.json`."""

import asyncio
import gc
import os
import platform
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import orjson
import psutil
from rich.console import Console
from rich.table import Table

from community.bundle import Bundle, load_bundle
from community.channels.telegram import TelegramChannel, make_bot
from community.database.embedded import temporary_postgres
from community.database.installation import claim as claim_installation
from community.database.migrate import migrate
from community.database.pool import Connection, Pool, connect, open_pool
from community.outbox.bundles import Bundles, publish
from community.outbox.claim import ensure_budget
from community.outbox.compose import Composer
from community.outbox.delivery import Delivery
from community.sandbox.client import SandboxClient

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / ".bench" / "results.json"
BOT_ID = 4209
TOKEN = f"{BOT_ID}:bench-token"
NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
"""12:00 in the community's zone: outside quiet hours."""


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio` is figure / reference, or what the row's text says; `passed` its target met."""

    name: str
    figure: float | dict[str, float]
    """One number, or several by name, such as p50 and p99."""
    unit: str
    reference: dict[str, float]
    ratio: float | None
    target: str
    passed: bool
    details: dict[str, float | int | str] = field(default_factory=dict)


def machine() -> str:
    """Size of this machine, for whoever reads the figures."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def report(rows: list[Row]) -> None:
    """Print the table and write the results, keeping rows of earlier runs that were not run now."""
    table = Table("name", "figure", "reference", "ratio", "target", "", title=machine())
    for row in rows:
        beside = "\n".join(f"{name} {value:,.4g}" for name, value in row.reference.items())
        details = "\n".join(f"{name} {value}" for name, value in row.details.items())
        ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
        mark = "ok" if row.passed else "SHORT"
        figures = row.figure if isinstance(row.figure, dict) else {"": row.figure}
        shown = ", ".join(f"{name} {figure:,.4g} {row.unit}".strip() for name, figure in figures.items())
        table.add_row(row.name, f"{shown}\n{details}", beside, ratio, row.target, mark)
    Console(width=150).print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    known = orjson.loads(RESULTS.read_bytes()) if RESULTS.exists() else {}
    known |= {row.name: {**asdict(row), "machine": machine()} for row in rows}
    RESULTS.write_bytes(orjson.dumps(known, option=orjson.OPT_INDENT_2))


@contextmanager
def database(*, durable: bool = True) -> Iterator[str]:
    """A migrated database on a PostgreSQL of the row's own, with commits as safe as in use."""
    with temporary_postgres(durable=durable) as server:
        url = server.ensure_database("bench")
        migrate(url)
        yield url


@asynccontextmanager
async def sandbox(*arguments: str) -> AsyncIterator[str]:
    """A sandbox in a process of its own; yields its address."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "community.sandbox", "--port", str(port), "--token", TOKEN, *arguments,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        await _answers(address)
        yield address
    finally:
        process.terminate()
        await process.wait()


async def _answers(address: str) -> None:
    for _ in range(200):
        client = SandboxClient(address)
        try:
            await client.now()
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return
        finally:
            await client.close()
    raise RuntimeError(f"the sandbox at {address} does not answer")


async def measured(module: str, *arguments: str | Path) -> tuple[float, float]:
    """Run a module of the benchmarks in a process of its own; its seconds, and its bytes of memory at the worst."""
    started, most = time.perf_counter(), 0
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments, cwd=ROOT)
    watched = psutil.Process(process.pid)
    while process.returncode is None:
        most = max(most, watched.memory_info().rss if watched.is_running() else 0)
        try:
            await asyncio.wait_for(asyncio.shield(process.wait()), 0.05)
        except TimeoutError:
            continue
    assert process.returncode == 0
    return time.perf_counter() - started, most


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def install(url: str, rate: float | None) -> Bundle:
    """Claim the database for the bench's bot, set its rate and publish the playbook as shipped."""
    bundle = load_bundle(ROOT / "templates")
    conn = await connect(url)
    async with conn:
        await claim_installation(conn, BOT_ID, "sandbox")
        await conn.execute("UPDATE installation SET virtual_now_at = %s", [NOON])
        await ensure_budget(conn, BOT_ID, rate)
        await publish(conn, bundle, "bench")
    return bundle


@asynccontextmanager
async def delivering(url: str, api: str, process: str, connections: int) -> AsyncIterator[tuple[Delivery, Pool]]:
    """The project's own delivery, not yet running, with the playbook in hand as it has it after its first seconds."""
    pool = await open_pool(url, size=6)
    bot = make_bot(TOKEN, api, connections)
    bundles = Bundles()
    composer = Composer(bundles, bot_id=BOT_ID, username="bench_bot", links_url="http://127.0.0.1:1", link_secret="x")
    channel = TelegramChannel(bot)
    try:
        async with bot:
            async with pool.connection() as conn:
                await bundles.current(conn)
            yield Delivery(pool, channel, bundles, composer, process=process, connections=connections), pool
    finally:
        await pool.close()


async def open_chats(api: str, first: int, count: int) -> None:
    """Users who have pressed Start."""
    client = SandboxClient(api)
    for start in range(first, first + count, 5000):
        ids = range(start, min(start + 5000, first + count))
        await client.create_users([{"id": i, "first_name": f"User {i}"} for i in ids])
        await client.act_all([{"do": "start", "user": i, "bot": BOT_ID} for i in ids])
    await client.close()


async def count(conn: Connection, statement: str) -> int:
    """The number a statement yields."""
    row = await (await conn.execute(statement)).fetchone()  # type: ignore[arg-type]
    return int(next(iter(row.values()))) if row else 0


@contextmanager
def growth() -> Iterator[list[int]]:
    """By how many bytes this process's memory grew at its worst, looked at every 5 ms."""
    process, stop, grown = psutil.Process(), Event(), [0]
    gc.collect()
    before = process.memory_info().rss

    def watch() -> None:
        while not stop.wait(0.005):
            grown[0] = max(grown[0], process.memory_info().rss - before)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield grown
    finally:
        stop.set()
        watcher.join()
