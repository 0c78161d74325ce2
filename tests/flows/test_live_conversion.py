"""What operators see of live sessions: every rung ahead as a run of its own, and what a run did."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from community.bundle import Bundle
from community.database.installation import set_virtual_now
from community.database.pool import Connection
from community.errors import PrefectUnavailable
from community.live.models import Live
from community.live.people import register
from community.live.requests import new_live, new_times
from community.live.sessions import add, cancel, move
from community.outbox.bundles import publish
from community.settings import load_settings
from deployments import runs
from deployments.bootstrap import apply
from deployments.declared import declared
from deployments.runs import ask
from flows.live_conversion import live_conversion
from tasks import live_runs
from tasks.live_runs import TAG, Shown, match_runs, runs_ahead
from tests.flows.conftest import STAFF, artifacts, newcomers, run_of, task_runs

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
"""When these tests were loaded; what they show ahead is an hour away at least."""
ANNOUNCED = NOW + 2 * HOUR
START = NOW + 72 * HOUR
RUNGS = ["announce", "day_before", "hour_before", "live_now", "open", "half", "last_call", "close", "result"]


@pytest.fixture
async def selling(conn: Connection, bundle: Bundle, client: PrefectClient, deployed: None) -> AsyncIterator[Bundle]:
    """A pack to sell, in a community without quiet hours; no run of another test ahead."""
    pack = {"title": {"en": "Pack", "zh-Hans": "包"}, "line": "pack", "price": "29.90 USD"}
    published = Bundle({**bundle.source, "plans": {"pack": pack}, "quiet_hours": None}, bundle.copy)
    await publish(conn, published, "test")
    yield published
    for run in await ahead(client):
        await client.delete_flow_run(run.id)


async def add_live(conn: Connection, bundle: Bundle, **times: datetime) -> Live:
    values = {
        "title": "Freight",
        "url": "https://live.example/1",
        "starts_at": START,
        "announce_at": ANNOUNCED,
        **times,
    }
    new = new_live({**values, "ends_at": values["starts_at"] + HOUR}, {"plan": "pack", "price": "19.90 USD"})
    return await add(conn, bundle.playbook, new, min(NOW, new.announce_at or NOW))


async def add_past(conn: Connection, bundle: Bundle) -> Live:
    """Its window closes now."""
    return await add_live(conn, bundle, starts_at=NOW - 49 * HOUR, announce_at=NOW - 99 * HOUR)


async def ahead(client: PrefectClient) -> list[FlowRun]:
    only = FlowRunFilter.model_validate({"tags": {"all_": [TAG]}, "state": {"type": {"any_": ["SCHEDULED"]}}})
    return sorted(await client.read_flow_runs(flow_run_filter=only), key=lambda run: str(run.expected_start_time))


async def match(conn: Connection, bundle: Bundle) -> Shown:
    return await match_runs(await runs_ahead(conn, bundle), datetime.now(UTC))


async def test_every_rung_is_a_run_ahead(client: PrefectClient, conn: Connection, selling: Bundle) -> None:
    live = await add_live(conn, selling)
    assert await match(conn, selling) == Shown(added=len(RUNGS), removed=0)
    found = await ahead(client)
    assert [run.parameters for run in found] == [{"live": live.id, "rung": rung} for rung in RUNGS]
    held = await client.read_deployment_by_name("live-conversion/live-conversion")
    assert {run.deployment_id for run in found} == {held.id}
    assert all({"sop", "live", f"live:{live.id}"} <= set(run.tags) for run in found)
    now = found[3]
    assert (now.expected_start_time, now.idempotency_key) == (START, f"live:{live.id}:1:live_now")
    local = f"{START + 8 * HOUR:%Y-%m-%d %H:%M}"
    assert now.name == f"live-conversion · {local} · live_now · Freight"


async def test_matching_again_changes_nothing(client: PrefectClient, conn: Connection, selling: Bundle) -> None:
    await add_live(conn, selling)
    await match(conn, selling)
    before = [run.id for run in await ahead(client)]
    assert await match(conn, selling) == Shown(added=0, removed=0)
    assert [run.id for run in await ahead(client)] == before


async def test_runs_follow_a_moved_and_a_cancelled_session(
    client: PrefectClient, conn: Connection, selling: Bundle
) -> None:
    live, bot_id = await add_live(conn, selling), load_settings().bot_id
    await match(conn, selling)
    await move(conn, live.id, new_times(starts_at=START + 24 * HOUR), NOW + HOUR, bot_id=bot_id)
    await match(conn, selling)
    found = {run.parameters["rung"]: run.expected_start_time for run in await ahead(client)}
    assert found == {
        "moved": NOW + HOUR, "announce": ANNOUNCED, "day_before": START, "hour_before": START + 23 * HOUR,
        "live_now": START + 24 * HOUR, "open": START + 25 * HOUR, "half": START + 49 * HOUR,
        "last_call": START + 70 * HOUR, "close": START + 73 * HOUR, "result": START + 74 * HOUR,
    }  # fmt: skip
    await cancel(conn, live.id, NOW + 1.5 * HOUR, bot_id=bot_id)
    await match(conn, selling)
    assert [run.parameters["rung"] for run in await ahead(client)] == ["cancelled"]


async def test_a_run_that_somebody_deleted_comes_back(client: PrefectClient, conn: Connection, selling: Bundle) -> None:
    await add_live(conn, selling)
    await match(conn, selling)
    await client.delete_flow_run((await ahead(client))[4].id)
    assert await match(conn, selling) == Shown(added=1, removed=0)
    assert [run.parameters["rung"] for run in await ahead(client)] == RUNGS


async def test_runs_follow_a_deployment_that_is_made_anew(
    client: PrefectClient, conn: Connection, selling: Bundle, shipped: Bundle, put_right: None
) -> None:
    await add_live(conn, selling)
    await match(conn, selling)
    held = await client.read_deployment_by_name("live-conversion/live-conversion")
    await client.delete_deployment(held.id)
    with pytest.raises(PrefectUnavailable, match=r"no deployment .*python -m deployments\.bootstrap"):
        await match(conn, selling)
    await apply(client, declared(shipped.playbook))
    await match(conn, selling)
    made = await client.read_deployment_by_name("live-conversion/live-conversion")
    found = await ahead(client)
    assert {run.deployment_id for run in found} == {made.id}
    assert [run.parameters["rung"] for run in found] == RUNGS


async def test_a_step_that_the_playbook_times_otherwise_moves_its_run(
    client: PrefectClient, conn: Connection, selling: Bundle
) -> None:
    await add_live(conn, selling)
    await match(conn, selling)
    stage = selling.source["stages"]["live_conversion"]
    steps = [{**step, "after": "-2h"} if step["name"] == "hour_before" else step for step in stage["steps"]]
    stages = {**selling.source["stages"], "live_conversion": {**stage, "steps": steps}}
    assert await match(conn, Bundle({**selling.source, "stages": stages}, selling.copy)) == Shown(added=1, removed=1)
    assert (await ahead(client))[2].expected_start_time == START - 2 * HOUR


async def test_a_simulation_has_no_runs_ahead(client: PrefectClient, conn: Connection, selling: Bundle) -> None:
    await add_live(conn, selling)
    await set_virtual_now(conn, NOW + 2 * HOUR)
    assert await runs_ahead(conn, selling) == []


async def test_with_prefect_away_nothing_is_lost(
    conn: Connection, selling: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_lane", runs._Lane())
    await add_live(conn, selling)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}), pytest.raises(PrefectUnavailable):
        await ask(lambda: match(conn, selling))
    assert await match(conn, selling) == Shown(added=len(RUNGS), removed=0)


# A run.


async def test_a_run_shows_the_rungs_plans_what_is_due_and_says_which_rung_it_was(
    client: PrefectClient, conn: Connection, selling: Bundle
) -> None:
    await newcomers(conn, 3, days_ago=30)
    live = await add_live(conn, selling)
    run = await run_of(client, await live_conversion(as_of=ANNOUNCED, live=live.id, rung="announce", return_state=True))
    assert run.state_name == "Completed"
    assert run.name.split(" · ")[2:] == ["announce", "Freight", "0 sent", "3 on their way"]
    assert len(await ahead(client)) == len(RUNGS)
    done = await task_runs(client, run, "report on live_conversion")
    assert sorted(each.name for each in done) == [
        "close windows, tell results", "follow delivery of live_conversion", "plan live_conversion",
        "report on live_conversion", "show the rungs ahead",
    ]  # fmt: skip
    assert "| 3 | announce | waiting |" in str((await artifacts(client, run))["live-conversion-report"].data)


async def test_a_run_closes_the_window_and_tells_the_result(
    client: PrefectClient, conn: Connection, selling: Bundle
) -> None:
    (who,) = await newcomers(conn, 1, days_ago=30)
    live = await add_past(conn, selling)
    await register(conn, live.id, who, NOW - 98 * HOUR, "button")
    await live_conversion(as_of=NOW - HOUR)
    run = await run_of(client, await live_conversion(as_of=NOW, live=live.id, rung="close", return_state=True))
    assert "1 window closed" in run.name
    run = await run_of(client, await live_conversion(as_of=NOW + HOUR, live=live.id, rung="result", return_state=True))
    assert "1 result told" in run.name
    rows = await (await conn.execute("SELECT state, reason, step FROM messages WHERE chat_id = %s", [STAFF])).fetchall()
    assert [row["step"] for row in rows] == ["live_result"]
    left = await (
        await conn.execute("SELECT FROM messages WHERE member_id = %s AND state = 'waiting'", [who])
    ).fetchall()
    assert left == []


async def test_a_run_goes_on_when_the_rungs_cannot_be_shown(
    client: PrefectClient, conn: Connection, selling: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> Shown:
        raise PrefectUnavailable("away")

    monkeypatch.setattr(live_runs, "match_runs", fail)
    monkeypatch.setattr(live_runs.show_rungs, "retries", 0)
    await newcomers(conn, 2, days_ago=30)
    await add_live(conn, selling)
    run = await run_of(client, await live_conversion(as_of=ANNOUNCED, return_state=True))
    assert run.state_name == "Completed"
    assert run.name.endswith(" · 0 sent · 2 on their way")


async def test_a_preview_closes_nothing(client: PrefectClient, conn: Connection, selling: Bundle) -> None:
    await add_past(conn, selling)
    run = await run_of(client, await live_conversion(what="preview", as_of=NOW, return_state=True))  # type: ignore[arg-type]
    assert " · preview" in run.name
    rows = await (await conn.execute("SELECT closed_at FROM lives")).fetchall()
    assert rows == [{"closed_at": None}]


async def test_windows_that_open_and_close_are_told_as_events_once_each(
    client: PrefectClient, conn: Connection, selling: Bundle, told: list[Any]
) -> None:
    live = await add_live(conn, selling, starts_at=NOW - 2 * HOUR, announce_at=NOW - 99 * HOUR)
    for minutes in (-60, -59, -20, 0):
        await live_conversion(as_of=NOW + timedelta(minutes=minutes), live=live.id, rung="open")
    assert {event[:2] for event in told} == {("sop.window_opened", "sop.stage.live_conversion")}
    assert told[0][2] == {"count": 1, "lives": [live.id]}
    assert len({event[3] for event in told}) == 1, "the server knows the second as the first"

    told.clear()
    close = live.window_until_at
    await live_conversion(as_of=close - timedelta(minutes=1))
    for _ in range(2):
        await live_conversion(as_of=close, live=live.id, rung="close")
    assert [event[:3] for event in told] == [
        ("sop.window_closed", "sop.stage.live_conversion", {"count": 1, "lives": [live.id]})
    ]
