"""`sop explain`."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TypeGuard

from rich.console import Console
from rich.text import Text

from community.members.names import display_name
from community.outreach.explain import (
    Explanation,
    Judgement,
    RecordedDecision,
    RecordedMessage,
    StepExplanation,
    Waiting,
    explain as explain_member,
)
from community.playbook import Playbook
from community.playbook_stages import Late
from deployments.cli.gates import gate_values
from deployments.cli.output import console, local, named, print_json, print_table
from deployments.cli.session import session
from tasks.punctuality import verdict
from tasks.words import STATES, absence_words, reason_words, state_words

CATCH_UP = {
    Late.send: "sent late while it has not expired",
    Late.skip: "skipped when late",
    Late.collapse: "when late, given up for a newer step that is due as well",
}


def explain(member: str, stage: str | None, as_of: str, *, as_json: bool) -> None:
    """Print why the member got, gets or does not get each step; without a stage a line for each step of all stages."""
    asyncio.run(_explain(member, stage, as_of, as_json))


async def _explain(name: str, stage: str | None, as_of: str, as_json: bool) -> None:
    async with session() as s:
        bundle = await s.bundle()
        playbook, zone = bundle.playbook, bundle.playbook.community.zone
        at = await s.moment(as_of, zone)
        member = await s.member(name)
        stages = [stage] if stage else list(playbook.stages)
        found = [await explain_member(s.conn, bundle, member.id, each, at) for each in stages]
    if as_json:
        print_json([asdict(each) for each in found])
        return
    who = display_name(member.first_name, member.last_name, member.username)
    about = f"{stage} " if stage else ""
    print(f"Member {member.id} ({who}), {about}at {local(at, zone)} {zone}; all times in that zone.")
    if stage:
        _Printer(console(), found[0], playbook).print()
    else:
        rows = [row for each in found for row in _Printer(console(), each, playbook).rows()]
        print_table(console(), None, ("stage", "step", "outcome"), rows)
        print("\nEvery gate of a stage with its value: name the stage too.")


class _Printer:
    """Prints the steps of one explanation."""

    def __init__(self, out: Console, found: Explanation, playbook: Playbook) -> None:
        self._out, self._found, self._playbook = out, found, playbook
        self._policies = {step.name: step.late for step in playbook.stage(found.stage).steps}

    def print(self) -> None:
        """Everything about each step."""
        if not self._found.enabled:
            print("The stage is switched off in the playbook in force.")
        for step in self._found.steps:
            self._step(step)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """A line for each step; one for all when the stage has nothing at all for the member."""
        off = "" if self._found.enabled else "switched off; "
        if all(step.due_at is None and step.outside is None for step in self._found.steps):
            yield self._found.stage, "-", off + self._absence()
            return
        for step in self._found.steps:
            yield self._found.stage, named(step.step, step.variant), off + self._short(step)

    def _step(self, step: StepExplanation) -> None:
        due = f", due {self._at(step.due_at)}" if step.due_at else ""
        self._out.print(Text(f"\n{named(step.step, step.variant)}{due}", style="bold"))
        for line in self._lines(step):
            self._out.print(Text(line))
        judged = {"recorded": step.decision if not step.message else None, "by today's data": step.today}
        self._gates({when: by for when, by in judged.items() if by})

    def _lines(self, step: StepExplanation) -> Iterator[str]:
        if step.message:
            yield f"Recorded: {self._message(step.message)}"
        if step.decision:
            yield f"Recorded: {self._decision(step.decision)}"
        if not step.message and not step.decision:
            yield "Nothing recorded up to then."
        if step.waits_in:
            yield f"Proposed: {self._waits(step.waits_in)}."
            yield f"Decide: sop approvals --decide {step.waits_in.hash} send|first|cancel --name NAME"
        if step.today:
            yield f"By today's data: {self._today(step)}"
            yield from (f"Goes first: {line}" for line in self._before(step.today))
        elif not step.message and not step.decision:
            yield f"By today's data: {self._absence(step)}"
        if step.due_at and not step.message and step.step in self._policies:
            late = "it is late" if step.due_at <= self._found.late_at else "it is not late"
            yield f"Catch-up: {CATCH_UP[self._policies[step.step]]}; {late}."

    def _short(self, step: StepExplanation) -> str:
        if step.message:
            return self._short_message(step.message)
        if _by_word(step.waits_in):
            return self._waits(step.waits_in)
        if step.due_at and step.due_at > self._found.as_of and step.today:
            return self._today(step)
        if step.decision:
            return f"not sent: {reason_words(step.decision.reason)} ({self._at(step.decision.at)})"
        return self._today(step) if step.today else self._absence(step)

    def _short_message(self, message: RecordedMessage) -> str:
        state, colon, why = state_words(message.state, message.reason).partition(":")
        if message.state == "sent":
            return f"sent {self._at(message.sent_at)}, {self._verdict(message)}"
        return f"{state}, due {self._at(message.due_at)}{colon}{why}"

    def _message(self, message: RecordedMessage) -> str:
        state = STATES["sent"] if message.state == "sent" else state_words(message.state, message.reason)
        late = ", after the moment asked about" if message.planned_at > self._found.as_of else ""
        planned = f"planned {self._at(message.planned_at)}{late}{_origin(message.plan_id, message.bundle)}"
        return f"message {message.id}: {state}{self._punctual(message)}; {planned}"

    def _punctual(self, message: RecordedMessage) -> str:
        sent = f" at {self._at(message.sent_at)}" if message.sent_at else ""
        if message.wanted_at is None:
            return sent
        wanted = f", wanted {self._at(message.wanted_at)}"
        return f"{sent}{wanted}" + (f": {self._verdict(message)}" if message.sent_at else "")

    def _verdict(self, message: RecordedMessage) -> str:
        wanted = message.wanted_at or message.due_at
        on_time: timedelta = self._playbook.on_time
        return verdict(wanted, message.due_at, message.sent_at, message.late_s, message.reason, on_time)

    def _decision(self, decision: RecordedDecision) -> str:
        origin = _origin(decision.plan_id, decision.bundle)
        return f"not sent: {reason_words(decision.reason)}; decided {self._at(decision.at)}{origin}"

    def _waits(self, proposal: Waiting) -> str:
        if proposal.state == "approved":
            return f"proposal {proposal.hash} is approved, and will be carried out within seconds"
        until = self._at(proposal.decide_by_at)
        return f"waits for somebody's word on proposal {proposal.hash} ({proposal.kind}), until {until} at most"

    def _today(self, step: StepExplanation) -> str:
        assert step.today is not None
        today, due_at = step.today, step.due_at
        reason, as_of = today.reason, self._found.as_of
        if _by_word(step.waits_in) and not reason:
            return "nothing else is in its way"
        if due_at and due_at > as_of:
            now = f"; now in its way: {reason_words(reason)}" if reason else "; nothing in its way now"
            return f"not due until {self._at(due_at)}{now}"
        if reason:
            return f"not sent: {reason_words(reason)}"
        if today.send_at > as_of:
            return f"would be sent at {self._at(today.send_at)}, the member's morning (quiet hours)"
        return "would be sent now"

    def _before(self, today: Judgement) -> Iterator[str]:
        """What takes the room of an outranked message."""
        for other in today.outranked_by:
            yield f"{other.stage}/{other.step} at {self._at(other.due_at)} (message {other.id})"
        if today.reason == "outranked" and (earlier := (today.gates.get("place") or 1) - 1):
            yield f"{earlier} more of this stage"

    def _absence(self, step: StepExplanation | None = None) -> str:
        if step and step.outside is not None:
            return absence_words("other_segment") + f" ({step.outside or 'none'})"
        since = self._at(self._found.absent_since)
        return absence_words(self._found.absence) + (f" ({since})" if since else "")

    def _gates(self, judged: Mapping[str, RecordedDecision | Judgement]) -> None:
        """Every gate, as recorded and by today's data beside each other."""
        zone = self._playbook.community.zone
        columns = [gate_values(by.gates, by.reason, zone) for by in judged.values()]
        rows = [(name, *(column[name] for column in columns)) for name in (columns[0] if columns else ())]
        print_table(self._out, None, ("gate", *judged), rows)

    def _at(self, at: datetime | None) -> str | None:
        return local(at, self._playbook.community.zone)


def _by_word(proposal: Waiting | None) -> TypeGuard[Waiting]:
    """No run sends what waits for approval."""
    return proposal is not None and proposal.kind == "approval"


def _origin(plan_id: int | None, bundle: str | None) -> str:
    parts = [f"plan {plan_id}"] if plan_id is not None else []
    parts += [f"playbook {bundle[:12]}"] if bundle is not None else []
    return f" ({', '.join(parts)})" if parts else ""
