"""Plan a stage, and follow its messages on their way."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from prefect import task
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from community.database.installation import sop_now
from community.database.pool import Connection
from community.database.queries import load
from community.outreach.plan import PlanResult, TooMany, plan
from community.outreach.report import outcome_by_step
from community.settings import load_settings
from tasks.storage import bundle_in_force, connection, service_alive

queries = load(__file__)

FOLLOW_S = 60.0
"""Longest time a run follows its messages; large sends go on without it."""
STILL_S = 10.0
"""Not one message moved for this long: following on would show nothing."""
LOOK_S = 0.5
SHOW_S = 2.0
"""A progress artifact costs a call to the server each time."""
REAL_TIME = timedelta(minutes=1)
"""SOP time further than this from the clock is a simulation's."""
DEFERRED = ("quiet_hours", "frequency_cap", "outranked", "ahead")


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of messages. `rows`: step, state, reason, messages; `sender`: the always-on service is alive."""

    rows: Sequence[dict[str, Any]]
    sender: bool = True

    def count(self, *states: str) -> int:
        """Messages in one of these states, without those that wait for a later time."""
        return sum(r["messages"] for r in self.rows if r["state"] in states and not _deferred(r))

    def count_of(self, steps: Sequence[str], state: str) -> int:
        """Messages of these steps in that state."""
        return sum(row["messages"] for row in self.rows if row["step"] in steps and row["state"] == state)

    @property
    def deferred(self) -> int:
        """Messages that wait for their time, their member's morning, or room under the cap."""
        return sum(row["messages"] for row in self.rows if _deferred(row))

    @property
    def on_their_way(self) -> int:
        """Messages not settled yet that need not wait for a later time."""
        return self.count("waiting", "sending")

    @property
    def settled(self) -> int:
        """Messages of which the end is known."""
        return sum(row["messages"] for row in self.rows if row["state"] not in ("waiting", "sending"))


async def logical_date(conn: Connection) -> datetime:
    """SOP time of this run: when it was scheduled for, however late it runs; the simulation's time in a simulation."""
    now_at = await sop_now(conn)
    if abs(now_at - datetime.now(UTC)) > REAL_TIME:
        return now_at
    scheduled: datetime = flow_run.scheduled_start_time
    return scheduled.astimezone(UTC)


@task(
    name="plan",
    task_run_name="plan {stage}",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 5, 15],
    timeout_seconds=600,
)
async def plan_stage(
    stage: str, as_of: datetime, members: list[int] | None, most: int | None = None
) -> PlanResult | None:
    """Decide who gets what of the stage at `as_of`: messages for those who pass, a named reason for the others.

    None when it would be more than `most` messages: then nothing is planned. A plan for everyone is shared by two
    connections: with 125,000 candidates it takes PostgreSQL seconds.
    """
    async with AsyncExitStack() as opened:
        conn = await opened.enter_async_context(connection())
        beside = [] if members is not None else [await opened.enter_async_context(connection())]
        bundle = await bundle_in_force(conn)
        bot_id, ran_at = load_settings().bot_id, await sop_now(conn)
        try:
            return await plan(
                conn, bundle, stage, as_of, bot_id=bot_id, members=members, beside=beside, most=most, ran_at=ran_at
            )
        except TooMany:
            return None


@task(name="follow", task_run_name="follow delivery of {result.stage}", cache_policy=NO_CACHE, timeout_seconds=120)
async def follow_delivery(
    result: PlanResult, members: list[int] | None = None, immediate: Sequence[str] = (), day: date | None = None
) -> Followed:
    """Follow the plan's messages until all are settled, none moves any more, nobody sends, or a minute has passed.

    For a run over `members` the `immediate` steps that they got before this run are followed too; of a backfill one
    `day` of it.
    """
    async with connection() as conn:
        look = partial(_look, conn, result, members, immediate, day)
        followed = await look()
        if not followed.on_their_way or not followed.sender:
            return followed
        return await _watch(look, followed, result)


async def _watch(look: Callable[[], Awaitable[Followed]], followed: Followed, result: PlanResult) -> Followed:
    words = f"{result.stage}: messages settled, of {followed.settled + followed.on_their_way:,}"
    key = f"{result.stage.replace('_', '-')}-progress"
    artifact = await acreate_progress_artifact(_progress(followed), key=key, description=words)
    began = moved = shown = time.monotonic()
    while followed.on_their_way and time.monotonic() - began < FOLLOW_S and time.monotonic() - moved < STILL_S:
        await asyncio.sleep(LOOK_S)
        before, followed = followed, await look()
        if followed.settled != before.settled:
            moved = time.monotonic()
        if time.monotonic() - shown > SHOW_S:
            shown = time.monotonic()
            await aupdate_progress_artifact(artifact, _progress(followed))
    await aupdate_progress_artifact(artifact, _progress(followed))
    return followed


async def _look(
    conn: Connection, result: PlanResult, members: list[int] | None, immediate: Sequence[str], day: date | None
) -> Followed:
    rows = await outcome_by_step(conn, result.plan_id, day)
    if members is not None:
        values = {"members": members, "stage": result.stage, "steps": list(immediate)}
        earlier = await (await conn.execute(queries.messages_of_members, values)).fetchall()
        rows = [row for row in rows if row["step"] not in immediate] + earlier
    return Followed(rows, await service_alive(conn))


def _progress(followed: Followed) -> float:
    total = followed.settled + followed.on_their_way
    return round(100.0 * followed.settled / total, 1) if total else 100.0


def _deferred(row: dict[str, Any]) -> bool:
    return row["state"] == "waiting" and row["reason"] in DEFERRED
