"""Explain a stage for one member: what was recorded, and what the gates say by today's data. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.outbox.guardrails import GATE_VALUES, GATED, gate_parameters
from community.outreach.plan import preview
from community.outreach.statements import absence, of_each_version, parameters, run_before, statement
from community.playbook_stages import Step

queries = load(__file__, "explain.sql")
_JUDGE = queries.fill("judge", gated=GATED, gate_values=GATE_VALUES)

DAYS, WEEK = 28, 7
"""Looks into the future: daily so long, then weekly, as audiences look back two weeks past what came due."""
YEAR = 380
"""A step may come before its moment, such as a term's end: that may be so many days ahead."""


@dataclass(frozen=True, slots=True)
class Promised:
    """A message that waits and goes before another of the same member."""

    id: int
    stage: str
    step: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the guardrails say of an intent by today's data. `reason` None: nothing is in the way."""

    reason: str | None
    from_at: datetime
    """When it may go by the SOP: its time, or the moment asked about."""
    send_at: datetime
    """Later than that: quiet hours defer to it."""
    gates: dict[str, Any]
    """Every gate with its value."""
    outranked_by: tuple[Promised, ...] = ()
    """Up to five that go before an outranked one."""


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """Why a plan sent nothing: the last decision up to the moment asked about."""

    at: datetime
    reason: str
    gates: dict[str, Any]
    plan_id: int
    bundle: str


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """The message of an intent, in its present state."""

    id: int
    state: str
    reason: str | None
    planned_at: datetime
    wanted_at: datetime | None
    due_at: datetime
    sent_at: datetime | None
    late_s: int
    plan_id: int | None
    bundle: str | None
    variant: str | None = None
    """`<experiment>:<variant>`."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal in which the message of an intent waits for somebody's word, or for its execution."""

    plan_id: int
    hash: str
    kind: str
    """`backfill`, beside which a run may still plan it; `approval`: it is sent by that word alone."""
    state: str
    decide_by_at: datetime


@dataclass(frozen=True, slots=True)
class StepExplanation:
    """One step for one member. All parts None: the audience does not name the member for it."""

    step: str
    occurrence: str | None = None
    due_at: datetime | None = None
    message: RecordedMessage | None = None
    decision: RecordedDecision | None = None
    today: Judgement | None = None
    """By today's data; None when there is nothing left to decide, or no candidate."""
    waits_in: Waiting | None = None
    variant: str | None = None
    """`<experiment>:<variant>`: which of an experiment's the message is, or would be."""
    outside: str | None = None
    """The step is for segments, and the member is in this other one; empty: in none. None: it is for them."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A stage for one member at a moment. `absence` with its moment: why steps may be missing, as the audience says.

    What was due by `late_at` and is not planned is late: the schedule has passed it.
    """

    member_id: int
    stage: str
    as_of: datetime
    bundle: str
    enabled: bool
    steps: tuple[StepExplanation, ...]
    absence: str
    absent_since: datetime | None
    late_at: datetime


async def explain(conn: Connection, bundle: Bundle, member_id: int, stage_name: str, as_of: datetime) -> Explanation:
    """Every step of the stage for the member, at `as_of` (SOP time). Raises UnknownStage."""
    stage = bundle.playbook.stage(stage_name)
    who = {"member_id": member_id, "stage": stage_name, "now_at": as_of}
    found = _Found(as_of)
    found.add_records(
        await (await conn.execute(queries.messages_of_member, who)).fetchall(),
        await (await conn.execute(queries.recorded_decisions, who)).fetchall(),
    )
    for row in await (await conn.execute(queries.proposals_of_member, who)).fetchall():
        found.add(row, waits_in=Waiting(**{name: row[name] for name in Waiting.__dataclass_fields__}))
    for row in await preview(conn, bundle, stage_name, as_of, members=[member_id]):
        found.add(row, today=await _judgement(conn, row, row))
    for row in await _coming(conn, bundle, stage_name, as_of, member_id):
        found.add(row, today=await _judge(conn, gate_parameters(bundle.playbook, as_of, stage), row))
    for row in found.waiting:
        found.add(row, today=await _judge(conn, gate_parameters(bundle.playbook, as_of), row))
    await _add_outside(conn, stage.steps, member_id, found)
    absent, since = await _absence(conn, bundle, stage_name, member_id, as_of)
    steps = found.steps([step.name for step in stage.steps])
    late_at = run_before(stage.schedule, as_of)
    return Explanation(member_id, stage_name, as_of, bundle.hash, stage.enabled, steps, absent, since, late_at)


