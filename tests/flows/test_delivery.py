"""The sweep: pauses become halts, leases come back, and it sends only when the always-on service is silent."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State
from prefect.states import Pending, Running

from community.bundle import Bundle
from community.database.installation import beat, sop_now
from community.database.pool import Connection
from community.outbox.alerts import lately
from community.outbox.halt import halt, halts
from deployments.prefect_away import SILENT, watch_prefect
from flows.delivery import delivery
from flows.welcome_drip import welcome_drip
from tests.flows.conftest import STAFF, artifacts, newcomers, run_of, task_runs
from tests.flows.sandbox import Sandbox


async def test_reports_the_queue(client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection) -> None:
    await newcomers(conn, 3)
    await welcome_drip()
    await beat(conn, "test", "service")
    await halt(conn, "stage:welcome_drip", note="price list is wrong")

    run = await run_of(client, await delivery(return_state=True))

    assert run.name.endswith(" · 3 due · 0 later")
    assert run.state_name == "Completed"
    report = str((await artifacts(client, run))["outbox-queue"].data)
    assert "3 messages due now" in report
    assert "`stage:welcome_drip` by operator: price list is wrong" in report
    assert "The always-on service is sending" in report
    assert len(await task_runs(client, run, "report on the queue")) == 5


async def test_paused_deployment_halts_its_stage(
    client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection
) -> None:
    await beat(conn, "test", "service")
    held = await client.read_deployment_by_name("welcome-drip/welcome-drip")
    await client.pause_deployment(held.id)
    try:
        run = await run_of(client, await delivery(return_state=True))
        assert [(row["scope"], row["source"]) for row in await halts(conn)] == [("stage:welcome_drip", "prefect")]
        assert "welcome_drip paused" in run.name
        await newcomers(conn, 2)
        planned = await run_of(client, await welcome_drip(return_state=True))
        assert planned.name.endswith(" · 0 sent · 2 skipped")
    finally:
        await client.resume_deployment(held.id)
    await delivery()
    assert await halts(conn) == []


async def test_the_schedules_switch_in_the_ui_halts_the_stage_too(
    client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection
) -> None:
    await beat(conn, "test", "service")
    held = await client.read_deployment_by_name("welcome-drip/welcome-drip")
    await client.update_deployment_schedule(held.id, held.schedules[0].id, active=False)
    try:
        await delivery()
        assert [row["scope"] for row in await halts(conn)] == ["stage:welcome_drip"]
    finally:
        await client.update_deployment_schedule(held.id, held.schedules[0].id, active=True)
    await delivery()
    assert await halts(conn) == []


async def test_an_operators_halt_is_left_alone(
    client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection
) -> None:
    await beat(conn, "test", "service")
    await halt(conn, "stage:welcome_drip")
    await delivery()
    assert [(row["scope"], row["source"]) for row in await halts(conn)] == [("stage:welcome_drip", "operator")]


async def test_takes_back_what_a_vanished_sender_held(
    client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection
) -> None:
    await newcomers(conn, 1)
    await welcome_drip()
    await beat(conn, "test", "service")
    await conn.execute("UPDATE messages SET state = 'sending', lease_until_wall = now() - interval '1 minute'")

    run = await run_of(client, await delivery(return_state=True))

    assert run.name.endswith(" · 1 due · 0 later · 1 taken back")


async def test_sends_itself_and_alerts_when_the_service_is_silent(
    client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection, telegram: Sandbox
) -> None:
    await telegram.befriend(conn, 17)

    run = await run_of(client, await delivery(return_state=True))

    assert run.name.endswith(" · service away")
    assert len(await telegram.client.received(17)) == 1
    assert "service is not running" in str((await artifacts(client, run))["staff-alert"].data)
    told = await (await conn.execute("SELECT template FROM messages WHERE chat_id = %s", [STAFF])).fetchall()
    assert [row["template"] for row in told] == ["staff/alert"]


async def test_leaves_sending_to_a_service_that_is_alive(
    client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection, telegram: Sandbox
) -> None:
    await telegram.befriend(conn, 17)
    await beat(conn, "test", "service")

    await delivery()

    assert await telegram.client.received(17) == []


@pytest.mark.parametrize(("state", "longest"), [(Running(), "LONGEST_RUN"), (Pending(), "LONGEST_START")])
async def test_a_run_that_hangs_is_ended_and_told(
    client: PrefectClient,
    deployed: None,
    bundle: Bundle,
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    state: State[None],
    longest: str,
) -> None:
    await beat(conn, "test", "service")
    deployment = await client.read_deployment_by_name("welcome-drip/welcome-drip")
    hanging = await client.create_flow_run_from_deployment(deployment.id, state=state)
    await delivery()
    assert (await client.read_flow_run(hanging.id)).state_name == state.name, "it is young"

    monkeypatch.setattr(f"tasks.zombies.{longest}", timedelta(0))
    await delivery()

    assert (await client.read_flow_run(hanging.id)).state_name == "Crashed"
    [known] = await lately(conn, await sop_now(conn))
    assert (known.what, known.times) == ("1 run hung and was marked as Crashed", 0)
    assert str(hanging.id) in known.place


async def test_the_service_notices_that_delivery_does_not_run(
    client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection
) -> None:
    await beat(conn, "test", "service")
    began, at = datetime.now(UTC) - SILENT - timedelta(minutes=1), await sop_now(conn)
    await delivery()
    await watch_prefect(conn, began, at)
    assert await lately(conn, at) == []

    await conn.execute("UPDATE heartbeats SET beat_wall = %s WHERE role = 'delivery'", [began])
    await watch_prefect(conn, datetime.now(UTC), at)
    assert await lately(conn, at) == [], "who has just begun has not listened for long enough"
    await watch_prefect(conn, began, at)
    assert [known.subject for known in await lately(conn, at)] == ["prefect-away"]
