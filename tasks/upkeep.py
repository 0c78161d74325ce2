"""What keeps the outbox moving: sweeps, paused stages, sending in the service's place, and the report on the queue."""

import asyncio
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

from community.channels.telegram import TelegramChannel, make_bot
from community.database.installation import sop_now
from community.database.pool import open_pool
from community.errors import PrefectUnavailable
from community.groups.gate import sweep_gate
from community.groups.welcome import sweep_greetings
from community.live.closing import sweep as sweep_lives
from community.outbox.bundles import Bundles
from community.outbox.forecast import Forecast, forecast
from community.outbox.halt import halts, mirror
from community.outbox.recover import Recovered, recover
from community.settings import load_settings
from tasks.live_runs import tell_windows
from tasks.reporting import local
from tasks.sending import make_delivery
from tasks.storage import bundle_in_force, connection, database_url
from tasks.words import count

OURS = "sop"
"""Tag of everything of ours on a Prefect server that may serve others too."""
BACKFILL = "backfill"
"""Tag of the runs that show the days of a backfill."""
STAGE_TAG = "stage:"
SEND_S = 50.0
"""Time box for sending in the service's place: the next run, a minute later, goes on."""
STOP_S = 15.0
"""Longest wait for what is on its way when the time is up."""


@dataclass(frozen=True, slots=True)
class Groups:
    """What the sweep of gate and greetings did: requests declined, group welcomes enqueued."""

    declined: int
    greeted: int


def stage_of(tags: list[str]) -> str | None:
    """The stage a deployment runs: its tag `stage:NAME`."""
    return next((tag.removeprefix(STAGE_TAG) for tag in tags if tag.startswith(STAGE_TAG)), None)


async def paused_stages() -> list[str]:
    """Stages that an operator stopped in Prefect: deployment paused, or no schedule left on (the UI's switch).

    Raises PrefectUnavailable if the server holds nothing of ours: that is no answer, and lifts no pause.
    """
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS]))
    async with get_client() as client:
        found = await client.read_deployments(deployment_filter=ours)
    if not found:
        raise PrefectUnavailable("Prefect server: it holds no deployment of ours; python -m deployments.bootstrap")
    stopped = [d for d in found if d.paused or not any(schedule.active for schedule in d.schedules)]
    return sorted(stage for deployment in stopped if (stage := stage_of(deployment.tags)))


@task(name="outbox", task_run_name="take back, expire", cache_policy=NO_CACHE, timeout_seconds=60)
async def sweep_outbox() -> Recovered:
    """Take back messages whose sender vanished, and expire those whose time is over, or whose offer."""
    async with connection() as conn:
        bot_id, at = load_settings().bot_id, await sop_now(conn)
        tell_windows([], (await sweep_lives(conn, at, bot_id=bot_id)).closed)
        return await recover(conn, bot_id, at)


@task(name="groups", task_run_name="close join requests, greet newcomers", cache_policy=NO_CACHE, timeout_seconds=60)
async def sweep_groups() -> Groups:
    """Close join requests nobody answered in time, and greet newcomers who cannot be written to in private."""
    async with connection() as conn:
        bundle, at, bot_id = await bundle_in_force(conn), await sop_now(conn), load_settings().bot_id
        declined = await sweep_gate(conn, bundle, at, bot_id)
        return Groups(declined, await sweep_greetings(conn, bundle, at, bot_id))


@task(name="pauses", task_run_name="hold back paused stages", cache_policy=NO_CACHE, timeout_seconds=30)
async def mirror_pauses() -> list[str]:
    """Hold back what is queued of the stages paused in Prefect, and release those that were resumed."""
    paused = await paused_stages()
    async with connection() as conn:
        await mirror(conn, paused, "prefect", "paused in Prefect")
    return paused


