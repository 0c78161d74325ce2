"""`sop` as a program: trouble told in one line, what it imports, the servers it starts; its guide is complete."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from community.bundle import Bundle
from community.database.installation import claim
from community.database.pool import Connection
from deployments.cli.main import app
from tests.e2e.cli.conftest import STAGE, Sop

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "commands.md").read_text()


async def test_nothing_published_yet(sop: Sop) -> None:
    ran = await sop("preview", STAGE)
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)
    assert "sop publish" in ran.err


async def test_another_bots_database_is_refused(sop: Sop, conn: Connection) -> None:
    await claim(conn, 999, "sandbox")
    ran = await sop("publish", "--note", "x")
    assert ran.code == 1
    assert "belongs to bot 999" in ran.err


async def test_mode_chooses_the_installation(sop: Sop, conn: Connection, bundle: Bundle) -> None:
    ran = await sop("--mode", "demo", "links")
    assert ran.code == 1
    assert "(demo)" in ran.err
    assert "SOP_MODE" in (await sop("--mode", "nonsense", "links")).err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SOP_DATABASE_URL": "postgresql://me:s3cret@127.0.0.1:1/sop"}, "SOP_DATABASE_URL"),
        ({"SOP_DATABASE_URL": "", "SOP_DATA_DIR": "nowhere"}, "make up"),
        ({"SOP_GATEWAY_PORT": "many"}, "SOP_GATEWAY_PORT"),
    ],
)
async def test_trouble_is_one_line(
    sop: Sop, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], said: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    ran = await sop("outbox")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (1, "", 1)
    assert said in ran.err
    assert "s3cret" not in ran.err


async def test_a_database_without_tables_is_told(sop: Sop, conn: Connection) -> None:
    await conn.execute("ALTER TABLE installation RENAME TO elsewhere")
    ran = await sop("outbox")
    await conn.execute("ALTER TABLE elsewhere RENAME TO installation")
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)
    assert "make up" in ran.err


@pytest.fixture
def program(environment: None) -> list[str]:
    return [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from deployments.cli.main import run; run()",
    ]


def test_as_a_program(program: list[str]) -> None:
    done = subprocess.run([*program, "preview", STAGE], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "no playbook is in force; publish one: sop publish --note 'first'\n"
    unknown = subprocess.run([*program, "nonsense"], capture_output=True, text=True, timeout=60)
    assert unknown.returncode == 2
    assert "No such command" in unknown.stderr


VERBS = (
    "check",
    "preview",
    "publish",
    "outbox",
    "halt",
    "links",
    "status",
    "backfill",
    "approvals",
    "stage",
    "campaign",
)
NEEDED = """
import sys
from importlib import import_module

def without(verb, *heavy):
    import_module(f"deployments.cli.{verb}")
    if found := [name for name in heavy if name in sys.modules]:
        sys.exit(f"{verb} imports {', '.join(found)}")

without("main", "rich", "psycopg", "pydantic", "prefect", "telegram", "sqlalchemy")
for verb in sys.argv[1:]:
    without(verb, "prefect", "telegram", "sqlalchemy")
without("explain", "prefect", "telegram")
"""


def test_verbs_start_without_what_they_do_not_need() -> None:
    command = [sys.executable, "-c", NEEDED, *VERBS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_sandbox_runs_alone(program: list[str]) -> None:
    command = [*program, "sandbox", "--port", "0", "--allow-host", "telegram"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        url = running.stdout.readline().partition(" on ")[2].partition("/bot")[0]
        assert url.startswith("http://127.0.0.1:")
        asked = urllib.request.Request(f"{url}/control/clock", headers={"Host": "telegram:8081"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.status == 200
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0


async def test_demo_is_started_with_what_was_asked(sop: Sop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    async def run_demo(**values: object) -> int:
        asked.append({**values, "mode": os.environ["SOP_MODE"]})
        return 1

    monkeypatch.setitem(sys.modules, "deployments.demo", SimpleNamespace(run_demo=run_demo))
    monkeypatch.delitem(sys.modules, "deployments.cli.demo", raising=False)
    assert (await sop("demo", "--exit", "--days", 2)).code == 1
    monkeypatch.delitem(sys.modules, "deployments.cli.demo")
    assert asked == [{"exit": True, "days": 2, "members": 300, "seed": 7, "mode": "demo"}]


def verbs() -> Iterator[tuple[str, Any]]:
    """Every command with its whole name."""
    top = typer.main.get_command(app)
    yield "sop", top
    for name, command in top.commands.items():  # type: ignore[attr-defined]
        yield f"sop {name}", command
        for inner, leaf in getattr(command, "commands", {}).items():
            yield f"sop {name} {inner}", leaf


@pytest.mark.parametrize(("name", "command"), list(verbs()), ids=[name for name, _ in verbs()])
def test_every_command_and_option_is_in_the_guide(name: str, command: Any) -> None:
    heading = re.search(rf"(?m)^#+ .*`{name}`$", GUIDE)
    assert heading, f"docs/commands.md has no section `{name}`"
    section = re.split(r"(?m)^#+ ", GUIDE[heading.end() :])[0]
    options = [option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]]
    missing = [option for option in options if option.startswith("-") and option not in section]
    assert not missing, f"docs/commands.md, `{name}`: {missing}"
    assert command.help, f"{name} has no help"


def test_the_guide_has_no_command_that_is_gone() -> None:
    told = set(re.findall(r"(?m)^#+ .*`(sop[a-z -]*)`$", GUIDE))
    assert told == {name for name, _ in verbs()}
