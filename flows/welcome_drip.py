"""Welcome and the first seven days (SOP 1.8, 1.10): who joined gets the welcome at once, then one post a day."""

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed

from tasks.messaging import follow_delivery, logical_date, plan_stage
from tasks.reporting import headline, local, name_run, report_stage
from tasks.storage import bundle_in_force, connection
from tasks.words import count

STAGE = "welcome_drip"


@flow(name="welcome-drip", flow_run_name="welcome-drip · under way")
async def welcome_drip(as_of: datetime | None = None, members: list[int] | None = None) -> State[Any]:
    """Plan what is due, follow it on its way, report.

    Args:
        as_of: Moment to plan for; empty: the time this run was scheduled for.
        members: Member numbers to plan for; empty: everyone the stage is for. Runs started by joins name them.
    """
    async with connection() as conn:
        playbook = (await bundle_in_force(conn)).playbook
        as_of = as_of or await logical_date(conn)
    stage, zone = playbook.stage(STAGE), playbook.community.zone
    who = count(len(members), "member") if members is not None else ""
    if not stage.enabled:
        await name_run("welcome-drip", local(as_of, zone), who, "switched off in the playbook")
        return Completed(message="Switched off in the playbook: nothing planned, and what was queued is held back.")

    immediate = [step.name for step in stage.steps if step.immediately]
    result = await plan_stage(STAGE, as_of, members)
    followed = await follow_delivery(result, members, immediate)
    welcomed = followed.count_of(immediate, "sent") if members is not None else None
    await report_stage(result, followed, zone, members, welcomed)
    if members is not None:
        emit_event("sop.joined", {"prefect.resource.id": f"sop.stage.{STAGE}"}, payload={"count": len(members)})
    outcome = headline(result, followed, welcomed)
    await name_run("welcome-drip", local(as_of, zone), who, *outcome)
    return Completed(message=", ".join(outcome))
