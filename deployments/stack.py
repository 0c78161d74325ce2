"""Everything on one machine: starts what the settings ask for, watches it, and stops what it started, nothing else."""

import asyncio
import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from pydantic import SecretStr

from community.check import check_folder
from community.database.embedded import EmbeddedPostgres
from community.database.installation import claim
from community.database.migrate import migrate
from community.database.pool import connect
from community.errors import PlaybookError, SopError
from community.settings import Mode, Settings
from deployments.preflight import check_port, check_token, own_prefect_api, prefect_api
from deployments.processes import Child, Program, finished, keep_up, leftovers, remember, stop_tree

DATABASE = "sop"
POOL = "sop"
RESTART_AFTER = (1, 2, 5, 10, 30)
"""Seconds before a program that ended is started again; the last for good."""
EMPTY_PREFECT = Path(sys.prefix) / "prefect.db"
"""Prefect's database without a record, made by the installation: a first start would take 12 s to make it."""
STEADY_AFTER = 60.0
"""Seconds after which a program counts as steady, and the next restart is a quick one again."""

TUNING = {
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # zombie runs are found after 90 s
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "DO_NOT_TRACK": "1",
}


class Stack:
    """The servers of one installation; up inside `async with`, all stopped after it.

    `addresses` maps what an operator opens (Prefect UI, Telegram sandbox, gateway) to URLs; `environment` is what a
    program needs to work with this stack. Entering raises SopError in one line, after stopping what was started.
    A `fresh` stack begins with empty databases: what an earlier run left in its own ones is forgotten.
    """

    def __init__(self, settings: Settings, log: Callable[[str], object] = print, *, fresh: bool = False) -> None:
        self.settings = settings
        self._fresh = fresh
        self.environment: dict[str, str] = {}
        self._log = log
        self._home = settings.data_dir / settings.effective_mode
        self._prefect = prefect_api(settings)
        self._children: dict[str, Child] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._postgres: EmbeddedPostgres | None = None
        self._lock: IO[bytes] | None = None
        self._asked_to_stop = asyncio.Event()
        self._interruptible: asyncio.Task[Any] | None = None

    @property
    def addresses(self) -> dict[str, str]:
        """Name to URL of what can be opened."""
        found = {"Prefect UI": self._prefect.removesuffix("/api")}
        if self._local_telegram:
            found["Telegram sandbox"] = self.settings.telegram_api
        return found | {"Gateway": self.settings.gateway_url, "Dashboard": f"{self.settings.gateway_url}/dashboard"}

    async def wait(self) -> None:
        """Return when Ctrl-C or SIGTERM asks the stack to stop."""
        self._interruptible = None
        await self._asked_to_stop.wait()

    async def __aenter__(self) -> Self:
        self._interruptible = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt)
        try:
            await self._start()
        except BaseException as error:
            await self._stop()
            raise _plain(error) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._interruptible = None
        await self._stop()

    async def _start(self) -> None:
        await self._check_inputs()
        self._hold()
        for left in leftovers(self._state):
            self._log(f"stopping a leftover of an earlier run (pid {left.pid})")
            await stop_tree(left, 10.0)
        self._check_ports()
        self.environment = self._make_environment()
        await _all(self._prepare(), self._start_prefect(), self._start_sandbox())
        await _all(self._run(self._worker()), self._run(self._service()))
        for name, url in self.addresses.items():
            self._log(f"{name:<17} {url}")

    async def _stop(self) -> None:
        """Stop in reverse order: first who uses, then what is used."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        while self._children:
            _, child = self._children.popitem()
            await child.stop()
        if self._postgres:
            await asyncio.to_thread(self._postgres.stop)
        if self._lock:
            self._state.unlink(missing_ok=True)
            self._lock.close()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    async def _check_inputs(self) -> None:
        """What only the operator can mend is told before anything starts."""
        if problems := await asyncio.to_thread(check_folder, self.settings.playbook_dir):
            raise PlaybookError("\n".join(map(str, problems)))
        if not self._local_telegram:
            await check_token(self.settings)

    def _hold(self) -> None:
        """Make the folder ours for as long as this process lives."""
        self._home.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(mode=0o700, exist_ok=True)
        lock = (self._home / "stack.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise SopError(f"{self._home}: another stack runs here; stop it, or set SOP_DATA_DIR and ports") from None
        self._lock = lock

    def _check_ports(self) -> None:
        needed = {"SOP_GATEWAY_PORT": self.settings.gateway_port}
        if self._local_telegram:
            needed["SOP_SANDBOX_PORT"] = self.settings.sandbox_port
        if not own_prefect_api():
            needed["SOP_PREFECT_PORT"] = self.settings.prefect_port
        for variable, port in needed.items():
            check_port(self.settings.host, port, variable)

    def _make_environment(self) -> dict[str, str]:
        given = {f"SOP_{name.upper()}": _text(value) for name, value in self.settings if value is not None}
        ours = given | {"SOP_MODE": self.settings.effective_mode.value, "PREFECT_API_URL": self._prefect}
        if not own_prefect_api():
            home = self._home / "prefect"
            database = f"sqlite+aiosqlite:///{home}/prefect.db"
            ours |= {"PREFECT_HOME": str(home), "PREFECT_SERVER_DATABASE_CONNECTION_URL": database}
            ours |= {"PREFECT_SERVER_UI_API_URL": self._prefect}
            ours |= {"PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false"}  # ours gives no such tokens; each client would ask
        return TUNING | os.environ | ours | {"PYTHONUNBUFFERED": "1"}

    async def _prepare(self) -> None:
        await self._start_database()
        await self._bootstrap()  # loads for seconds while Prefect's server starts, then waits for it

    async def _start_database(self) -> None:
        given = self.settings.database_url
        url = given.get_secret_value() if given else await self._start_postgres()
        await finished(asyncio.to_thread(migrate, url))
        async with await connect(url) as connection:
            await claim(connection, self.settings.bot_id, self.settings.effective_mode)
        self.environment["SOP_DATABASE_URL"] = url
        self._log("database is up")

    async def _start_postgres(self) -> str:
        self._postgres = EmbeddedPostgres(self._home / "postgres", durable=not self._fresh)
        await finished(asyncio.to_thread(self._postgres.start, own=True))
        self._watchers.append(asyncio.create_task(keep_up(self._postgres, self._log)))
        if self._fresh:
            await asyncio.to_thread(self._postgres.drop_database, DATABASE)
        return await asyncio.to_thread(self._postgres.ensure_database, DATABASE)

    async def _start_prefect(self) -> None:
        if own_prefect_api():
            return
        await asyncio.to_thread(self._prepare_prefect)
        place = ["--host", self.settings.host, "--port", str(self.settings.prefect_port)]
        command = ["deployments.prefect_server", "prefect", "server", "start", *place]
        await self._run(self._program("prefect", *command, health=f"{self._prefect}/health"))

    def _prepare_prefect(self) -> None:
        home = self._home / "prefect"
        if self._fresh:
            shutil.rmtree(home, ignore_errors=True)
        home.mkdir(exist_ok=True)
        if EMPTY_PREFECT.exists() and not (home / "prefect.db").exists():
            shutil.copyfile(EMPTY_PREFECT, home / "prefect.db")

    async def _start_sandbox(self) -> None:
        """The local Telegram goes on where it stood, as the database does."""
        if self._local_telegram:
            kept = self._home / "telegram.state"
            if self._fresh:
                kept.unlink(missing_ok=True)
            place = ["--host", self.settings.host, "--port", str(self.settings.sandbox_port)]
            bot = ["--token", self.settings.token]
            health = f"{self.settings.telegram_api}/bot{self.settings.token}/getMe"
            program = [*place, *bot, "--state", str(kept)]
            await self._run(self._program("sandbox", "community.sandbox", *program, health=health))

    async def _bootstrap(self) -> None:
        program = self._program("bootstrap", "deployments.bootstrap")
        child = await self._launch(program)
        if code := await child.exited():
            raise program.failure(f"failed (exit {code})")
        self._log("deployments are in place")
        del self._children["bootstrap"]

    def _worker(self) -> Program:
        return self._program(
            "worker", "prefect", "worker", "start", "--pool", POOL, "--type", "process", log_says="started!"
        )

    def _service(self) -> Program:
        return self._program("service", "deployments.service", health=f"{self.settings.gateway_url}/health")

    def _program(self, name: str, *module: str, health: str | None = None, log_says: str | None = None) -> Program:
        command = [sys.executable, "-m", *module]
        return Program(name, command, self.environment, self._logs / f"{name}.log", health=health, log_says=log_says)

    async def _run(self, program: Program) -> None:
        """Start a program, wait until it is ready, and keep it running from then on."""
        await (await self._launch(program)).ready()
        self._log(f"{program.name} is up")
        self._watchers.append(asyncio.create_task(self._watch(program)))

    async def _launch(self, program: Program) -> Child:
        child = self._children[program.name] = await Child.start(program)
        remember(self._state, self._children.values())
        return child

    async def _watch(self, program: Program) -> None:
        clock = asyncio.get_running_loop().time
        attempt, began = 0, clock()
        while True:
            code = await self._children[program.name].exited()
            attempt = 0 if clock() - began > STEADY_AFTER else attempt
            pause = RESTART_AFTER[min(attempt, len(RESTART_AFTER) - 1)]
            self._log(str(program.failure(f"stopped (exit {code}), starting again in {pause} s")))
            await asyncio.sleep(pause)
            attempt, began = attempt + 1, clock()
            try:
                await self._launch(program)
            except OSError as error:  # such as a full disk: what could not be started ends at once, and is tried again
                self._log(f"{program.name}: {error}")

    def _interrupt(self) -> None:
        self._asked_to_stop.set()
        if self._interruptible:
            self._interruptible.cancel()

    @property
    def _local_telegram(self) -> bool:
        return self.settings.effective_mode is not Mode.real

    @property
    def _logs(self) -> Path:
        return self._home / "logs"

    @property
    def _state(self) -> Path:
        return self._home / "processes.json"


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


async def _all(*parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts at once; the first failure ends the others."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)


def _plain(error: BaseException) -> BaseException:
    """The first failure of a group by itself."""
    return _plain(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
