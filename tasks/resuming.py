"""Let runs that wait for a word go on, when it was given past Prefect."""

from collections.abc import Sequence
from uuid import UUID

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from community.database.installation import sop_now
from community.errors import PrefectUnavailable
from community.outbox.bundles import Bundles
from community.outreach.decide import heed, settle
from community.outreach.proposal import Proposal
from community.outreach.proposals import LATELY, decided_lately, waiting_runs
from community.settings import load_settings
from tasks.approval import Choice, tell_decided
from tasks.reporting import named
from tasks.storage import connection
from tasks.words import decision_words, noted


@task(name="approvals", task_run_name="carry out approvals", cache_policy=NO_CACHE, timeout_seconds=600)
async def settle_proposals() -> int:
    """Execute what was approved and cancel what nobody decided on, in the service's place; then let runs go on."""
    settings = load_settings()
    async with connection() as conn:
        at = await sop_now(conn)
        settled = await settle(conn, Bundles(), at, bot_id=settings.bot_id, staff_chat=settings.staff_chat)
        cancelled = await cancelled_runs(await waiting_runs(conn))
        await heed(conn, cancelled, at, bot_id=settings.bot_id, staff_chat=settings.staff_chat)
        for proposal in await decided_lately(conn, at - LATELY):
            await catch_up(proposal)
    return settled


async def cancelled_runs(waiting: Sequence[Proposal]) -> list[Proposal]:
    """Those of which somebody has cancelled the run that waits for a word."""
    ids = [UUID(proposal.run_id) for proposal in waiting if proposal.run_id]
    over = FlowRunFilterStateType(any_=[StateType.CANCELLING, StateType.CANCELLED])
    asked = FlowRunFilter(id=FlowRunFilterId(any_=ids), state=FlowRunFilterState(type=over))
    async with get_client() as client:
        found = {str(run.id) for run in await client.read_flow_runs(flow_run_filter=asked)} if ids else set()
    return [proposal for proposal in waiting if proposal.run_id in found]


async def catch_up(proposal: Proposal) -> bool:
    """Let the proposal's run go on if it is still suspended; False: it is at work, look again later.

    A run that is gone, or broke before it could report, is followed by one that shows what became of the proposal.
    """
    async with get_client() as client:
        run = await _run(client, proposal)
        state = run.state if run else None
        if run and state and state.is_paused():
            if state.state_details.pause_key != proposal.question or proposal.state != "proposed":
                await _let_go_on(client, run, proposal)
            return True
        if state and not state.is_final():
            return state.is_scheduled()
        if run and state and state.is_cancelled() and proposal.state == "refused":
            await _say_how(client, run, proposal)
        if proposal.state == "executed" and not (state and state.is_completed()):
            await _show_anew(proposal)
    return True


async def _run(client: PrefectClient, proposal: Proposal) -> FlowRun | None:
    try:
        return await client.read_flow_run(UUID(proposal.run_id))
    except ObjectNotFound:
        return None


async def _let_go_on(client: PrefectClient, run: FlowRun, proposal: Proposal) -> None:
    """A worker takes the run up again; cancelled, it ends here and now."""
    if proposal.state == "refused":
        await _say_how(client, run, proposal)
        await client.set_flow_run_state(run.id, Cancelled(message=noted(proposal)), force=True)
        return
    choice = Choice.send if proposal.state == "executed" else Choice.first
    await client.resume_flow_run(run.id, run_input={"choice": choice.value, "name": proposal.by, "note": proposal.note})


async def _say_how(client: PrefectClient, run: FlowRun, proposal: Proposal) -> None:
    """In the run's name, instead of how many wait."""
    before, _, last = run.name.rpartition(" · ")
    if last != decision_words(proposal):
        await client.update_flow_run(run.id, name=named(before, decision_words(proposal)))
        tell_decided(proposal)


async def _show_anew(proposal: Proposal) -> None:
    stage = proposal.stage.replace("_", "-")
    try:
        await arun_deployment(
            f"{stage}/{stage}",
            parameters={"what": "approved", "plan": proposal.hash},
            idempotency_key=f"plan:{proposal.hash}",
            timeout=0,
            as_subflow=False,
        )
    except ObjectNotFound:
        remedy = "python -m deployments.bootstrap"
        raise PrefectUnavailable(f"Prefect server: it holds no deployment {stage}; {remedy}") from None
