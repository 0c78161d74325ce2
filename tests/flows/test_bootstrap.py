"""The server is brought to what is declared, whatever it held, and a difference is one line and exit code 1."""

import asyncio
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.schedules import CronSchedule

from community.bundle import Bundle, load_bundle
from community.database.pool import Connection
from community.errors import PrefectUnavailable
from community.outbox.bundles import publish
from community.settings import load_settings
from deployments import bootstrap as module, runs
from deployments.bootstrap import apply, bootstrap, compare
from deployments.cli.publish import reschedule
from deployments.cli.session import Session
from deployments.declared import Declared, declared
from flows.delivery import delivery
from tests.shipped import TEMPLATES


@pytest.fixture
def wanted(shipped: Bundle) -> Declared:
    return declared(shipped.playbook)


async def test_second_time_changes_nothing(client: PrefectClient, deployed: None, wanted: Declared) -> None:
    before = await _ids(client)
    await apply(client, wanted)
    assert await _ids(client) == before
    assert await compare(client, wanted) == []


@pytest.mark.usefixtures("put_right")
async def test_what_was_changed_by_hand_is_named_and_mended(
    client: PrefectClient, deployed: None, wanted: Declared
) -> None:
    held = await client.read_deployment_by_name("delivery/delivery")
    await client.create_deployment_schedules(
        held.id, [DeploymentScheduleCreate(schedule=CronSchedule(cron="5 5 * * *", timezone="UTC"))]
    )
    silent = (await client.read_automations_by_name("sop: a run fell silent"))[0]
    await client.delete_automation(silent.id)

    differences = await compare(client, wanted)
    assert len(differences) == 2
    assert "deployment delivery: schedules is" in differences[0]
    assert differences[1] == "automation 'sop: a run fell silent' is missing"

    await apply(client, wanted)
    assert await compare(client, wanted) == []


@pytest.mark.usefixtures("put_right")
async def test_what_is_no_longer_declared_is_removed(client: PrefectClient, deployed: None, wanted: Declared) -> None:
    flow_id = await client.create_flow(delivery)
    await client.create_deployment(flow_id, "old", tags=["sop"])
    await client.create_deployment(flow_id, "of-somebody-else")
    assert await compare(client, wanted) == ["deployment old is not declared"]

    await apply(client, wanted)

    names = {deployment.name for deployment in await client.read_deployments()}
    assert "old" not in names
    assert "of-somebody-else" in names


@pytest.mark.usefixtures("put_right")
async def test_what_an_operator_paused_stays_paused(client: PrefectClient, deployed: None, wanted: Declared) -> None:
    held = await client.read_deployment_by_name("welcome-drip/welcome-drip")
    await client.pause_deployment(held.id)
    await client.update_deployment_schedule(held.id, held.schedules[0].id, active=False)
    await client.update_deployment(held.id, DeploymentUpdate(description="changed by hand"))

    await apply(client, wanted)

    held = await client.read_deployment(held.id)
    assert held.paused
    assert [schedule.active for schedule in held.schedules] == [False]
    assert held.description != "changed by hand"
    await client.resume_deployment(held.id)
    await client.update_deployment_schedule(held.id, held.schedules[0].id, active=True)


async def test_first_playbook_is_published(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await conn.execute("DELETE FROM publications")
    await bootstrap(load_settings())
    await asyncio.to_thread(module.main)
    assert [row["note"] for row in await _publications(conn)] == ["first"]


@pytest.mark.usefixtures("put_right")
async def test_a_schedule_published_by_hand_reaches_prefect(
    client: PrefectClient,
    deployed: None,
    bundle: Bundle,
    conn: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = shutil.copytree(TEMPLATES, tmp_path / "templates")
    playbook = folder / "playbook.yaml"
    playbook.write_text(playbook.read_text().replace('cron: "0 * * * *"', 'cron: "7 * * * *"'))
    monkeypatch.setenv("SOP_PLAYBOOK_DIR", str(folder))
    monkeypatch.setenv("PREFECT_API_URL", str(client.api_url))
    monkeypatch.setattr(runs, "_lane", runs._Lane())
    await publish(conn, load_bundle(folder), "later in the hour")

    assert "by its new schedules" in await reschedule(Session(load_settings(), conn))

    held = await client.read_deployment_by_name("welcome-drip/welcome-drip")
    assert [schedule.schedule.cron for schedule in held.schedules] == ["7 * * * *"]  # type: ignore[union-attr]


async def test_a_real_bots_playbook_is_only_published_by_hand(
    bundle: Bundle, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOP_MODE", "real")
    older = Bundle({**bundle.source, "group_defaults": {"zone": "Asia/Tokyo"}}, bundle.copy)
    await publish(conn, older, "an operator's")
    await module.playbook_in_force(conn, load_settings())
    assert [row["note"] for row in await _publications(conn)] == ["test", "an operator's"]


async def test_a_difference_that_stays_is_an_error(
    client: PrefectClient, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forget(*_: Any) -> list[str]:
        return ["deployment delivery: missing"]

    monkeypatch.setattr(module, "compare", forget)
    with pytest.raises(PrefectUnavailable, match="not as declared: deployment delivery: missing"):
        await bootstrap(load_settings())


async def _ids(client: PrefectClient) -> set[UUID]:
    deployments = await client.read_deployments()
    schedules = [schedule.id for deployment in deployments for schedule in deployment.schedules]
    return {d.id for d in deployments} | {i for i in schedules if i} | {a.id for a in await client.read_automations()}


async def _publications(conn: Connection) -> list[dict[str, Any]]:
    return await (await conn.execute("SELECT note FROM publications ORDER BY id")).fetchall()
