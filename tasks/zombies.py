"""Runs of ours that hang: at work for far too long, or handed to a worker that is gone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runtime import flow_run
from prefect.states import Crashed

from community.outbox.alerts import Alert
from tasks.alerting import alert_staff
from tasks.upkeep import BACKFILL, OURS
from tasks.words import count

LONGEST_RUN = timedelta(minutes=30)
"""Our runs take a minute or two."""
LONGEST_START = timedelta(minutes=10)
"""From when a worker took a run until it is at work."""
LATEST = timedelta(minutes=15)
"""After this long nobody seems to take runs."""
MOST = 50
"""Looked at in one go."""
ENDED = "It hung: no process of it was heard of for far longer than it takes. Nothing is lost; the next run takes over."


@task(name="zombies", task_run_name="end runs that hang", cache_policy=NO_CACHE, timeout_seconds=60)
async def end_zombies() -> int:
    """Mark runs that hang as Crashed and alert staff of them, and of runs that nobody takes; returns how many hung.

    Marking is safe even if a process is still at it: no run sends what another has sent.
    """
    now = datetime.now(UTC)
    async with get_client() as client:
        hanging = await _hanging(client, {"RUNNING": now - LONGEST_RUN, "PENDING": now - LONGEST_START})
        for run in hanging:
            await client.set_flow_run_state(run.id, Crashed(message=ENDED), force=True)
        late = await _late(client, now - LATEST)
    if hanging:
        await alert_staff(_hung(hanging))
    if late:
        await alert_staff(_nobody_takes(late))
    return len(hanging)


async def _hanging(client: PrefectClient, before: Mapping[str, datetime]) -> list[FlowRun]:
    """Our runs that have been in a state of such a type since before its moment, this one left out."""
    found = await _runs(client, {"state": {"type": {"any_": [*before]}}})
    entered = [run for run in found if run.state is not None and run.state.timestamp < before[run.state.type.value]]
    return [run for run in entered if str(run.id) != flow_run.id]


async def _late(client: PrefectClient, before: datetime) -> list[FlowRun]:
    """Runs that should have begun by then. Those of a backfill were to begin in the past, and take their turn."""
    due = {"expected_start_time": {"before_": before.isoformat()}}
    found = await _runs(client, {"state": {"type": {"any_": ["SCHEDULED"]}}, **due})
    return [run for run in found if BACKFILL not in run.tags]


async def _runs(client: PrefectClient, wanted: dict[str, object]) -> list[FlowRun]:
    """Runs of ours, those due last first: many days of a backfill must not hide them."""
    only = FlowRunFilter.model_validate({"tags": {"all_": [OURS]}, **wanted})
    return await client.read_flow_runs(flow_run_filter=only, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=MOST)


def _hung(runs: Sequence[FlowRun]) -> Alert:
    named = ", ".join(f"{run.name} ({run.id})" for run in runs[:3])
    return Alert(
        "runs-hung",
        f"{count(len(runs), 'run')} hung and {'was' if len(runs) == 1 else 'were'} marked as Crashed",
        named + (f" and {len(runs) - 3} more" if len(runs) > 3 else ""),
        "nothing is lost, the next run takes over; if it happens again, look at the worker's log",
    )


def _nobody_takes(runs: Sequence[FlowRun]) -> Alert:
    return Alert(
        "runs-late",
        f"{count(len(runs), 'run')} should have begun more than {LATEST.seconds // 60} minutes ago",
        f"the oldest is {min(runs, key=lambda run: str(run.expected_start_time)).name}",
        "look in the Prefect UI whether the work pool `sop` is paused or full, and at the worker's log",
        lasting=True,
    )
