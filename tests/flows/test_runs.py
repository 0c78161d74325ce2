"""In-process runs appear under their deployment, few at a time, and never hold their caller up."""

import asyncio
import socket
import time

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.settings import PREFECT_API_URL, temporary_settings

from community.bundle import Bundle
from community.database.pool import Connection
from community.errors import PrefectUnavailable
from community.outbox.halt import halts, mirror
from deployments import runs
from deployments.bootstrap import apply
from deployments.declared import declared
from deployments.runs import Breaker, ask, run_shown
from flows.welcome_drip import welcome_drip
from tasks.upkeep import paused_stages
from tests.flows.conftest import newcomers, run_of

DEPLOYMENT = "welcome-drip/welcome-drip"
pytestmark = pytest.mark.own_database


@pytest.fixture(autouse=True)
def lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane of each test's own: breakers remember."""
    monkeypatch.setattr(runs, "_lane", runs._Lane())


async def test_run_is_shown_under_its_deployment(
    client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection
) -> None:
    members = await newcomers(conn, 2)
    state = await run_shown(welcome_drip, DEPLOYMENT, {"members": members}, idempotency_key="one", tags=["joined"])

    run = await run_of(client, state)
    held = await client.read_deployment_by_name(DEPLOYMENT)
    assert run.deployment_id == held.id
    assert run.parameters == {"members": members}
    assert {"sop", "in-service", "joined"} <= set(run.tags)
    assert run.state_name == "Completed"
    assert " · 2 members · " in run.name


async def test_same_key_runs_once(client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection) -> None:
    first = await run_shown(welcome_drip, DEPLOYMENT, {}, idempotency_key="two")
    again = await run_shown(welcome_drip, DEPLOYMENT, {}, idempotency_key="two")
    assert first.state_details.flow_run_id == again.state_details.flow_run_id
    assert (await run_of(client, again)).run_count == 1


async def test_paused_deployment_still_records_runs(client: PrefectClient, deployed: None, bundle: Bundle) -> None:
    held = await client.read_deployment_by_name(DEPLOYMENT)
    await client.pause_deployment(held.id)
    state = await run_shown(welcome_drip, DEPLOYMENT, {}, idempotency_key="three")
    await client.resume_deployment(held.id)
    assert state.is_completed()


async def test_server_down_is_told_at_once_and_then_without_asking(bundle: Bundle, prefect_server: None) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        with pytest.raises(PrefectUnavailable, match="PREFECT_API_URL"):
            await run_shown(welcome_drip, DEPLOYMENT, {}, idempotency_key="four")
        with pytest.raises(PrefectUnavailable, match="next try in"):
            await run_shown(welcome_drip, DEPLOYMENT, {}, idempotency_key="four")


async def test_an_empty_server_is_told_and_lifts_no_pause(
    client: PrefectClient, deployed: None, bundle: Bundle, shipped: Bundle, conn: Connection
) -> None:
    for found in await client.read_deployments():
        await client.delete_deployment(found.id)
    try:
        with pytest.raises(PrefectUnavailable, match=r"no deployment .*welcome-drip; python -m deployments\.bootstrap"):
            await run_shown(welcome_drip, DEPLOYMENT, {}, idempotency_key="empty")
        await mirror(conn, ["welcome_drip"], "prefect", "paused in Prefect")
        with pytest.raises(PrefectUnavailable, match="no deployment of ours"):
            await ask(paused_stages)
    finally:
        await apply(client, declared(shipped.playbook))
    assert [row["scope"] for row in await halts(conn)] == ["stage:welcome_drip"]


async def test_hung_server_costs_a_second_and_blocks_nothing_else(bundle: Bundle, prefect_server: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, never answers
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: address}):
            began = time.monotonic()
            asking = asyncio.create_task(run_shown(welcome_drip, DEPLOYMENT, {}, idempotency_key="five"))
            longest = await _longest_pause(asking)
            with pytest.raises(PrefectUnavailable, match="no answer within 1 s"):
                await asking
    assert time.monotonic() - began < 2
    assert longest < 0.3


def test_breaker_lets_one_try_through_after_its_rest() -> None:
    now = [0.0]
    breaker = Breaker(rest=15, clock=lambda: now[0])
    breaker.admit()
    breaker.failed()
    now[0] = 14
    with pytest.raises(PrefectUnavailable, match="next try in 1 s"):
        breaker.admit()
    now[0] = 15
    breaker.admit()
    with pytest.raises(PrefectUnavailable):
        breaker.admit()
    breaker.succeeded()
    breaker.admit()


async def _longest_pause(task: "asyncio.Task[object]") -> float:
    """The longest time the loop was held up while the task ran."""
    longest = 0.0
    while not task.done():
        began = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - began)
    return longest