@task(name="send", task_run_name="send in the service's place", cache_policy=NO_CACHE, timeout_seconds=SEND_S + 60)
async def send_for_service() -> None:
    """Deliver what is due, for at most 50 seconds, because no always-on service is alive."""
    settings = load_settings()
    pool, process = await open_pool(database_url(settings), 4), f"delivery-flow:{os.getpid()}"
    try:
        async with make_bot(settings.token, settings.telegram_api, settings.connections) as bot:
            channel = TelegramChannel(bot)
            delivery = make_delivery(settings, pool, Bundles(), channel, username=bot.username, process=process)
            running = asyncio.create_task(delivery.run())
            await _until_empty(SEND_S)
            delivery.stop()
            await asyncio.wait_for(running, STOP_S)
    finally:
        await pool.close()


async def _until_empty(seconds: float) -> None:
    """Return when nothing is due any more, at the latest after `seconds`."""
    until = time.monotonic() + seconds
    async with connection() as conn:
        while time.monotonic() < until:
            if not (await forecast(conn, load_settings().bot_id, await sop_now(conn))).due:
                return
            await asyncio.sleep(1)


@task(name="queue", task_run_name="report on the queue", cache_policy=NO_CACHE, timeout_seconds=60)
async def report_queue(swept: Recovered, groups: Groups, service: bool) -> Forecast:
    """Write the report on the queue: how many wait, when they will be gone, what is held back."""
    async with connection() as conn:
        zone = (await bundle_in_force(conn)).playbook.community.zone
        queue = await forecast(conn, load_settings().bot_id, await sop_now(conn))
        held = [f"`{row['scope']}` by {row['source']}: {row['note'] or 'no note'}" for row in await halts(conn)]
    finished = local(datetime.now(UTC) + queue.takes, zone)
    text = queue_report(queue, swept, groups, service=service, held=held, finished=f"{finished} ({zone})")
    await acreate_markdown_artifact(text, key="outbox-queue", description="What waits, and when it will be sent")
    return queue


def queue_report(
    queue: Forecast, swept: Recovered, groups: Groups, *, service: bool, held: list[str], finished: str
) -> str:
    """The queue in words, as Markdown."""
    pace = f" at {queue.rate:g} messages a second" if queue.rate else ""
    parts = [
        f"# {count(queue.due, 'message')} due now, {queue.later:,} for later",
        f"The last will be out about **{finished}**{pace}." if queue.takes > timedelta(seconds=1) else "",
        "The always-on service is sending." if service else "**The always-on service is away**; this run sent for it.",
        _section("Held back", held),
        "What is held back stays in the queue until it is released or expires." if held else "",
        _section("This minute", _done(swept, groups)),
    ]
    return "\n\n".join(part for part in parts if part)


def queue_headline(queue: Forecast, swept: Recovered, groups: Groups, paused: list[str], service: bool) -> list[str]:
    """The state of the queue in short phrases; what did not happen is left out."""
    back = swept.again + swept.uncertain
    phrases = {
        f"{queue.due:,} due": True,
        f"{queue.later:,} later": True,
        f"{swept.expired:,} expired": swept.expired,
        f"{back:,} taken back": back,
        f"{count(groups.declined, 'request')} closed": groups.declined,
        f"{', '.join(paused)} paused": paused,
        "service away": not service,
    }
    return [phrase for phrase, happened in phrases.items() if happened]


def _done(swept: Recovered, groups: Groups) -> list[str]:
    lines = {
        f"{count(swept.expired, 'message')} came too late and expired": swept.expired,
        f"{count(swept.again, 'message')} taken back from a sender that vanished, to be sent again": swept.again,
        f"{count(swept.uncertain, 'promotional message')} of such a sender parked: may have arrived": swept.uncertain,
        f"{count(groups.declined, 'join request')} closed unanswered": groups.declined,
        f"{count(groups.greeted, 'group welcome')} enqueued": groups.greeted,
    }
    return [line for line, number in lines.items() if number]


def _section(title: str, lines: list[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines) if lines else ""
