"""Welcome and the first seven days (SOP 1.8, 1.10): who joined gets the welcome at once, then one post a day."""

from datetime import date, datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.conduct import Order, What, conduct
from tasks.events import happened

STAGE = "welcome_drip"


@flow(name="welcome-drip", flow_run_name="welcome-drip · under way")
async def welcome_drip(
    what: What = What.send,
    as_of: datetime | None = None,
    members: list[int] | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    plan: str | None = None,
) -> State[Any]:
    """Plan what is due, follow it on its way, report.

    Args:
        what: send what is due; preview it; backfill days that are over; or show what became of an approved plan.
        as_of: Moment to plan for; empty: the time this run was scheduled for.
        members: Member numbers to plan for; empty: everyone the stage is for. Runs started by joins name them.
        first_day: Of a backfill: its first day.
        last_day: Of a backfill: its last day; empty: only the first.
        plan: Of an approved plan: its hash.
    """
    state = await conduct(Order(STAGE, what, as_of, members, first_day, last_day, plan))
    if members is not None:
        happened("joined", STAGE, count=len(members))
    return state
