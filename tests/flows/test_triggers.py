"""What was done at once is shown as a run of its deployment, as soon as Prefect can be asked."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from prefect.client.orchestration import PrefectClient

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.wakeup import Wakeup
from community.errors import PrefectUnavailable
from community.outreach.triggers import leave_trigger
from deployments import runs, triggers
from deployments.triggers import PAYMENTS, REMOVALS, ShowTriggers
from tests.flows.conftest import newcomers


@pytest.mark.own_database
async def test_a_payment_is_shown_when_prefect_is_back(
    client: PrefectClient,
    deployed: None,
    bundle: Bundle,
    conn: Connection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away, shown = iter((True, True)), runs.run_shown

    async def run_shown(*arguments: Any, **options: Any) -> Any:
        if next(away, False):
            raise PrefectUnavailable("away")
        return await shown(*arguments, **options)

    monkeypatch.setattr(triggers, "run_shown", run_shown)
    monkeypatch.setattr(triggers, "RETRY_S", 0.1)
    members = await newcomers(conn, 2)
    for who in members:
        await leave_trigger(conn, "payment_access", who, datetime.now(UTC))
    showing = asyncio.create_task(ShowTriggers(database_url, Wakeup(database_url), PAYMENTS).run())
    async with asyncio.timeout(60):
        while await waiting(conn):
            await asyncio.sleep(0.1)
    showing.cancel()
    await asyncio.gather(showing, return_exceptions=True)

    held = await client.read_deployment_by_name("payment-access/payment-access")
    [run] = [run for run in await client.read_flow_runs() if run.deployment_id == held.id]
    assert run.parameters["members"] == sorted(members)
    assert {"paid", "in-service"} <= set(run.tags)
    assert run.name.endswith("· 2 members · nothing paid")
    assert run.state_name == "Completed"


async def test_an_approval_of_removals_begins_their_run(
    client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection, database_url: str
) -> None:
    [who] = await newcomers(conn, 1)
    await leave_trigger(conn, "access_expiry", who, datetime.now(UTC))
    showing = asyncio.create_task(ShowTriggers(database_url, Wakeup(database_url), REMOVALS).run())
    async with asyncio.timeout(60):
        while await waiting(conn):
            await asyncio.sleep(0.1)
    showing.cancel()
    await asyncio.gather(showing, return_exceptions=True)

    held = await client.read_deployment_by_name("access-expiry/access-expiry")
    [run] = [run for run in await client.read_flow_runs() if run.deployment_id == held.id]
    assert run.parameters["only_approved"] is True
    assert {"approved", "in-service"} <= set(run.tags)
    assert (run.state_name, run.name.endswith("· nobody to remove")) == ("Completed", True)


async def waiting(conn: Connection) -> bool:
    return bool(await (await conn.execute("SELECT FROM stage_triggers WHERE shown_wall IS NULL")).fetchall())
