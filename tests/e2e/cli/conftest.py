"""Running `sop` on a database of the test's own, with a playbook folder of its own where it is edited."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from community.bundle import Bundle
from community.database.installation import claim, set_virtual_now
from community.database.pool import Connection
from community.outbox.bundles import publish
from community.outbox.claim import ensure_budget
from community.settings import Mode, Settings
from deployments.cli.main import app
from tests.integration.conftest import NOON, MakeMember, member
from tests.shipped import TEMPLATES

__all__ = ["HOSTILE", "NOON", "MakeMember", "member"]

BOT_ID = Settings(mode=Mode.sandbox, _env_file=None).bot_id
STAGE = "welcome_drip"
HOSTILE = "[bold]<b>\x1b[31mEve"


class Ran(SimpleNamespace):
    """What a command did: `code`, `out`, `err`."""

    code: int
    out: str
    err: str


Sop = Callable[..., Awaitable[Ran]]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str) -> None:
    """The sandbox's installation, nothing from the machine's own settings, neither Telegram nor a service there."""
    for name in list(os.environ):
        if name.startswith("SOP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOP_MODE", "sandbox")
    monkeypatch.setenv("SOP_DATABASE_URL", database_url)
    monkeypatch.setenv("SOP_SANDBOX_PORT", "1")
    monkeypatch.setenv("SOP_GATEWAY_PORT", "1")


@pytest.fixture
def sop(environment: None) -> Sop:
    """Run `sop` with these arguments, in a thread as it has a loop of its own."""

    async def run(*arguments: object) -> Ran:
        result = await asyncio.to_thread(CliRunner().invoke, app, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return Ran(code=result.exit_code, out=result.stdout, err=result.stderr)

    return run


@pytest.fixture
async def bundle(conn: Connection, shipped: Bundle) -> Bundle:
    """The shipped playbook in force for the sandbox's bot, SOP time standing at noon."""
    await claim(conn, BOT_ID, "sandbox")
    await ensure_budget(conn, BOT_ID, 30.0)
    await publish(conn, shipped, "test")
    await set_virtual_now(conn, NOON)
    return shipped


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: None) -> Path:
    """A playbook folder of the test's own, as shipped."""
    folder = tmp_path / "templates"
    shutil.copytree(TEMPLATES, folder)
    monkeypatch.setenv("SOP_PLAYBOOK_DIR", str(folder))
    return folder


@contextmanager
def edited(folder: Path) -> Iterator[dict[str, Any]]:
    """The folder's playbook, to be changed inside `with`."""
    file = folder / "playbook.yaml"
    playbook = yaml.safe_load(file.read_text())
    yield playbook
    file.write_text(yaml.safe_dump(playbook, allow_unicode=True, sort_keys=False))


def switch_off(folder: Path) -> None:
    """Switch the welcome drip off in the folder's playbook."""
    with edited(folder) as playbook:
        playbook["stages"][STAGE]["enabled"] = False


async def table(conn: Connection, name: str) -> list[dict[str, Any]]:
    """All rows of a table, by its first column."""
    return await (await conn.execute(f"SELECT * FROM {name} ORDER BY 1")).fetchall()
