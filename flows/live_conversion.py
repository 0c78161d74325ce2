"""A live session and its offer (SOP 1.4, 1.17, 2.11): announced, reminded of, opened, closed to the second, counted."""

from datetime import date, datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from community.live.sessions import by_id
from tasks.conduct import Order, What, conduct
from tasks.live_runs import close_windows, show_rungs
from tasks.messaging import logical_date
from tasks.storage import connection

STAGE = "live_conversion"


@flow(name="live-conversion", flow_run_name="live-conversion · under way")
async def live_conversion(
    what: What = What.send,
    as_of: datetime | None = None,
    members: list[int] | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    plan: str | None = None,
    live: int | None = None,
    rung: str | None = None,
) -> State[Any]:
    """Show the rungs ahead, close the windows that are over, plan what is due, follow it on its way, report.

    Args:
        what: send what is due; preview it; backfill days that are over; or show what became of an approved plan.
        as_of: Moment to plan for; empty: the time this run was scheduled for.
        members: Member numbers to plan for; empty: everyone the stage is for.
        first_day: Of a backfill: its first day.
        last_day: Of a backfill: its last day; empty: only the first.
        plan: Of an approved plan: its hash.
        live: The session whose rung this run was scheduled for; every run sees to all sessions all the same.
        rung: That rung: a step of the stage, or close, or result.
    """
    about = await _about(live, rung)
    if what is What.send:
        async with connection() as conn:
            as_of = as_of or await logical_date(conn)
        # As a state: a rung that cannot be shown must not hold up what members get.
        await show_rungs(return_state=True)  # type: ignore[misc]
        about += await close_windows(as_of)
    return await conduct(Order(STAGE, what, as_of, members, first_day, last_day, plan, about))


async def _about(live_id: int | None, rung: str | None) -> list[str]:
    """Which rung of which session, for the run's name."""
    if live_id is None:
        return []
    async with connection() as conn:
        found = await by_id(conn, live_id)
    return [part for part in (rung, found and found.title) if part]
