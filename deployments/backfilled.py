"""A backfill in Prefect: one run for each of its days, where that day's own run would stand."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound

from community.errors import PrefectUnavailable
from community.outreach.proposal import Proposal
from deployments.runs import ask
from tasks.upkeep import BACKFILL


async def show_days(proposal: Proposal, days: Sequence[tuple[date, datetime]]) -> str:
    """Note a run for each day and its end; a worker executes it, which sends nothing, and reports that day's outcome.

    Repeating it adds no second run. Returns the deployment's name. Raises PrefectUnavailable; the caller repeats it.
    """
    stage = proposal.stage.replace("_", "-")
    deployment = f"{stage}/{stage}"
    for day, end in days:
        await ask(partial(_show_day, deployment, proposal.hash, day, end))
    return deployment


async def _show_day(deployment: str, plan: str, day: date, end: datetime) -> None:
    try:
        await arun_deployment(
            deployment,
            parameters={"what": "approved", "plan": plan, "first_day": f"{day}", "as_of": end.isoformat()},
            scheduled_time=end,
            flow_run_name=f"{deployment.partition('/')[0]} · {day} · backfill",
            tags=[BACKFILL],
            idempotency_key=f"{plan}:{day}",
            timeout=0,
            as_subflow=False,
        )
    except ObjectNotFound:
        remedy = "python -m deployments.bootstrap"
        raise PrefectUnavailable(f"Prefect server: it holds no deployment {deployment}; {remedy}") from None
