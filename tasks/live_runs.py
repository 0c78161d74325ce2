"""Each rung of a live session as a scheduled run, so that operators see in Prefect what will happen, and when.

The database decides: these runs follow it. Should Prefect be away, or lose them, the stage's own runs do all the same.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from community.bundle import Bundle
from community.database.installation import sop_now
from community.database.pool import Connection
from community.errors import PrefectUnavailable
from community.live.closing import sweep
from community.live.ladder import RESULT_AFTER, STAGE, rungs
from community.live.models import Live
from community.live.results import tell_results
from community.live.sessions import coming
from community.outreach.statements import run_before
from community.settings import load_settings
from tasks.events import happened
from tasks.messaging import REAL_TIME
from tasks.reporting import local
from tasks.storage import bundle_in_force, connection
from tasks.words import count, reason_words

DEPLOYMENT = "live-conversion/live-conversion"
TAG = "live"
"""Tag of these runs; beside it stands `live:<number>`."""
RECENT = timedelta(minutes=10)
"""A rung that is due by less than this gets its run at once; an earlier one was seen to by the stage's own runs."""
PAGE = 200
"""Runs that the server gives at once."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A rung as the run that is to show it."""

    live_id: int
    version: int
    rung: str
    at: datetime
    name: str

    @property
    def key(self) -> str:
        """Of these there is one run."""
        return f"{TAG}:{self.live_id}:{self.version}:{self.rung}"


@dataclass(frozen=True, slots=True)
class Shown:
    """What matching the runs changed."""

    added: int
    removed: int


async def runs_ahead(conn: Connection, bundle: Bundle) -> list[Ahead]:
    """The rungs of every session that is not over; none in a simulation, whose time is not Prefect's."""
    at = await sop_now(conn)
    if abs(at - datetime.now(UTC)) > REAL_TIME or STAGE not in bundle.playbook.stages:
        return []
    zone = bundle.playbook.community.zone
    return [
        Ahead(live.id, live.version, rung.name, rung.at, name_of(live, rung.name, rung.at, zone))
        for live in await coming(conn, at, past=RESULT_AFTER + RECENT)
        for rung in rungs(bundle.playbook.stage(STAGE).steps, live)
    ]


def name_of(live: Live, rung: str, at: datetime, zone: str) -> str:
    """What the run is called until it has an outcome."""
    return " · ".join((STAGE.replace("_", "-"), local(at, zone), rung, live.title))


async def match_runs(wanted: Sequence[Ahead], now: datetime) -> Shown:
    """Make the scheduled runs those that are wanted: what is missing is added, what moved or is off is removed.

    May be repeated as often as one likes. Raises PrefectUnavailable when the server does not know the deployment.
    """
    async with get_client() as client:
        deployment_id = await _deployment(client)
        scheduled = {run.idempotency_key: run for run in await _scheduled(client)}
        names = {ahead.key: ahead.name for ahead in wanted}
        gone = [run for run in scheduled.values() if not _still_right(run, names, deployment_id)]
        for run in gone:
            with suppress(ObjectNotFound):
                await client.delete_flow_run(run.id)
        there = scheduled.keys() - {run.idempotency_key for run in gone}
        missing = [ahead for ahead in wanted if ahead.at > now - RECENT and ahead.key not in there]
        await _add(client, deployment_id, missing)
    return Shown(len(missing), len(gone))


@task(name="rungs", task_run_name="show the rungs ahead", cache_policy=NO_CACHE, timeout_seconds=60, retries=1)
async def show_rungs() -> Shown:
    """Match the scheduled runs with the sessions in the database."""
    async with connection() as conn:
        wanted = await runs_ahead(conn, await bundle_in_force(conn))
    shown = await match_runs(wanted, datetime.now(UTC))
    get_run_logger().info("%s added, %d removed", count(shown.added, "scheduled run"), shown.removed)
    return shown


@task(name="windows", task_run_name="close windows, tell results", cache_policy=NO_CACHE, timeout_seconds=60, retries=2)
async def close_windows(as_of: datetime) -> list[str]:
    """Close what is due and tell staff what came of it; what happened, in short phrases."""
    settings = load_settings()
    async with connection() as conn:
        bundle = await bundle_in_force(conn)
        swept = await sweep(conn, as_of, bot_id=settings.bot_id)
        told = await tell_results(conn, bundle, as_of, bot_id=settings.bot_id, staff_chat=settings.staff_chat)
        tell_windows(await opened(conn, bundle, as_of), swept.closed)
    dropped = [f"{number:,} dropped: {reason_words(reason)}" for reason, number in swept.dropped.items()]
    closed = len(swept.closed)
    phrases = {count(closed, "window") + " closed": closed, count(told, "result") + " told": told}
    return [phrase for phrase, number in phrases.items() if number] + dropped


async def opened(conn: Connection, bundle: Bundle, as_of: datetime) -> list[Live]:
    """Sessions whose window has opened since the stage's schedule fired last."""
    since = run_before(bundle.playbook.stage(STAGE).schedule, as_of)
    found = await coming(conn, since)
    return [live for live in found if since < live.ends_at <= as_of and live.plan and live.cancelled_at is None]


def tell_windows(opened: Sequence[Live], closed: Sequence[int]) -> None:
    """As events for operators' automations: which windows opened, and which closed."""
    if opened:
        once = ",".join(f"{live.id}:{live.version}:{live.created_at.isoformat()}" for live in opened)
        happened("window_opened", STAGE, once, count=len(opened), lives=[live.id for live in opened])
    if closed:
        happened("window_closed", STAGE, count=len(closed), lives=list(closed))


async def _scheduled(client: PrefectClient) -> list[FlowRun]:
    """Every run of ours for a rung that has not begun."""
    only = FlowRunFilter.model_validate({"tags": {"all_": [TAG]}, "state": {"type": {"any_": ["SCHEDULED"]}}})
    found: list[FlowRun] = []
    while page := await client.read_flow_runs(flow_run_filter=only, limit=PAGE, offset=len(found)):
        found += page
    return found


def _still_right(run: FlowRun, names: Mapping[str, str], deployment_id: UUID) -> bool:
    """A name holds the moment; a run whose deployment was made anew is taken by no worker."""
    return names.get(run.idempotency_key or "") == run.name and run.deployment_id == deployment_id


async def _deployment(client: PrefectClient) -> UUID:
    try:
        return (await client.read_deployment_by_name(DEPLOYMENT)).id
    except ObjectNotFound:
        remedy = "python -m deployments.bootstrap"
        raise PrefectUnavailable(f"Prefect server: it holds no deployment {DEPLOYMENT}; {remedy}") from None


async def _add(client: PrefectClient, deployment_id: UUID, missing: Sequence[Ahead]) -> None:
    for ahead in missing:
        await client.create_flow_run_from_deployment(
            deployment_id,
            parameters={"live": ahead.live_id, "rung": ahead.rung},
            state=Scheduled(scheduled_time=ahead.at),
            name=ahead.name,
            tags=["sop", TAG, f"{TAG}:{ahead.live_id}"],
            idempotency_key=ahead.key,
        )
