"""Days made up: from the UI's form by a suspended run, from the console with a run for each day; stages switched."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL
from typer.testing import CliRunner, Result

from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.bundles import publish
from community.outbox.halt import halts, mirror
from community.outreach.proposals import backfills
from deployments import runs
from deployments.cli.main import app
from flows.delivery import delivery
from tasks.upkeep import paused_stages
from tasks.zombies import LATEST
from tests.flows.conftest import artifacts, begin, carry_on, newcomers

DEPLOYMENT = "welcome-drip/welcome-drip"
ZONE = ZoneInfo("Asia/Shanghai")
STEPS = [
    {"name": f"day_{day}", "day": day, "at": "00:00", "expires_after": "20d", "promotional": True} for day in (1, 2, 3)
]
Sop = Callable[..., Awaitable[Result]]


@pytest.fixture(autouse=True)
def lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane of each test's own: breakers remember."""
    monkeypatch.setattr(runs, "_lane", runs._Lane())


@pytest.fixture
def sop(bundle: Bundle, client: PrefectClient, monkeypatch: pytest.MonkeyPatch) -> Sop:
    """Run `sop` against the tests' Prefect server."""
    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))

    async def run(*arguments: object) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
async def drip(bundle: Bundle, conn: Connection) -> list[int]:
    """Three steps just after midnight, and four members who came three days ago; caps and night are out of the way."""
    source: dict[str, Any] = {**bundle.source, "caps": {"per_day": 9, "per_week": 9}, "quiet_hours": None}
    source["stages"] = {"welcome_drip": {**bundle.source["stages"]["welcome_drip"], "steps": STEPS}}
    await publish(conn, Bundle(source, bundle.copy), "patient")
    days = (datetime.now(ZONE) - datetime.combine(today(-3), datetime.min.time(), ZONE)) / timedelta(days=1)
    return await newcomers(conn, 4, days_ago=days)


def today(days: int = 0) -> Any:
    return (datetime.now(ZONE) + timedelta(days=days)).date()


async def sent(conn: Connection) -> dict[str, int]:
    rows = await (await conn.execute("SELECT step, count(*) AS n FROM messages GROUP BY 1 ORDER BY 1")).fetchall()
    return {row["step"]: row["n"] for row in rows if row["step"].startswith("day_")}


async def of_days(client: PrefectClient, plan: str) -> list[FlowRun]:
    """Runs that show a backfill's days, in their order."""
    found = [run for run in await client.read_flow_runs() if run.parameters.get("plan") == plan]
    assert all("backfill" in run.tags for run in found)
    return sorted(found, key=lambda run: str(run.parameters["first_day"]))


async def test_from_the_form_of_the_ui(
    client: PrefectClient, deployed: None, conn: Connection, drip: list[int]
) -> None:
    days = {"first_day": f"{today(-2)}", "last_day": f"{today(-1)}"}
    run = await begin(client, what="backfill", **days)
    span = f"{today(-2)} to {today(-1)}"
    assert (run.state_name, run.name) == ("Suspended", f"welcome-drip · {span} · 8 messages wait for approval")
    plan = str((await artifacts(client, run))["welcome-drip-plan"].data)
    assert f"| {today(-2)} | day_1 | 4 | 0 |" in plan
    assert await sent(conn) == {}

    await client.resume_flow_run(run.id, run_input={"choice": "send to all", "name": "Ada"})
    run = await carry_on(client, run.id)
    assert run.name == f"welcome-drip · {span} · 0 sent · 8 on their way · approved by Ada"
    assert await sent(conn) == {"day_1": 4, "day_2": 4}


async def test_without_a_first_day_the_form_is_refused(client: PrefectClient, deployed: None, drip: list[int]) -> None:
    run = await begin(client, what="backfill")
    assert run.state is not None
    assert run.state_name == "Failed"
    assert "give first_day" in str(run.state.message)


