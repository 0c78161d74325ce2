"""Rows of PostgreSQL: killed under load, its disk full."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path

import aiohttp
import psycopg

from community.database.embedded import EmbeddedPostgres, temporary_postgres
from community.gateway.webhook import SECRET_HEADER
from deployments.processes import keep_up
from tests.benchmarks.harness import count, free_port
from tests.benchmarks.service import SERVICE
from tests.chaos.scene import Scene, scene, strike
from tests.chaos.verdict import Row

KILLS = 3
DISK_MB = 256
FIRST_UPDATE, SENDER, GROUP = 1_000, 3_000_000, -1_009_000
"""Of the webhook's updates: other numbers than the sandbox's own."""
OURS = f"FROM updates WHERE payload['message']['chat']['id'] = '{GROUP}'"


async def killed(size: int, seconds: float) -> Row:
    """SIGKILL to the postmaster, again and again; what keeps the stack's server up brings it back."""
    row = Row("postgres", f"PostgreSQL is killed {KILLS} times under load", "1, 3, 4: nothing lost, nothing twice")
    with temporary_postgres(durable=True) as postgres:
        async with kept_up(postgres), scene(size, postgres) as s:
            return await strike(s, row, partial(_kill, s), rate=None)


async def _kill(s: Scene) -> None:
    for _ in range(KILLS):
        await kill_postgres(s)
        await asyncio.sleep(1)
        await (await s.reconnect()).close()
        await asyncio.sleep(1)


async def kill_postgres(s: Scene) -> None:
    """SIGKILL to the postmaster."""
    pid = int((await _ask(s.url, "SELECT pg_read_file('postmaster.pid')")).split()[0])
    os.kill(pid, signal.SIGKILL)


async def _ask(url: str, statement: str) -> str:
    async with await psycopg.AsyncConnection.connect(url) as conn:
        row = await (await conn.execute(statement)).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return str(row[0])


@asynccontextmanager
async def kept_up(postgres: EmbeddedPostgres) -> AsyncIterator[None]:
    """The server is started again when it dies, as the stack does it."""
    keeping = asyncio.create_task(keep_up(postgres, lambda said: print(f"  {said}")))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def disk(size: int, seconds: float) -> Row:
    """The disk of the database is full for a while; updates come by the webhook, and again while they are refused."""
    row = Row(
        "disk", f"the database's disk is full for {seconds:.0f} s", "1, 3, 4: refused updates come again, none lost"
    )
    with small_disk() as (folder, why):
        if why:
            row.skipped = why
            return row
        with EmbeddedPostgres(folder / "postgres") as postgres:
            async with kept_up(postgres), scene(size, postgres) as s:
                return await _fill_disk(s, row, folder, seconds)


async def _fill_disk(s: Scene, row: Row, folder: Path, seconds: float) -> Row:
    port = free_port()
    await s.serve(SOP_GATEWAY_PORT=str(port))
    refused: list[int] = []
    sending = asyncio.create_task(_webhook(port, s.size, refused))

    async def full() -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            ballast = fill_up(folder)
            await asyncio.sleep(0.2)
        ballast.unlink()

    await strike(s, row, full)
    await asyncio.wait_for(sending, 60)
    async with await s.reconnect() as conn:
        stored = await count(conn, f"SELECT count(*) {OURS}")
        left = await count(conn, f"SELECT count(*) {OURS} AND state <> 'handled'")
    row.figures["refused, came again"] = len(refused)
    row.none("updates lost", s.size - stored)
    row.none("updates not handled", left)
    row.must(bool(refused), "the disk was never full for the webhook")
    row.must(all(status in (0, 503) for status in refused), f"the webhook answered {set(refused)}")
    return row


async def _webhook(port: int, updates: int, refused: list[int]) -> None:
    """Deliver updates as Telegram does: each again until it is taken."""
    address = f"http://127.0.0.1:{port}/telegram/{SERVICE.bot_id}"
    headers = {SECRET_HEADER: SERVICE.derived_secret("webhook")}
    async with aiohttp.ClientSession(headers=headers) as http:
        for number in range(updates):
            while (status := await _deliver(http, address, number)) != 200:
                refused.append(status)
                await asyncio.sleep(0.5)
            await asyncio.sleep(0.02)


async def _deliver(http: aiohttp.ClientSession, address: str, number: int) -> int:
    try:
        async with http.post(address, json=_update(number)) as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


def _update(number: int) -> dict[str, object]:
    """A long message in a group, so that storing it takes room."""
    person = {"id": SENDER + number, "is_bot": False, "first_name": "User", "language_code": "en"}
    chat = {"id": GROUP, "type": "supergroup", "title": "Club"}
    message = {
        "message_id": number,
        "date": int(time.time()),
        "chat": chat,
        "from": person,
        "text": os.urandom(1500).hex(),
    }
    return {"update_id": FIRST_UPDATE + number, "message": message}


@contextmanager
def small_disk(megabytes: int = DISK_MB) -> Iterator[tuple[Path, str]]:
    """A small file system of its own; yields its folder, or why there is none."""
    folder = Path(tempfile.mkdtemp(prefix="sop-disk-"))
    why = _mount(folder, megabytes)
    try:
        yield folder, why
    finally:
        if not why:
            subprocess.run(["umount", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _mount(folder: Path, megabytes: int) -> str:
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "a small disk needs the command mount"
    return f"a small disk needs root: {done.stderr.strip()}" if done.returncode else ""


def fill_up(folder: Path) -> Path:
    """Take what room is left; returns the file to remove."""
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while file.write(b"\0" * 65_536):
            pass
    return ballast


ROWS: dict[str, Callable[[int, float], Awaitable[Row]]] = {"postgres": killed, "disk": disk}