class _Found:
    """What is known of each intent, by (step, occurrence)."""

    def __init__(self, as_of: datetime) -> None:
        self._as_of = as_of
        self._parts: dict[tuple[str, str], dict[str, Any]] = {}
        self.waiting: list[dict[str, Any]] = []
        self.outside: dict[str, str] = {}

    def add(self, row: dict[str, Any], **parts: Any) -> None:
        known = self._parts.setdefault((row["step"], row["occurrence"]), {"due_at": row["due_at"]})
        if row.get("variant"):
            known["variant"] = row["variant"]
        known.update(parts)

    def add_records(self, messages: Sequence[dict[str, Any]], decisions: Sequence[dict[str, Any]]) -> None:
        for row in decisions:
            decision = RecordedDecision(row["at"], row["reason"], row["gates"], row["plan_id"], row["bundle"])
            self.add(row, decision=decision)
        for row in messages:
            fields = {name: row[name] for name in RecordedMessage.__dataclass_fields__}
            self.add(row, message=RecordedMessage(**fields), due_at=row["due_at"])
        self.waiting = [row for row in messages if row["state"] == "waiting"]

    def steps(self, names: Sequence[str]) -> tuple[StepExplanation, ...]:
        """In the playbook's order; steps that a former playbook had come last."""
        former = sorted({step for step, _ in self._parts} - set(names))
        return tuple(explained for name in [*names, *former] for explained in self._of(name))

    def _of(self, name: str) -> list[StepExplanation]:
        mine = sorted((key, parts) for key, parts in self._parts.items() if key[0] == name)
        return [StepExplanation(step, occurrence, **parts) for (step, occurrence), parts in mine] or [
            StepExplanation(name, outside=self.outside.get(name))
        ]


async def _add_outside(conn: Connection, steps: Sequence[Step], member_id: int, found: _Found) -> None:
    """For which steps the member is in the wrong segment."""
    if any(step.segments for step in steps):
        row = await (await conn.execute(queries.segment_of, {"member_id": member_id})).fetchone()
        segment = row["segment"] if row else ""
        found.outside = {step.name: segment for step in steps if step.segments and segment not in step.segments}


async def _coming(
    conn: Connection, bundle: Bundle, stage_name: str, as_of: datetime, member_id: int
) -> list[dict[str, Any]]:
    """The next intent of each step that is not due yet, as the audience will name it."""
    stage, rows = bundle.playbook.stage(stage_name), []
    looks = [as_of + stage.horizon + timedelta(days=days) for days in _days_ahead(stage.steps)]
    for _, values in await of_each_version(conn, bundle, stage_name, as_of, [member_id]):
        late = [False] * len(values["step"])  # nothing is late that has yet to come
        values |= {"skip_late": late, "collapse": late, "looks": looks, "due_by": looks[-1]}
        rows += await (await conn.execute(statement("coming", values), values)).fetchall()
    return rows


def _days_ahead(steps: Sequence[Step]) -> list[int]:
    """Days from now on which to look for what is coming."""
    offsets = [timedelta(days=step.day) + (step.after or timedelta()) for step in steps]
    again = [step.every or timedelta() for step in steps]
    last = YEAR if min(offsets) < timedelta() else max(offsets + again).days + 2 * WEEK
    return [*range(1, DAYS + 1), *range(DAYS + WEEK, max(last, DAYS) + WEEK, WEEK)]


async def _judge(conn: Connection, gates: dict[str, Any], row: dict[str, Any]) -> Judgement:
    """The gates of one intent, with the claim's view of the cap when it waits already."""
    waiting = "id" in row
    values = {"key": row.get("id", -1), "reserve_lane": row["lane"] - waiting, "barred": row.get("barred")}
    judged = await (await conn.execute(_JUDGE, {**row, **values, **gates})).fetchone()
    assert judged is not None
    return await _judgement(conn, row, judged)


async def _judgement(conn: Connection, intent: dict[str, Any], judged: dict[str, Any]) -> Judgement:
    """What was judged of an intent; of an outranked one with what goes before it."""
    before: tuple[Promised, ...] = ()
    if judged["reason"] == "outranked":
        key, send_at = intent.get("id", -1), judged["send_at"]
        values = {"member_id": intent["member_id"], "send_at": send_at, "key": key}
        values["reserve_lane"] = intent["lane"] - ("id" in intent)
        rows = await (await conn.execute(queries.promised, values)).fetchall()
        before = tuple(Promised(**row) for row in rows)
    return Judgement(judged["reason"], judged["from_at"], judged["send_at"], judged["gates"], before)


async def _absence(
    conn: Connection, bundle: Bundle, stage_name: str, member_id: int, as_of: datetime
) -> tuple[str, datetime | None]:
    steps = bundle.playbook.stage(stage_name).steps
    values = parameters(bundle.playbook, stage_name, steps, as_of, [member_id]) | {"member_id": member_id}
    row = await (await conn.execute(absence(stage_name), values)).fetchone()
    return (row["absence"], row["since_at"]) if row else ("unknown", None)
