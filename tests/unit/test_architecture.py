"""The house rules that types cannot express: who imports whom, who touches which table, which clock is read where."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import telegram

from community.database.tables import metadata

ROOT = Path(__file__).parents[2]
CORE = ROOT / "community"
SQL = sorted([*CORE.rglob("*.sql"), *(ROOT / "tasks").rglob("*.sql"), *(ROOT / "flows").rglob("*.sql")])
OURS = [
    path
    for folder in ("community", "flows", "tasks", "deployments")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "sandbox" not in path.parts and "simulation" not in path.parts
]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_run_one_way() -> None:
    """The contracts are in pyproject.toml, for `make check` too. In a process of its own, as it sets up logging."""
    lint = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# Tables.

TABLES = {
    table.name: type_.__module__.split(".")[1]
    for type_ in __import__("sqlmodel").SQLModel.__subclasses__()
    if (table := metadata.tables.get(str(getattr(type_, "__tablename__", "")))) is not None
}
FOREIGN = {
    "community/outreach/queries.sql": {
        "messages": "planning inserts messages and decisions in one statement, whatever the size of the audience",
    },
    "community/outreach/in_flight.sql": {
        "messages": "what waits is taken up by the version that takes over, in that transaction",
    },
    "community/outreach/proposals.sql": {
        "messages": "an approved proposal is carried out as a plan is, in one statement",
    },
    "community/activity/queries.sql": {
        "members": "last_active_at is brought up to date with the batch of events that moves it",
    },
    "community/activity/backfill.sql": {
        "members": "as in queries.sql, for events that are found to be new in the same statement",
    },
}
"""Tables of other packages that an .sql may touch, and why."""


def tables_of(path: Path) -> set[str]:
    text = re.sub(r"--.*|'[^']*'", "", path.read_text(encoding="utf-8"))
    words = r"(?:FROM|JOIN|INTO|UPDATE|ONLY|USING|COPY|TABLE)\s+(\w+)"
    own_names = set(re.findall(r"(?:WITH(?: RECURSIVE)?|,)\s*(\w+)(?: \([^)]*\))? AS (?:MATERIALIZED )?\(", text))
    return (set(re.findall(words, text)) & set(TABLES)) - own_names


def test_every_table_belongs_to_a_package() -> None:
    assert set(TABLES) == set(metadata.tables)


@pytest.mark.parametrize("path", SQL, ids=name)
def test_sql_touches_the_tables_of_its_package_and_views_of_others(path: Path) -> None:
    package = path.relative_to(ROOT).parts[1] if path.is_relative_to(CORE) else path.parent.name
    foreign = {table for table in tables_of(path) if TABLES[table] != package}
    assert foreign == set(FOREIGN.get(name(path), {})), "read another package through its v_… view, and never write it"


def test_views_are_named_as_views_of_their_package() -> None:
    for path in CORE.glob("*/views.sql"):
        created = re.findall(r"CREATE OR REPLACE VIEW (\w+)", path.read_text(encoding="utf-8"))
        assert created
        assert all(view.startswith("v_") for view in created), path


# Clocks.


SOP_TIME = r"(?:\b\w+_at\b|\bat\b|%\((?:now_at|at|as_of|since)\)s)(?:::\w+)?"
WALL_TIME = r"(?:\b\w+_wall\b|clock_timestamp\(\))"
BETWEEN = r"\s*(?:[<>]=?|=|<>|\+|-)\s*(?:\w+\.)?"
MIXED = re.compile(f"{SOP_TIME}{BETWEEN}{WALL_TIME}|{WALL_TIME}{BETWEEN}{SOP_TIME}")


@pytest.mark.parametrize("path", SQL, ids=name)
def test_sql_never_mixes_the_clocks(path: Path) -> None:
    """Each is compared, set and computed only with its own kind; and no statement reads a transaction's start."""
    code = " ".join(re.sub(r"--.*", "", path.read_text(encoding="utf-8")).split())
    assert MIXED.findall(code) == []
    assert re.findall(r"\b(now\(\)|current_timestamp|localtimestamp|current_date)", code, re.I) == []


