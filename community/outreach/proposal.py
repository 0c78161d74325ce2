"""What a proposal is: a plan that waits for somebody's word, or had one."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

STAFF_CHAT, FORM, COMMAND, RUN, TIMEOUT = "staff_chat", "form", "command", "run", "timeout"
"""How somebody decided. The staff chat proves who; a form or a command takes a name as it is declared; of who cancelled
the run that waits nothing is known."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan that waits for a decision, or had one.

    `counts`: {"send": n, "deferred": n, "skipped": {reason: n}, "days": {day: {step: {outcome: n}}}}, and once any of
    it was executed "outcome": {"sent": n, "already": n, "stopped": {reason: n}}.
    """

    id: int
    stage: str
    kind: str
    state: str
    as_of_at: datetime
    since_at: datetime | None
    bundle: str
    counts: dict[str, Any]
    hash: str
    decide_by_at: datetime
    decision: str | None
    decided_at: datetime | None
    decided_by: str | None
    decided_how: str | None
    note: str
    run_id: str | None

    @property
    def send(self) -> int:
        """Messages that it would send, deferred ones included."""
        return int(self.counts["send"])

    @property
    def sent(self) -> int:
        """Messages put into the outbox so far."""
        return int(self._outcome.get("sent", 0))

    @property
    def settled(self) -> int:
        """Messages of which it is known what became: sent, already there, or stopped by the guardrails."""
        return self.sent + int(self._outcome.get("already", 0)) + sum(self.stopped.values())

    @property
    def left(self) -> int:
        """Messages that wait for a word."""
        return self.send - self.settled

    @property
    def stopped(self) -> dict[str, int]:
        """Reason → messages that the guardrails stopped between proposal and execution."""
        return dict(self._outcome.get("stopped", {}))

    @property
    def skipped(self) -> dict[str, int]:
        """Reason → messages that were not to be sent when it was proposed."""
        return dict(self.counts["skipped"])

    @property
    def question(self) -> str:
        """Names what is asked: another one once a part has gone."""
        return f"plan-{self.id}-{self.settled}"

    @property
    def by(self) -> str:
        """Who decided, in words."""
        return f"member {self.decided_by}" if self.decided_how == STAFF_CHAT else self.decided_by or "nobody"

    @property
    def _outcome(self) -> dict[str, Any]:
        return dict(self.counts.get("outcome", {}))

    def days(self, zone: str) -> list[tuple[date, datetime]]:
        """Each day of a backfill with its end, in the schedule's `zone`; the last may not be over."""
        assert self.since_at is not None
        first, until = self.since_at.astimezone(ZoneInfo(zone)), self.as_of_at.astimezone(ZoneInfo(zone))
        number = (until - timedelta(microseconds=1)).date() - first.date()
        ends = [(first + timedelta(days=n), first + timedelta(days=n + 1)) for n in range(number.days + 1)]
        return [(start.date(), min(end, until)) for start, end in ends]


def read_proposal(row: dict[str, Any]) -> Proposal:
    """A row of plans that is a proposal."""
    return Proposal(**{name: row[name] for name in Proposal.__dataclass_fields__})
