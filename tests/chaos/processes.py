"""Rows of our own processes: all killed at once, two services side by side."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from community.database.embedded import EmbeddedPostgres
from community.database.pool import connect
from community.sandbox.client import SandboxClient
from tests.benchmarks.harness import ROOT, count, free_port
from tests.benchmarks.service import environment
from tests.chaos.scene import BUTTON, LATENCY_MS, LOAD, Scene, scene, strike
from tests.chaos.verdict import Row, received

UP_WITHIN_S = 120.0
LOST = f"SELECT count(*) FROM messages WHERE stage = '{LOAD}' AND (attempts > 1 OR state = 'uncertain')"
UP = "from deployments.cli.main import run; run()"


async def everything(size: int, seconds: float) -> Row:
    """SIGKILL to every process of `sop up`, PostgreSQL included, in the middle of sending; then `sop up` again."""
    guards = "1-4: state intact, marketing at most once, transactional never lost"
    row = Row("everything", "every process of `sop up` is killed under load; `sop up` again", guards)
    ports = {f"SOP_{name}_PORT": str(free_port()) for name in ("SANDBOX", "GATEWAY", "PREFECT")}
    with tempfile.TemporaryDirectory(prefix="sop-chaos-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        os.chmod(home, 0o711)  # PostgreSQL's account passes through
        async with _stack(home, ports) as first:
            s = await _scene_of(home, ports, size)
            family = psutil.Process(first.pid).children(recursive=True)
            await s.fill()
            await s.reaches(0.3)
            got = await _kill_all(s, first, family)
        killed_at = time.monotonic()
        async with _stack(home, ports, s.open_chats):
            s.url = _postgres(home).url("sop")
            row.figures["up again after, s"] = round(time.monotonic() - killed_at, 1)
            await s.finish(row, time.monotonic(), earlier=got)
            async with await connect(s.url) as conn:
                row.figures["in flight at the kill"] = await count(conn, LOST)
            row.must(row.figures["in flight at the kill"] != 0, "the kill hit nothing")
            await s.client.close()
    return row


async def _kill_all(s: Scene, stack: Process, family: Iterable[psutil.Process]) -> Counter[int]:
    """SIGKILL to all at once; Telegram, played by one of them, is read before it goes too. What people had by then."""
    telegram = next(p for p in family if "community.sandbox" in p.cmdline())
    stack.kill()
    for process in family:
        if process != telegram:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    await stack.wait()
    got = await received(s.client, BUTTON)
    telegram.kill()
    await s.client.close()
    return got


def _postgres(home: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(home / "sandbox" / "postgres")


async def _scene_of(home: Path, ports: dict[str, str], size: int) -> Scene:
    api = f"http://127.0.0.1:{ports['SOP_SANDBOX_PORT']}"
    postgres = _postgres(home)
    s = Scene(postgres, postgres.url("sop"), api, SandboxClient(api), home, size)
    async with await connect(s.url) as conn:
        await s.open_group(conn)
    await s.client.set_latency(LATENCY_MS)
    return s


@asynccontextmanager
async def _stack(
    home: Path, ports: dict[str, str], meanwhile: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[Process]:
    """`sop up`, all of it up. `meanwhile` is done as soon as its Telegram answers."""
    variables = environment("", "", str(home)) | ports
    variables |= {"SOP_DATABASE_URL": "", "PREFECT_API_URL": "", "PREFECT_HOME": ""}
    variables = {name: value for name, value in variables.items() if value}
    stack = await asyncio.create_subprocess_exec(
        sys.executable, "-uc", UP, "up", cwd=ROOT, env=variables, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(UP_WITHIN_S):
            await _said(stack, "sandbox is up")
            if meanwhile:
                await meanwhile()
            await _said(stack, "service is up")
        yield stack
    finally:
        if stack.returncode is None:
            stack.send_signal(signal.SIGTERM)
            await stack.communicate()


async def _said(stack: Process, words: str) -> None:
    assert stack.stdout
    async for line in stack.stdout:
        if words in line.decode():
            return
    assert stack.stderr
    raise RuntimeError(f"sop up ended: {(await stack.stderr.read()).decode()[-500:]}")


async def services(size: int, seconds: float) -> Row:
    """Two services on one database and one token; the one that polls is killed under load."""
    guards = "5: limits kept over processes; 1-4; one polls, the other takes over"
    row = Row("services", "two services on one database; the one that polls is killed under load", guards)
    async with scene(size // 4) as s:
        await s.serve(SOP_GATEWAY_PORT=str(free_port()))
        await asyncio.sleep(8)
        await s.client.set_limits(True)
        await s.client.reset_meter()

        async def kill_the_leader() -> None:
            s.services[0].kill()
            await s.services[0].wait()

        row = await strike(s, row, kill_the_leader, rate=30, after=0.3)
        meter = await s.client.meter(s.bot_id)
        conflicts = [call for call in await s.client.journal(method="getUpdates", limit=5_000) if call["error"] == 409]
    row.figures |= {"worst second": meter["worst_second"], "load average": f"{os.getloadavg()[0]:.1f}"}
    row.must(meter["worst_second"] <= 30, f"{meter['worst_second']} messages in one second")
    row.figures["polling conflicts (409)"] = len(conflicts)
    row.must(len(conflicts) <= 1, f"{len(conflicts)} polling conflicts; only the killed one's last call may meet one")
    row.none("429", meter["too_many"])
    return row


ROWS: dict[str, Callable[[int, float], Awaitable[Row]]] = {"everything": everything, "services": services}
