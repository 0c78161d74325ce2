"""The stack says in one line why it cannot start, stops what it started, and cleans up after a kill -9."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from community.database.pool import connect
from community.errors import PlaybookError, PortInUse, SopError, TokenError
from community.settings import Mode, Settings
from deployments.preflight import check_token
from deployments.processes import Child, Program, ProgramFailed, alive, leftovers, remember, stop_tree
from deployments.stack import Stack

RUN = """
import asyncio, sys
from pathlib import Path
from community.settings import Mode, Settings
from deployments.stack import Stack

async def main():
    ports = dict(zip(("gateway_port", "sandbox_port", "prefect_port"), map(int, sys.argv[2:])))
    async with Stack(Settings(_env_file=None, mode=Mode.demo, data_dir=Path(sys.argv[1]), **ports)) as stack:
        await stack.wait()

asyncio.run(main())
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that PostgreSQL's account can reach when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="sop-stack-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def no_other_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    gateway, sandbox, prefect = free_ports(3)
    return Settings(
        _env_file=None,
        mode=Mode.demo,
        data_dir=data_dir,
        gateway_port=gateway,
        sandbox_port=sandbox,
        prefect_port=prefect,
    )


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def program(folder: Path, code: str, **options: object) -> Program:
    command = [sys.executable, "-c", code]
    return Program("probe", command, dict(os.environ), folder / "probe.log", **options)  # type: ignore[arg-type]


async def test_a_port_in_use_is_named_with_the_setting_and_nothing_is_started(settings: Settings) -> None:
    message = rf"127\.0\.0\.1:{settings.sandbox_port}: .*SOP_SANDBOX_PORT"
    with socket.create_server(("127.0.0.1", settings.sandbox_port)), pytest.raises(PortInUse, match=message):
        await Stack(settings).__aenter__()
    assert not (settings.data_dir / "demo" / "postgres").exists()


async def test_a_playbook_error_is_told_with_file_and_line(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "playbook.yaml").write_text("community: [\n")
    with pytest.raises(PlaybookError, match=r"playbook\.yaml:\d+: "):
        await Stack(settings.model_copy(update={"playbook_dir": tmp_path})).__aenter__()


async def test_two_stacks_on_one_folder_are_refused(settings: Settings) -> None:
    first = Stack(settings)
    first._hold()
    with pytest.raises(SopError, match="another stack runs here"):
        await Stack(settings).__aenter__()
    await first._stop()


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "SOP_TELEGRAM_TOKEN: Telegram does not know this token"), (502, "Telegram answers 502 to getMe")],
)
async def test_a_token_refused_by_telegram_is_told_without_showing_it(
    status: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"ok": False}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(app) as server:
        monkeypatch.setattr("community.settings.TELEGRAM_API", str(server.make_url("")).rstrip("/"))
        with pytest.raises(TokenError, match=message) as caught:
            await check_token(Settings(_env_file=None, telegram_token=SecretStr("77:secret")))
    assert "secret" not in str(caught.value)


async def test_an_unreachable_telegram_is_told_without_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("community.settings.TELEGRAM_API", f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(TokenError, match="cannot be reached") as caught:
        await check_token(Settings(_env_file=None, telegram_token=SecretStr("77:secret")))
    assert "secret" not in str(caught.value)


async def test_a_postgresql_that_dies_is_started_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.processes.LOOK_S", 0.05)
    said: list[str] = []
    stack = Stack(settings, said.append, fresh=True)
    stack._hold()
    try:
        url = await stack._start_postgres()
        pid_file = settings.data_dir / "demo" / "postgres" / "data" / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
        async with asyncio.timeout(20):
            while "database is up again" not in said:
                await asyncio.sleep(0.05)
        await (await connect(url)).close()
    finally:
        await stack._stop()


async def test_a_program_is_started_again_even_while_nothing_can_be_written(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.stack.RESTART_AFTER", (0.05,))
    said: list[str] = []
    stack = Stack(settings, said.append)
    stack._hold()
    await stack._run(program(tmp_path, "print('up', flush=True); import time; time.sleep(0.3)", log_says="up"))
    monkeypatch.setattr("deployments.stack.remember", Mock(side_effect=OSError(28, "No space left on device")))
    try:
        async with asyncio.timeout(20):
            while sum("starting again" in line for line in said) < 3:
                await asyncio.sleep(0.02)
    finally:
        await stack._stop()
    assert any("No space left" in line for line in said)


async def test_a_program_that_dies_while_starting_is_named_with_its_last_words(tmp_path: Path) -> None:
    child = await Child.start(program(tmp_path, "print('no disk'); exit(3)", log_says="up"))
    with pytest.raises(ProgramFailed, match=r"probe: stopped while starting \(exit 3\): no disk \(log: .*probe\.log\)"):
        await child.ready()


async def test_what_ignores_sigterm_is_killed_with_its_descendants(tmp_path: Path) -> None:
    stubborn = "import signal, subprocess, sys, time; signal.signal(15, signal.SIG_IGN)\n"
    stubborn += "print(subprocess.Popen(['sleep', '600']).pid, 'up', flush=True); time.sleep(600)"
    child = await Child.start(program(tmp_path, stubborn, log_says="up", grace=0.3))
    await child.ready()
    grandchild = psutil.Process(int((tmp_path / "probe.log").read_text().split()[0]))
    await child.stop()
    assert await child.exited() == -signal.SIGKILL
    assert not alive(grandchild)


async def test_only_the_very_process_that_was_noted_counts_as_a_leftover(tmp_path: Path) -> None:
    child = await Child.start(program(tmp_path, "import time; print('up', flush=True); time.sleep(600)", log_says="up"))
    await child.ready()
    state = tmp_path / "processes.json"
    remember(state, [child])
    (record,) = json.loads(state.read_text())
    assert [left.pid for left in leftovers(state)] == [record["pid"]]
    state.write_text(json.dumps([record | {"started": record["started"] - 60}, record | {"command": ["other"]}, {}]))
    assert leftovers(state) == []
    remember(state, [child])
    await stop_tree(leftovers(state)[0], grace=5)
    assert leftovers(state) == []
    await child.exited()


def test_the_next_start_removes_what_a_killed_stack_left_and_sigterm_removes_all(settings: Settings) -> None:
    killed, said = run_stack(settings)
    said("sandbox is up")
    noted = [
        psutil.Process(each["pid"]) for each in json.loads((settings.data_dir / "demo" / "processes.json").read_text())
    ]
    killed.kill()
    killed.communicate()
    assert all(map(alive, noted))
    second, said = run_stack(settings)
    said("stopping a leftover")
    said("sandbox is up")
    assert not any(map(alive, noted))
    started = psutil.Process(second.pid).children(recursive=True)
    assert started
    second.terminate()
    second.communicate(timeout=30)
    assert not any(map(alive, started))
    assert (settings.data_dir / "demo" / "telegram.state").exists()


def run_stack(settings: Settings) -> tuple[subprocess.Popen[str], Callable[[str], None]]:
    """A stack in a process of its own, and a way to wait until it says something."""
    ports = [settings.gateway_port, settings.sandbox_port, settings.prefect_port]
    command = [sys.executable, "-u", "-c", RUN, str(settings.data_dir), *map(str, ports)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def said(words: str) -> None:
        assert process.stdout
        assert any(words in line for line in process.stdout), f"it ended without saying {words!r}"

    return process, said
