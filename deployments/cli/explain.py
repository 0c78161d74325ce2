"""`sop explain`."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime

from rich.console import Console
from rich.text import Text

from community.members.names import display_name
from community.outreach.explain import (
    Explanation,
    Judgement,
    RecordedDecision,
    RecordedMessage,
    StepExplanation,
    explain as explain_member,
)
from deployments.cli.gates import gate_values
from deployments.cli.output import console, local, print_table
from deployments.cli.session import session
from tasks.words import STATES, absence_words, reason_words


def explain(member: str, stage: str, as_of: str) -> None:
    """Print why the member got, gets or does not get each step."""
    asyncio.run(_explain(member, stage, as_of))


async def _explain(name: str, stage: str, as_of: str) -> None:
    async with session() as s:
        bundle = await s.bundle()
        zone = bundle.playbook.community.zone
        at = await s.moment(as_of, zone)
        member = await s.member(name)
        found = await explain_member(s.conn, bundle, member.id, stage, at)
    who = display_name(member.first_name, member.last_name, member.username)
    print(f"Member {member.id} ({who}), {stage} at {local(at, zone)} {zone}; all times in that zone.")
    if not found.enabled:
        print("The stage is switched off in the playbook in force.")
    out = console()
    for step in found.steps:
        _Printer(out, found, zone).step(step)


class _Printer:
    """Prints the steps of one explanation."""

    def __init__(self, out: Console, found: Explanation, zone: str) -> None:
        self._out, self._found, self._zone = out, found, zone

    def step(self, step: StepExplanation) -> None:
        due = f", due {self._at(step.due_at)}" if step.due_at else ""
        self._out.print(Text(f"\n{step.step}{due}", style="bold"))
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
        if step.today:
            yield f"By today's data: {self._today(step)}"
        elif not step.message and not step.decision:
            yield f"By today's data: {self._absence()}"

    def _message(self, message: RecordedMessage) -> str:
        sent = f" at {self._at(message.sent_at)}" if message.sent_at else ""
        why = f" ({reason_words(message.reason)})" if message.reason and message.state != "sent" else ""
        late = ", after the moment asked about" if message.planned_at > self._found.as_of else ""
        planned = f"planned {self._at(message.planned_at)}{late}{_origin(message.plan_id, message.bundle)}"
        return f"message {message.id}: {STATES[message.state]}{sent}{why}; {planned}"

    def _decision(self, decision: RecordedDecision) -> str:
        origin = _origin(decision.plan_id, decision.bundle)
        return f"not sent: {reason_words(decision.reason)}; decided {self._at(decision.at)}{origin}"

    def _today(self, step: StepExplanation) -> str:
        assert step.today is not None
        reason, as_of = step.today.reason, self._found.as_of
        if step.due_at and step.due_at > as_of:
            now = f"; now in its way: {reason_words(reason)}" if reason else "; nothing in its way now"
            return f"not due until {self._at(step.due_at)}{now}"
        if reason:
            return f"not sent: {reason_words(reason)}"
        if step.today.send_at > as_of:
            return f"would be sent at {self._at(step.today.send_at)}, the member's morning (quiet hours)"
        return "would be sent now"

    def _absence(self) -> str:
        since = self._at(self._found.absent_since)
        return absence_words(self._found.absence) + (f" ({since})" if since else "")

    def _gates(self, judged: Mapping[str, RecordedDecision | Judgement]) -> None:
        """Every gate, as recorded and by today's data beside each other."""
        columns = [gate_values(by.gates, by.reason, self._zone) for by in judged.values()]
        rows = [(name, *(column[name] for column in columns)) for name in (columns[0] if columns else ())]
        print_table(self._out, None, ("gate", *judged), rows)

    def _at(self, at: datetime | None) -> str | None:
        return local(at, self._zone)


def _origin(plan_id: int | None, bundle: str | None) -> str:
    parts = [f"plan {plan_id}"] if plan_id is not None else []
    parts += [f"playbook {bundle[:12]}"] if bundle is not None else []
    return f" ({', '.join(parts)})" if parts else ""