async def test_a_playbook_that_changed_cancels_it_with_the_reason(
    client: PrefectClient, deployed: None, bundle: Bundle, conn: Connection, drip: list[int]
) -> None:
    run = await begin(client, what="backfill", first_day=f"{today(-2)}")
    await publish(conn, bundle, "another")
    await client.resume_flow_run(run.id, run_input={"choice": "send to all", "name": "Ada"})
    run = await carry_on(client, run.id)
    assert run.state is not None
    assert run.state_name == "Cancelled"
    assert run.name.endswith(" · approved by Ada, but it cannot be sent any more")
    assert "playbook or copy changed" in str(run.state.message)
    assert await sent(conn) == {}


async def test_from_the_console_with_a_run_for_each_day(
    client: PrefectClient, deployed: None, conn: Connection, sop: Sop, drip: list[int]
) -> None:
    await conn.execute("UPDATE members SET dm = 'blocked' WHERE id = %s", [drip[0]])
    ran = await sop("backfill", "welcome_drip", "--from", today(-2), "--to", today())
    assert ran.exit_code == 0, ran.output
    [found] = await backfills(conn)
    for _ in range(2):
        ran = await sop("backfill", "--approve", found.hash, "--name", "Ada")
        assert ran.exit_code == 0, ran.output
        assert f"In Prefect: 3 runs, one for each day, under {DEPLOYMENT}, tagged backfill." in ran.stdout
    assert await sent(conn) == {"day_1": 3, "day_2": 3, "day_3": 3}

    shown = await of_days(client, found.hash)
    held = await client.read_deployment_by_name(DEPLOYMENT)
    assert [(run.deployment_id, run.parameters["first_day"], run.name) for run in shown] == [
        (held.id, f"{today(day)}", f"welcome-drip · {today(day)} · backfill") for day in (-2, -1, 0)
    ]
    midnight = datetime.combine(today(-1), datetime.min.time(), ZONE)
    assert shown[0].expected_start_time == midnight
    assert shown[0].parameters["as_of"] == midnight.isoformat()
    assert shown[2].expected_start_time is not None
    assert shown[2].expected_start_time <= datetime.now(UTC)

    await conn.execute("UPDATE messages SET state = 'sent' WHERE step = 'day_1'")
    first = await carry_on(client, shown[0].id)
    assert first.name == f"welcome-drip · {today(-2)} · 3 sent · 1 skipped · approved by Ada"
    second = await carry_on(client, shown[1].id)
    assert second.name == f"welcome-drip · {today(-1)} · 0 sent · 3 on their way · 1 skipped · approved by Ada"
    report = str((await artifacts(client, first))["welcome-drip-report"].data)
    assert "| 3 | day_1 | sent |" in report
    assert "day_2" not in report
    assert await sent(conn) == {"day_1": 3, "day_2": 3, "day_3": 3}


async def test_its_runs_in_the_past_are_not_taken_for_late_ones(
    client: PrefectClient, deployed: None, conn: Connection, sop: Sop, drip: list[int], telegram: object
) -> None:
    await sop("backfill", "welcome_drip", "--from", today(-2))
    [found] = await backfills(conn)
    await sop("backfill", "--approve", found.hash)
    assert len(await of_days(client, found.hash)) > 0
    await delivery()
    rows = await (await conn.execute("SELECT subject FROM alerts WHERE subject = 'runs-late'")).fetchall()
    assert rows == [], f"they were to begin more than {LATEST} ago"


async def test_pausing_a_stage_is_seen_in_prefect_and_resuming_lifts_both(
    client: PrefectClient, deployed: None, conn: Connection, sop: Sop
) -> None:
    ran = await sop("stage", "pause", "welcome_drip", "--note", "wrong price")
    assert "Its schedule in Prefect is switched off." in ran.stdout
    held = await client.read_deployment_by_name(DEPLOYMENT)
    assert [schedule.active for schedule in held.schedules] == [False]
    assert await paused_stages() == ["welcome_drip"]
    await mirror(conn, ["welcome_drip"], "prefect", "paused in Prefect")
    assert {row["source"] for row in await halts(conn)} == {"operator", "prefect"}

    await client.pause_deployment(held.id)
    ran = await sop("stage", "resume", "welcome_drip")
    assert "Its schedule in Prefect is switched on." in ran.stdout
    assert "Nothing is halted." in ran.stdout
    assert await paused_stages() == []
    assert await halts(conn) == []
