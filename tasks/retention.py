"""Removing what is old enough, and the report on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE

from community.bot.retention import forget_updates
from community.database.installation import sop_now
from community.database.partitions import drop_months
from community.insight.retention import forget_days
from community.outbox.pictures import KEPT, forget_pictures
from community.outbox.retention import forget_contexts
from community.outreach.retention import forget_rows
from community.playbook import Playbook, Retention
from community.playbook_types import format_duration
from community.settings import load_settings
from tasks.storage import connection
from tasks.words import count

DROPPED = {"events": "events_months", "decisions": "decisions_months"}
"""Tables that lose whole months, and the key of the playbook that says how many stay."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What one run removed."""

    months: Mapping[str, Sequence[datetime]]
    """Of each table, the months dropped."""
    updates: int
    contexts: int
    rows: int
    """Of proposals."""
    pictures: int
    days: int
    """Rows of what members did by days."""


@task(name="months", task_run_name="drop old {table}", cache_policy=NO_CACHE, retries=3, retry_delay_seconds=60)
async def drop_old_months(table: str, keep: Retention, at: datetime) -> list[datetime]:
    """Drop the months of `events` or `decisions` that the playbook no longer keeps at `at` (SOP time)."""
    async with connection() as conn:
        return await drop_months(conn, table, getattr(keep, DROPPED[table]), at)


@task(name="words", task_run_name="forget members' words", cache_policy=NO_CACHE, retries=3, retry_delay_seconds=60)
async def forget_words(keep: Retention) -> tuple[int, int, int, int]:
    """Delete old updates, empty what old messages were filled in with, delete rows of old proposals, and pictures that
    no message needs; how many each.
    """
    async with connection() as conn:
        updates = await forget_updates(conn, load_settings().bot_id, keep.updates_after)
        contexts = await forget_contexts(conn, keep.contexts_after)
        rows = await forget_rows(conn, keep.contexts_after)
        return updates, contexts, rows, await forget_pictures(conn, await sop_now(conn))


@task(name="days", task_run_name="forget old days", cache_policy=NO_CACHE, retries=3, retry_delay_seconds=60)
async def forget_member_days(playbook: Playbook, at: datetime) -> int:
    """Delete what members did on days whose events are gone; the figures stay."""
    async with connection() as conn:
        return await forget_days(conn, playbook.retention, playbook.community.zone, at)


@task(name="report", task_run_name="report on what was removed", cache_policy=NO_CACHE, retries=2)
async def report_removed(removed: Removed, keep: Retention) -> None:
    """Write what was removed, and how long each thing is kept."""
    text = retention_report(removed, keep)
    await acreate_markdown_artifact(text, key="retention", description="What was removed because it was old enough")


def retention_report(removed: Removed, keep: Retention) -> str:
    """What was removed, as Markdown."""
    kept = {table: f"{getattr(keep, key)} months" for table, key in DROPPED.items()}
    lines = [f"| {table} | {_span(months) or '–'} | {kept[table]} |" for table, months in removed.months.items()]
    lines += [
        f"| handled updates | {removed.updates:,} | {format_duration(keep.updates_after)} |",
        f"| message contexts | {removed.contexts:,} | {format_duration(keep.contexts_after)} |",
        f"| rows of proposals | {removed.rows:,} | {format_duration(keep.contexts_after)} |",
        f"| days of members | {removed.days:,} | {keep.events_months} months |",
        f"| pictures of reports | {removed.pictures:,} | {format_duration(KEPT)} |",
    ]
    return "\n".join(
        [
            f"# {', '.join(removed_words(removed))}",
            "",
            "| of | removed | kept for |",
            "|---|---|---|",
            *lines,
            "",
            "How long is in the playbook (`retention`). Members, milestones, figures and that a message was sent stay.",
        ]
    )


def removed_words(removed: Removed) -> list[str]:
    """What was removed in short phrases; what was not is left out."""
    phrases = [f"{table} of {_span(months)}" for table, months in removed.months.items() if months]
    phrases += [count(removed.updates, "update")] if removed.updates else []
    phrases += [count(removed.contexts, "message context")] if removed.contexts else []
    phrases += [count(removed.rows, "row of proposals", "rows of proposals")] if removed.rows else []
    phrases += [count(removed.days, "day of members", "days of members")] if removed.days else []
    phrases += [count(removed.pictures, "picture")] if removed.pictures else []
    return phrases or ["nothing old enough"]


def _span(months: Sequence[datetime]) -> str:
    """`2023-09`, or `2023-07 to 2023-09`."""
    return " to ".join(dict.fromkeys(f"{month:%Y-%m}" for month in (months[0], months[-1]))) if months else ""
