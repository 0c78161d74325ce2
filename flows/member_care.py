"""Care for members (SOP 1.19, 1.23 to 1.25): survey, upgrades, benefits, reviews, and leads for staff."""

from datetime import date, datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.care import open_staff_tasks
from tasks.conduct import Order, What, conduct

STAGE = "member_care"


@flow(name="member-care", flow_run_name="member-care · under way")
async def member_care(
    what: What = What.send,
    as_of: datetime | None = None,
    members: list[int] | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    plan: str | None = None,
) -> State[Any]:
    """Open what staff are to do, write what is due, follow it on its way, report.

    Args:
        what: send what is due; preview it; backfill days that are over; or show what became of an approved plan.
        as_of: Moment to plan for; empty: the time this run was scheduled for.
        members: Member numbers to plan for; empty: everyone the stage is for.
        first_day: Of a backfill: its first day.
        last_day: Of a backfill: its last day; empty: only the first.
        plan: Of an approved plan: its hash.
    """
    if what is What.send and members is None:
        await open_staff_tasks(as_of)
    return await conduct(Order(STAGE, what, as_of, members, first_day, last_day, plan))
