"""The experiments flow: looks at each, says so in its name, and tells nothing twice."""

from datetime import timedelta

from prefect.client.orchestration import PrefectClient

from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from community.outbox.bundles import publish
from flows.experiments import experiments
from tests.flows.conftest import artifacts, run_of
from tests.integration.insight.experiment_kit import NOON, ran, with_experiment


async def test_looks_and_proposes(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await publish(conn, with_experiment(bundle), "an experiment")
    await set_virtual_now(conn, NOON)
    await ran(conn, "a", 600, 120)
    await ran(conn, "b", 600, 300)

    run = await run_of(client, await experiments(as_of=NOON, return_state=True))

    assert run.name == "experiments · 2026-03-04 12:00 · 1 experiment under way; told of slot"
    assert "b is better than a" in str((await artifacts(client, run))["experiments"].data)
    again = await run_of(client, await experiments(as_of=NOON, return_state=True))
    assert again.name.endswith("· 1 experiment under way")


async def test_holdouts_and_versions_are_looked_at_as_well_but_not_of_a_day_that_is_over(
    client: PrefectClient, bundle: Bundle, conn: Connection
) -> None:
    await publish(conn, bundle, "first")
    await set_virtual_now(conn, NOON)
    for as_of, looks in ((NOON - timedelta(days=1), 0), (NOON, 1)):
        await run_of(client, await experiments(as_of=as_of, return_state=True))
        rows = await (await conn.execute("SELECT since FROM reports WHERE kind = 'learning'")).fetchall()
        assert len(rows) == looks
