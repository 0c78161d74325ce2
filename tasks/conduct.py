"""What every stage's flow does: plan what is due, have a large send approved, follow it on its way, report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed

from community.errors import SettingsError
from community.outreach.decide import Execution
from community.outreach.plan import PlanResult
from community.outreach.proposal import Proposal
from community.outreach.proposals import find_proposal, proposal_of_run
from community.playbook import Playbook
from tasks.approval import decided, tell_decided
from tasks.messaging import Followed, follow_delivery, logical_date, plan_stage
from tasks.proposing import carry_out, propose_days, propose_due, show_plan
from tasks.reporting import headline, local, name_run, report_stage
from tasks.storage import bundle_in_force, connection
from tasks.words import count, decision_words, noted


class What(StrEnum):
    """What a run of a stage is to do."""

    send = "send"
    """Send what is due."""
    preview = "preview"
    """Show who would get what, and who would not and why; write and send nothing."""
    backfill = "backfill"
    """Plan days that are over, show it, and ask for a word."""
    approved = "approved"
    """Show what became of an approved plan, and execute it if nobody has."""


@dataclass(frozen=True, slots=True)
class Order:
    """A run as it was asked for. `first_day`, `last_day`: of a backfill; `plan`: hash of what was approved.

    `about`: what else its name is to say.
    """

    stage: str
    what: What = What.send
    as_of: datetime | None = None
    members: list[int] | None = None
    first_day: date | None = None
    last_day: date | None = None
    plan: str | None = None
    about: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The stage as Prefect calls it."""
        return self.stage.replace("_", "-")


async def conduct(order: Order) -> State[Any]:
    """Carry out the run; returns its final state, with the outcome as message."""
    async with connection() as conn:
        playbook = (await bundle_in_force(conn)).playbook
        as_of = order.as_of or await logical_date(conn)
        waiting = await proposal_of_run(conn, flow_run.id) if flow_run.id else None
    run = _Run(order, playbook, as_of)
    if waiting:
        return await run.decide(waiting)
    if not playbook.stage(order.stage).enabled:
        await run.name("switched off in the playbook")
        return Completed(message="Switched off in the playbook: nothing planned, and what was queued is held back.")
    match order.what:
        case What.preview:
            return await run.preview()
        case What.backfill:
            return await run.decide(await propose_days(order.stage, *_days(order), flow_run.id))
        case What.approved:
            return await run.show_approved()
    return await run.send()


def _days(order: Order) -> tuple[date, date]:
    if order.first_day is None:
        raise SettingsError("backfill: give first_day, and last_day if it is another")
    return order.first_day, order.last_day or order.first_day


@dataclass(frozen=True, slots=True)
class _Run:
    """One run under way."""

    order: Order
    playbook: Playbook
    as_of: datetime

    async def name(self, *outcome: str, when: str = "") -> None:
        """Put the outcome into the run's name; `when`: for which time it is, if not for its moment."""
        members = self.order.members
        who = count(len(members), "member") if members is not None else ""
        when = when or local(self.as_of, self._zone)
        await name_run(self.order.name, when, who, *self.order.about, *outcome)

    @property
    def _zone(self) -> str:
        return self.playbook.community.zone

    async def send(self) -> State[Any]:
        """Plan and follow; more than the playbook allows at once waits for somebody's word."""
        stage, members = self.playbook.stage(self.order.stage), self.order.members
        most = self.playbook.most_unasked(self.order.stage) if members is None else None
        result = await plan_stage(self.order.stage, self.as_of, members, most)
        if result is None:
            return await self.decide(await propose_due(self.order.stage, self.as_of, flow_run.id))
        immediate = [step.name for step in stage.steps if step.immediately]
        followed = await follow_delivery(result, members, immediate)
        welcomed = followed.count_of(immediate, "sent") if members is not None else None
        return await self._report(result, followed, welcomed)

    async def preview(self) -> State[Any]:
        """Show what a plan would decide now."""
        outcome = await show_plan(self.order.stage, self.as_of, self.order.members)
        await self.name("preview", *outcome)
        return Completed(message=", ".join(outcome))

    async def decide(self, proposal: Proposal) -> State[Any]:
        """Ask until there is a word for all of it; the run is suspended meanwhile, without a process."""
        when = self._when(proposal, None)
        while proposal.state in ("proposed", "approved"):
            if proposal.state == "proposed":
                await self.name(f"{count(proposal.left, 'message waits', 'messages wait')} for approval", when=when)
                proposal = await decided(proposal, self.playbook)
            if proposal.state == "approved":
                proposal, _ = await carry_out(proposal)
        return await self._end(proposal, None)

    async def show_approved(self) -> State[Any]:
        """Execute what was approved, if nobody has, and show what became of it, or of one day of it."""
        async with connection() as conn:
            proposal = await find_proposal(conn, self.order.plan or "")
        return await self._end(proposal, self.order.first_day)

    async def _end(self, proposal: Proposal, day: date | None) -> State[Any]:
        proposal, done = await carry_out(proposal)
        when, decision = self._when(proposal, day), decision_words(proposal)
        if day is None:
            tell_decided(proposal)
        if proposal.state != "executed":
            await self.name(decision, when=when)
            return Cancelled(message=noted(proposal))
        result = as_result(proposal, done, day)
        followed = await follow_delivery(result, day=day)
        about = {"decision": decision, "note": noted(proposal), "when": when}
        return await self._report(result, followed, None, day=day, **about)

    async def _report(
        self,
        result: PlanResult,
        followed: Followed,
        welcomed: int | None,
        *,
        day: date | None = None,
        decision: str = "",
        note: str = "",
        when: str = "",
    ) -> State[Any]:
        await report_stage(result, followed, self.playbook, self.order.members, welcomed, day=day, decision=note)
        outcome = [*headline(result, followed, welcomed), *([decision] if decision else [])]
        await self.name(*outcome, when=when)
        return Completed(message=", ".join(outcome))

    def _when(self, proposal: Proposal, day: date | None) -> str:
        """What a proposal is for: a day of a backfill, all its days, or a moment."""
        if day or proposal.kind != "backfill":
            return day.isoformat() if day else local(proposal.as_of_at, self._zone)
        days = [f"{each}" for each, _ in proposal.days(self.playbook.stage(proposal.stage).schedule.zone)]
        return " to ".join(dict.fromkeys((days[0], days[-1])))


def as_result(proposal: Proposal, done: Execution, day: date | None) -> PlanResult:
    """An executed proposal, or one day of it, as a plan's result."""
    result = PlanResult(proposal.id, proposal.stage, proposal.as_of_at, proposal.bundle)
    days = {date.fromisoformat(text): steps for text, steps in proposal.counts["days"].items()}
    for source, ended in ((days, ("send", "deferred")), (done.days, ("sent", "already", "waits"))):
        for each, steps in source.items():
            if day in (None, each):
                _add_skipped(result, steps, ended)
    chosen = [steps for each, steps in done.days.items() if day in (None, each)]
    result.send = sum(outcomes.get("sent", 0) for steps in chosen for outcomes in steps.values())
    result.already = sum(outcomes.get("already", 0) for steps in chosen for outcomes in steps.values())
    result.decided = sum(result.skipped.values())
    return result


def _add_skipped(result: PlanResult, steps: dict[str, dict[str, int]], ended: tuple[str, ...]) -> None:
    for step, outcomes in steps.items():
        for reason, members in outcomes.items():
            if reason not in ended:
                result.skipped[reason] = result.skipped.get(reason, 0) + members
                by_step = result.steps.setdefault(step, {})
                by_step[reason] = by_step.get(reason, 0) + members
