"""Counting what happened: as many days as there is time for, and what is told of it."""

import time
from dataclasses import dataclass
from datetime import date

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE

from community.database.installation import sop_now
from community.insight.counting import count_late as count_late_days, count_open
from tasks.storage import bundle_in_force, connection
from tasks.words import count

BOX_S = 1200.0
"""Time after which nothing more is begun; the next run goes on."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a run counted: open days, late days counted anew, and those that are left for the next run."""

    days: int
    late: list[date]
    left: list[date]


@task(name="count", task_run_name="count days", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=30)
async def count_late() -> Counted:
    """Count today and the days still open, then late ones until none is left or the time is up."""
    until, late = time.monotonic() + BOX_S, set[date]()
    async with connection() as conn:
        playbook = (await bundle_in_force(conn)).playbook
        days = await count_open(conn, playbook, await sop_now(conn))
        while True:
            done = await count_late_days(conn, playbook, await sop_now(conn))
            late |= set(done.counted)
            if not done.left or time.monotonic() >= until:
                return Counted(days, sorted(late), done.left)


@task(name="report", task_run_name="report on what was counted", cache_policy=NO_CACHE, retries=2)
async def report_counted(counted: Counted) -> None:
    """Write which days were counted, and which are still to be."""
    await acreate_markdown_artifact(counted_report(counted), key="kpi-count", description="Days that were counted")


def counted_report(counted: Counted) -> str:
    """What was counted, as Markdown."""
    parts = [
        f"# {', '.join(counted_words(counted))}",
        "Figures of today and of the days still open are as of now; `sop kpi` shows them.",
    ]
    if counted.late:
        parts.append(
            f"**Counted anew: {_span(counted.late)}.** Something that happened then was entered afterwards (an import, "
            "a callback), so these days, and every figure that looks back to them, changed. A report made before shows "
            "what was known when it was made."
        )
    if counted.left:
        parts.append(
            f"**Still to be counted: {_span(counted.left)}.** There was no more time; the next run goes on. Until then "
            "the figures that look at these days are as they were."
        )
    return "\n\n".join(parts)


def counted_words(counted: Counted) -> list[str]:
    """What was counted in short phrases; what is zero is left out."""
    phrases = [f"{count(counted.days, 'day')} counted"]
    phrases += [f"{count(len(counted.late), 'late day')} counted anew"] if counted.late else []
    phrases += [f"{count(len(counted.left), 'late day')} left"] if counted.left else []
    return phrases


def _span(days: list[date]) -> str:
    """`2026-03-04`, or how many from the first to the last."""
    first, last = min(days), max(days)
    return f"{first}" if first == last else f"{len(days)} days from {first} to {last}"
