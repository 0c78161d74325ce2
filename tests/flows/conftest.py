"""Fixtures of the flow tests: one Prefect server for all of them, and what the flows see."""

import asyncio
import gc
import shutil
import ssl
import subprocess
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psutil
import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun, State, TaskRun
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow_async
from prefect.settings import PREFECT_CLIENT_CSRF_SUPPORT_ENABLED, temporary_settings

from community.bundle import Bundle
from community.database.installation import claim
from community.database.pool import Connection
from community.outbox.bundles import publish
from community.outbox.claim import ensure_budget
from community.settings import load_settings
from deployments.bootstrap import apply
from deployments.declared import declared
from deployments.stack import EMPTY_PREFECT
from flows.welcome_drip import welcome_drip
from tasks import events
from tests.flows.sandbox import telegram as telegram

STAFF = -4000
RECORDED_WITHIN_S = 30
LEFT_OPEN = "ignore:unclosed (transport )?<(socket|ssl|_Selector):ResourceWarning"
"""Prefect 3.8 leaves the sockets of its clients to the garbage collector, and so does a test its thread for runs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignore, in this folder only, what Prefect itself warns of."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(LEFT_OPEN))


@pytest.fixture(scope="package")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect's own throw-away server. What its clients left open is collected here, not during others' tests.

    It runs as in use, without what makes Prefect's own hang for 60 s at times (`deployments.prefect_server`), and
    begins with the empty database that the installation made, as making one takes 12 s. Its clients, of which each run
    has several, neither read all the machine's certificates (0.04 s) nor ask for a token that nobody gives.
    """
    from prefect.client import orchestration
    from prefect.server.api import server  # here, as the server itself takes seconds to import
    from prefect.testing import utilities

    folder = tmp_path_factory.mktemp("prefect")
    if EMPTY_PREFECT.exists():
        shutil.copyfile(EMPTY_PREFECT, folder / "prefect-test.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utilities, "mkdtemp", lambda: str(folder))
        patch.setattr(server, "subprocess", SimpleNamespace(**vars(subprocess) | {"Popen": _as_in_use}))
        trust = ssl.create_default_context()
        patch.setattr(
            orchestration, "ssl", SimpleNamespace(**vars(ssl) | {"create_default_context": lambda **_: trust})
        )
        lean = temporary_settings({PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False})
        with lean, utilities.prefect_test_harness(server_startup_timeout=90):
            yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _as_in_use(args: list[str], **options: Any) -> "subprocess.Popen[bytes]":
    """Start `python -m MODULE …` as the project starts Prefect's server."""
    python, _, *module = args
    return subprocess.Popen([python, "-m", "deployments.prefect_server", *module], **options)


@pytest.fixture
def server_process(prefect_server: None) -> psutil.Process:
    """The session's Prefect server."""
    from prefect.server.api.server import SubprocessASGIServer

    running = SubprocessASGIServer().server_process
    assert running is not None
    return psutil.Process(running.pid)


@pytest.fixture
async def client(prefect_server: None) -> AsyncIterator[PrefectClient]:
    """A client of the session's Prefect server."""
    async with get_client() as client:
        yield client


@pytest.fixture
async def bundle(
    conn: Connection, database_url: str, shipped: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Bundle:
    """The shipped bundle in force, in an installation that this process's settings name."""
    for name, value in {
        "SOP_MODE": "sandbox",
        "SOP_DATABASE_URL": database_url,
        "SOP_STAFF_CHAT": str(STAFF),
        "SOP_DATA_DIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    await claim(conn, settings.bot_id, settings.effective_mode)
    await ensure_budget(conn, settings.bot_id, None)
    await publish(conn, shipped, "test")
    return shipped


@pytest.fixture(scope="package")
async def deployed_once(prefect_server: None, shipped: Bundle) -> None:
    """What the project declares, put on the session's server: it takes a third of a second, and rarely changes."""
    async with get_client() as client:
        await apply(client, declared(shipped.playbook))


@pytest.fixture
async def put_right(client: PrefectClient, shipped: Bundle) -> AsyncIterator[None]:
    """For tests that change what is deployed: others find it as declared."""
    yield
    await apply(client, declared(shipped.playbook))


@pytest.fixture
def deployed(deployed_once: None) -> None:
    """What the project declares, on the session's server. Who changes it asks for `put_right` too."""


async def newcomers(conn: Connection, number: int, *, dm: str = "open", days_ago: float = 0.001) -> list[int]:
    """Members admitted to a group that long ago; returns their numbers."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    group = await conn.execute(
        "INSERT INTO groups (chat_id, title, registered_at) VALUES (-1001, 'Club', %s)"
        " ON CONFLICT (chat_id) DO UPDATE SET title = 'Club' RETURNING id",
        [at],
    )
    group_id = (await group.fetchone() or {})["id"]
    base = int(uuid4().int % 10**9) * 1000
    rows = await conn.execute(
        "INSERT INTO members (telegram_id, first_name, dm, first_seen_at, entered_at, home_group_id)"
        " SELECT %s + n, 'M', %s, %s, %s, %s FROM generate_series(1, %s) n RETURNING id",
        [base, dm, at, at, group_id, number],
    )
    members = [row["id"] for row in await rows.fetchall()]
    await conn.execute(
        "INSERT INTO memberships (member_id, group_id, joined_at) SELECT m, %s, %s FROM unnest(%s::bigint[]) m",
        [group_id, at, members],
    )
    return members


async def run_of(client: PrefectClient, state: State[Any]) -> FlowRun:
    """The run that ended in this state."""
    run_id = state.state_details.flow_run_id
    assert run_id is not None
    return await client.read_flow_run(run_id)


async def carry_on(client: PrefectClient, run_id: UUID) -> FlowRun:
    """Execute a run of the welcome drip's deployment as a worker would, until it ends or suspends."""
    run = await client.read_flow_run(run_id)
    with suppress(Pause):
        unwatched = run.model_copy(update={"deployment_id": None})  # as in deployments.runs
        await run_flow_async(welcome_drip, flow_run=unwatched, parameters=run.parameters, return_type="state")
    return await client.read_flow_run(run_id)


async def begin(client: PrefectClient, **parameters: Any) -> FlowRun:
    """A run of the welcome drip's deployment, executed until it ends or suspends."""
    held = await client.read_deployment_by_name("welcome-drip/welcome-drip")
    return await carry_on(client, (await client.create_flow_run_from_deployment(held.id, parameters=parameters)).id)


async def task_runs(client: PrefectClient, run: FlowRun, last: str) -> list[TaskRun]:
    """The run's task runs. Prefect records them in order, a moment after they ended: waits for the one named `last`."""
    filter_ = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run.id]))
    async with asyncio.timeout(RECORDED_WITHIN_S):
        while True:
            runs = await client.read_task_runs(task_run_filter=filter_)
            if any(found.name == last for found in runs):
                return runs
            await asyncio.sleep(0.05)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any], UUID | None]]:
    """Events for operators' automations that this process emits: name, resource, payload, number."""
    found: list[tuple[str, str, dict[str, Any], UUID | None]] = []

    def keep(event: str, resource: dict[str, str], *, payload: dict[str, Any], id: UUID | None) -> None:
        found.append((event, resource["prefect.resource.id"], payload, id))

    monkeypatch.setattr(events, "emit_event", keep)
    return found


async def artifacts(client: PrefectClient, run: FlowRun) -> dict[str, Artifact]:
    """The run's artifacts by key, the newest of each."""
    found = await client.read_artifacts(
        artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    )
    return {str(artifact.key): artifact for artifact in sorted(found, key=lambda artifact: str(artifact.created))}
