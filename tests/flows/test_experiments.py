"""The experiments flow: looks at each, says so in its name, and tells nothing twice."""

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
