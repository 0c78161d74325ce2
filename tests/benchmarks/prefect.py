"""Prefect's server as it runs in use, for rows that take it away."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import psutil

from tests.benchmarks.harness import ROOT, free_port

EMPTY = ROOT / ".venv" / "prefect.db"
"""Made by the installation; making one takes 12 s."""


class Prefect:
    """The server; started again on the same database."""

    def __init__(self, home: Path) -> None:
        self._home, self._port = home, free_port()
        self.api = f"http://127.0.0.1:{self._port}/api"
        self._stopped_by: int | None = None
        self._process = self._start()

    def settings(self) -> dict[str, str]:
        """For whoever talks to it."""
        return {"PREFECT_API_URL": self.api, "PREFECT_HOME": str(self._home)}

    def send(self, number: int) -> None:
        """SIGTERM, or SIGSTOP so that it hangs, to all of its processes."""
        self._stopped_by = number
        for each in self._family():
            each.send_signal(number)

    def back(self) -> None:
        """It answers again."""
        if self._stopped_by == signal.SIGSTOP:
            for each in self._family():
                each.send_signal(signal.SIGCONT)
        elif self._stopped_by is not None:
            self._process.wait()
            self._process = self._start()
        self._stopped_by = None

    def kill(self) -> None:
        """For good."""
        for each in self._family():
            each.kill()
        self._process.wait()

    async def ready(self, settings: Mapping[str, str]) -> None:
        """Wait until it serves, and create the deployments; `settings` are the service's."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deployments.bootstrap", cwd=ROOT, env={**os.environ, **settings, **self.settings()},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert await process.wait() == 0, "deployments.bootstrap failed: run it by hand to see why"

    async def runs(self, flow: str) -> int:
        """How many completed runs of the flow are recorded."""
        wanted = {"flows": {"name": {"any_": [flow]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
        async with aiohttp.ClientSession() as http, http.post(f"{self.api}/flow_runs/count", json=wanted) as answer:
            return int(await answer.json())

    def _family(self) -> list[psutil.Process]:
        return [*self._process.children(recursive=True), self._process] if self._process.is_running() else []

    def _start(self) -> psutil.Popen:
        others = {name: value for name, value in os.environ.items() if not name.startswith(("SOP_", "PREFECT_"))}
        quiet = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
        command = [sys.executable, "-m", "deployments.prefect_server", "prefect", "server", "start"]
        with (self._home / "server.log").open("ab") as log:
            return psutil.Popen(
                [*command, "--port", str(self._port)], cwd=ROOT, env=others | self.settings() | quiet,
                stdout=log, stderr=log,
            )  # fmt: skip


@contextmanager
def prefect_server() -> Iterator[Prefect]:
    """A server of the row's own."""
    with tempfile.TemporaryDirectory(prefix="sop-prefect-") as folder:
        if EMPTY.exists():
            shutil.copyfile(EMPTY, Path(folder) / "prefect.db")
        server = Prefect(Path(folder))
        try:
            yield server
        finally:
            server.kill()