def test_mixed_clocks_would_be_found() -> None:
    for code in ("due_at <= clock_timestamp()", "next_wall > %(now_at)s", "clock_timestamp() - m.entered_at"):
        assert MIXED.search(code), code
    assert not MIXED.search("due_at <= %(now_at)s AND next_wall > clock_timestamp()")


MAY_READ_THE_CLOCK = {
    "community/database/installation.py",  # SOP time is real time where nothing simulates it
    "community/gateway/health.py",  # the age of a heartbeat, which is wall time
    "community/gateway/payments.py",  # the age of a signature, likewise
}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Calls as dotted text: `datetime.now`, `self._bot.send_message`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_in_the_core_reads_the_machines_date() -> None:
    reading = {
        name(path)
        for path in OURS
        if path.is_relative_to(CORE)
        for called, _ in calls(path)
        if re.search(r"(datetime\.(now|utcnow|today)|date\.today|\btime\.time|strftime|localtime)$", called)
        and not called.endswith(".strftime")
    }
    assert reading == MAY_READ_THE_CLOCK


# The network.

ACTS = re.compile(
    r"(send|edit|delete|approve|decline|ban|unban|restrict|promote|create|revoke|answer|set|copy|forward|pin|unpin|leave"
    r"|refund|export|post)_\w+"
)
DIRECT = {
    ("community/bot/direct.py", "answer_callback_query"),
    ("community/bot/direct.py", "answer_pre_checkout_query"),
    ("community/bot/direct.py", "create_chat_invite_link"),
    ("community/bot/direct.py", "create_invoice_link"),
    ("community/bot/direct.py", "edit_user_star_subscription"),
    ("community/bot/direct.py", "refund_star_payment"),
    ("community/bot/direct.py", "revoke_chat_invite_link"),
    ("deployments/service.py", "set_webhook"),
    ("deployments/service.py", "delete_webhook"),
    ("deployments/demo/scene.py", "create_chat_invite_link"),
}
"""Calls of the Bot API that do not go through the outbox: they are no messages, and cannot wait."""


def test_all_that_the_bot_says_leaves_through_the_outbox() -> None:
    methods = {method for method in dir(telegram.Bot) if ACTS.fullmatch(method)}
    found = {
        (name(path), called.rpartition(".")[2])
        for path in OURS
        if not path.is_relative_to(CORE / "channels")
        for called, _ in calls(path)
        if called.rpartition(".")[2] in methods and "bot" in called.rpartition(".")[0].lower()
    }
    assert found <= DIRECT
    assert ("community/bot/direct.py", "answer_callback_query") in found


def test_only_channels_and_the_bots_polling_speak_http() -> None:
    clients = re.compile(r"^\s*(?:import|from) (aiohttp|httpx|requests|urllib3|urllib\.request|http\.client)\b", re.M)
    using = {
        name(path) for path in OURS if path.is_relative_to(CORE) and clients.search(path.read_text(encoding="utf-8"))
    }
    assert {path for path in using if not path.startswith("community/channels/")} <= {"community/bot/polling.py"}


# Habits.


def test_no_drawer_for_everything() -> None:
    assert [name(path) for path in OURS if path.stem in ("utils", "util", "helpers", "misc", "common")] == []


def test_files_stay_short() -> None:
    long = {name(path): lines for path in OURS if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300}
    assert [path for path in long if "migrations" not in path] == []
    flows = {
        path.name: lines
        for path in (ROOT / "flows").glob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 120
    }
    assert flows == {}


def test_no_error_is_swallowed_without_a_word() -> None:
    """`except …: pass` hides; contextlib.suppress at least names what and is seen in review."""
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{name(path)}:{node.lineno}: bare except"
                assert not all(isinstance(line, ast.Pass) for line in node.body), f"{name(path)}:{node.lineno}"
