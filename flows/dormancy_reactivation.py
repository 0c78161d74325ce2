"""Silent for a week, or without a word in the group for a month (SOP 1.15): a message of one's own."""

from datetime import date, datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.conduct import Order, What, conduct

STAGE = "dormancy_reactivation"


@flow(name="dormancy-reactivation", flow_run_name="dormancy-reactivation · under way")
async def dormancy_reactivation(
    what: What = What.send,
    as_of: datetime | None = None,
    members: list[int] | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    plan: str | None = None,
) -> State[Any]:
    """Write to those who fell silent, follow it on its way, report.

    Args:
        what: send what is due; preview it; backfill days that are over; or show what became of an approved plan.
        as_of: Moment to plan for; empty: the time this run was scheduled for.
        members: Member numbers to plan for; empty: everyone the stage is for.
        first_day: Of a backfill: its first day.
        last_day: Of a backfill: its last day; empty: only the first.
        plan: Of an approved plan: its hash.
    """
    return await conduct(Order(STAGE, what, as_of, members, first_day, last_day, plan))
