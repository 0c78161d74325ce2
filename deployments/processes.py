"""Programs run as children: started with a log each, watched, restarted, stopped; leftovers of a killed run removed."""

import asyncio
import json
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from community.database.embedded import EmbeddedPostgres
from community.errors import SopError

POLL = 0.1
LOOK_S, RETRY_S = 1.0, 5.0
"""Between two looks whether PostgreSQL lives, and between two attempts to start it again."""


class ProgramFailed(SopError):
    """A program of the stack stopped while starting, or did not get ready in time."""


@dataclass(frozen=True)
class Program:
    """What to run, and how to know that it is ready: a health address, or words in its log; None for neither."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    health: str | None = None
    log_says: str | None = None
    ready_within: float = 90.0
    grace: float = 15.0
    """Seconds to end by itself after SIGTERM."""

    def failure(self, what: str) -> ProgramFailed:
        """The error that names the program, what happened, and its last words."""
        return ProgramFailed(f"{self.name}: {what}: {self._last_line()} (log: {self.log})")

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it said nothing"


class Child:
    """One run of a program, in a session of its own: a terminal's Ctrl-C reaches only the stack."""

    def __init__(self, program: Program, process: Process) -> None:
        self.program = program
        self._process = process
        self._seen = psutil.Process(process.pid)

    @classmethod
    async def start(cls, program: Program) -> "Child":
        """Start the program; the log of the run before is kept beside the new one."""
        with suppress(FileNotFoundError):
            program.log.replace(program.log.with_suffix(".log.1"))
        with program.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                env=program.environment,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                start_new_session=True,
            )
        return cls(program, process)

    def record(self) -> dict[str, object]:
        """What tells this process from another that gets its pid later."""
        with suppress(psutil.NoSuchProcess):
            return {"pid": self._seen.pid, "started": self._seen.create_time(), "command": self._seen.cmdline()}
        return {}

    async def exited(self) -> int:
        """Wait for its end; the exit code."""
        return await self._process.wait()

    async def ready(self) -> None:
        """Wait until it is ready. Raises ProgramFailed if it ends before, or takes too long."""
        deadline = time.monotonic() + self.program.ready_within
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as client:
            while not await self._is_ready(client):
                if self._process.returncode is not None:
                    raise self.program.failure(f"stopped while starting (exit {self._process.returncode})")
                if time.monotonic() > deadline:
                    raise self.program.failure(f"not ready after {self.program.ready_within:.0f} s")
                await asyncio.sleep(POLL)

    async def _is_ready(self, client: aiohttp.ClientSession) -> bool:
        if self.program.health:
            return await answers(client, self.program.health)
        return self.program.log_says is None or self.program.log_says in self.program.log.read_text(errors="replace")

    async def stop(self) -> None:
        """End it and whatever it started."""
        await stop_tree(self._seen, self.program.grace)
        await self._process.wait()


async def answers(client: aiohttp.ClientSession, url: str) -> bool:
    """True if `url` answers with a success."""
    try:
        async with client.get(url) as response:
            return response.status < 400
    except (aiohttp.ClientError, TimeoutError):
        return False


async def stop_tree(process: psutil.Process, grace: float) -> None:
    """SIGTERM to the process, SIGKILL to what is left of it and its descendants after `grace` seconds.

    psutil compares start times before it signals, so a pid that was given to another program is left alone.
    """
    with suppress(psutil.NoSuchProcess):
        family = [process, *process.children(recursive=True)]
        process.terminate()
        await _gone([process], grace)
        for member in filter(alive, family):
            with suppress(psutil.NoSuchProcess):
                member.kill()
        await _gone(family, within=5.0)


async def _gone(processes: Sequence[psutil.Process], within: float) -> None:
    """Wait until all have ended, or the time is up; polling, as waiting for a child belongs to whoever started it."""
    deadline = time.monotonic() + within
    while any(map(alive, processes)) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(POLL)


def alive(process: psutil.Process) -> bool:
    """True unless it ended (a zombie has)."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def remember(file: Path, children: Iterable[Child]) -> None:
    """Note which processes are ours, in one step, so that a run after a kill -9 finds them."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps([record for child in children if (record := child.record())]))
    new.replace(file)


def leftovers(file: Path) -> list[psutil.Process]:
    """Processes that an earlier run noted and that are still the same: pid, start time and command agree."""
    try:
        records = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return []
    return [process for record in records if (process := _same(record))]


def _same(record: Mapping[str, object]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(str(record["pid"])))
        same = process.create_time() == record["started"] and process.cmdline() == record["command"]
    except (psutil.Error, KeyError, ValueError):
        return None
    return process if same else None


async def keep_up(server: EmbeddedPostgres, log: Callable[[str], object]) -> None:
    """Start PostgreSQL again each time it dies, until cancelled; its address stays, and who uses it reconnects."""
    while True:
        await asyncio.sleep(LOOK_S)
        if server.died:
            log("database: PostgreSQL has died, starting it again")
            try:
                await finished(asyncio.to_thread(server.restart))
                log("database is up again")
            except (SopError, OSError) as error:
                log(f"database: {error}; trying again in {RETRY_S:.0f} s")
                await asyncio.sleep(RETRY_S)


async def finished(work: Coroutine[Any, Any, Any]) -> None:
    """Await work in a thread to its end even if cancelled, or what it starts would be lost."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await task
        raise
