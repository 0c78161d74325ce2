"""Experiments: looked at every day, a winner proposed, and applied by an operator's word alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from community.bundle import Bundle
from community.check_experiments import PAGE
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.errors import ExperimentRefused, PlaybookError
from community.insight.judging import PAID, Counted, Definition, Result, Verdict, judge
from community.insight.telling import tell_staff
from community.playbook import Playbook
from community.playbook_experiments import Metric
from community.playbook_stages import StepRow, template_name

queries = load(__file__, "experiments.sql")

RUNNING, PROPOSED, APPLIED, ENDED = "running", "proposed", "applied", "ended"
OPEN = (RUNNING, PROPOSED)
KINDS: dict[str, list[str]] = {
    Metric.engaged: ["click", "button", "private", "answer", "reaction", "start"],
    Metric.click_through: ["click"],
    Metric.spoke: ["message"],
    Metric.purchase: ["purchase"],
}
"""The events by which a member counts for a metric."""
LATELY_DAYS = 14
PAGE_STAGE = "page"
PAGE_EFFECT, PAGE_WITHIN = 0.02, timedelta(days=7)
GUARD = "guardrail"
"""Who ended what did harm."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment as it stands. `winner`: proposed, or everybody's; `result`: None before the first look."""

    key: str
    stage: str
    step: str
    definition: Definition
    state: str
    started_at: datetime
    winner: str | None
    result: Result | None
    looked_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Look:
    """A look at one experiment: `news` if staff were to hear of it, and would have been told."""

    experiment: Experiment
    news: bool


async def begin(conn: Connection, playbook: Playbook, at: datetime) -> None:
    """Remember the playbook's experiments as they are now; those known already stay as they were."""
    for new in _defined(playbook):
        row = await (
            await conn.execute(queries.first_planned, {"variants": _labels(new.key, new.definition)})
        ).fetchone()
        values = {"key": new.key, "stage": new.stage, "step": new.step, "definition": Jsonb(new.definition.to_json())}
        await conn.execute(queries.begin, {**values, "started_at": min((row and row["at"]) or at, at)})


async def refuse_used(conn: Connection, playbook: Playbook) -> None:
    """Raises PlaybookError for a key that was used for another experiment: its numbers would be of both."""
    defined = {new.key: new for new in _defined(playbook)}
    rows = await (await conn.execute(queries.known, {"keys": list(defined)})).fetchall()
    used = [row["key"] for row in rows if Definition.from_json(row["definition"]) != defined[row["key"]].definition]
    if used:
        raise PlaybookError(
            "\n".join(f"experiment {key} was another before; give what has changed a new key" for key in sorted(used))
        )


async def look(
    conn: Connection, bundle: Bundle, at: datetime, *, bot_id: int, staff_chat: int | None = None
) -> list[Look]:
    """Look at every experiment under way at `at` (SOP time), propose what is settled, end what does harm; tell staff.

    As often as one likes: the intervals hold for all looks together. Looking again tells nothing twice.
    """
    await begin(conn, bundle.playbook, at)
    keys = [row["key"] for row in await (await conn.execute(queries.open)).fetchall()]
    return [found for key in keys if (found := await _look_at(conn, bundle, key, at, bot_id, staff_chat))]


async def experiments(conn: Connection) -> list[Experiment]:
    """All of them, those under way first."""
    return [_read(row) for row in await (await conn.execute(queries.all)).fetchall()]


async def find(conn: Connection, key: str) -> Experiment:
    """The experiment of that key. Raises ExperimentRefused."""
    row = await (await conn.execute(queries.find, {"key": key})).fetchone()
    if row is None:
        raise ExperimentRefused(f"{key}: no such experiment; `sop experiment list` shows them")
    return _read(row)


def page_key(playbook: Playbook) -> str:
    """The key of the comparison of the pages that the playbook names: others, or in another order, are another."""
    return PAGE + "_".join(playbook.payments.variants)


async def decided_lead(conn: Connection, playbook: Playbook) -> str | None:
    """What the pages of plans lead with for everybody; None while they are compared, or if there is but one."""
    if len(playbook.payments.variants) == 1:
        return None
    row = await (await conn.execute(queries.decided, {"key": page_key(playbook)})).fetchone()
    return (row["winner"] or playbook.payments.variants[0]) if row else None


async def apply(
    conn: Connection, key: str, at: datetime, *, by: str, variant: str | None = None, note: str = ""
) -> Experiment:
    """From now on everybody gets the variant: the proposed winner, or the one that is named.

    Until the playbook says the same, this decides. Raises ExperimentRefused.
    """
    async with transaction(conn):
        found = await _held(conn, key)
        winner = variant or (found.winner if found.state == PROPOSED else None)
        if winner is None:
            raise ExperimentRefused(
                f"{key}: no winner is proposed; name a variant: {', '.join(found.definition.names)}"
            )
        if winner not in found.definition.names:
            known = ", ".join(found.definition.names)
            raise ExperimentRefused(f"{key}: {winner} is none of its variants; known: {known}")
        return await _decide(conn, key, APPLIED, winner, at, by, note)


async def end(conn: Connection, key: str, at: datetime, *, by: str, note: str = "") -> Experiment:
    """End it without a winner: from now on everybody gets the first variant. Raises ExperimentRefused."""
    async with transaction(conn):
        await _held(conn, key)
        return await _decide(conn, key, ENDED, None, at, by, note)


async def _held(conn: Connection, key: str) -> Experiment:
    row = await (await conn.execute(queries.held, {"key": key})).fetchone()
    if row is None:
        raise ExperimentRefused(f"{key}: no such experiment; `sop experiment list` shows them")
    if row["state"] not in OPEN:
        by = f" by {row['decided_by']}" if row["decided_by"] else ""
        raise ExperimentRefused(f"{key}: {row['state']} already{by}; nothing was changed")
    return _read(row)


async def _decide(
    conn: Connection, key: str, state: str, winner: str | None, at: datetime, by: str, note: str
) -> Experiment:
    values = {"key": key, "state": state, "winner": winner, "at": at, "by": by, "note": note}
    row = await (await conn.execute(queries.decide, values)).fetchone()
    assert row is not None
    return _read(row)


async def _look_at(
    conn: Connection, bundle: Bundle, key: str, at: datetime, bot_id: int, staff_chat: int | None
) -> Look | None:
    async with transaction(conn):
        row = await (await conn.execute(queries.held, {"key": key})).fetchone()
        if row is None or row["state"] not in OPEN:
            return None
        before = _read(row)
        result = await count(conn, bundle.playbook, before, at)
        after = _moved(before, result, at)
        values = {"key": key, "state": after.state, "winner": after.winner, "at": at, "by": after.decided_by}
        await conn.execute(queries.looked, {**values, "result": Jsonb(result.to_json())})
        news = (before.state, before.winner) != (after.state, after.winner) or _newly_unbalanced(before, result)
        if news:
            await tell_staff(
                conn, bundle, key, after.stage, after.step, result, at, bot_id=bot_id, staff_chat=staff_chat
            )
    return Look(after, news)


async def count(conn: Connection, playbook: Playbook, asked: Experiment, at: datetime) -> Result:
    """What the experiment's numbers say at `at`; nothing is written."""
    definition = asked.definition
    text, values = _of_messages(asked) if definition.guarded else _of_page(asked)
    values |= {"at": at, "within": definition.within, "zone": _zone(playbook)}
    rows = {row["variant"]: row for row in await (await conn.execute(text, values)).fetchall()}
    counted = [Counted(**rows.get(name, {"variant": name})) for name in definition.names]
    days = (at - asked.started_at - definition.within) / timedelta(days=1)
    return judge(definition, counted, min(max(days, 1.0), LATELY_DAYS))


def _moved(before: Experiment, result: Result, at: datetime) -> Experiment:
    """What the look makes of it. What was proposed stays proposed while nothing else is."""
    match result.verdict:
        case Verdict.better:
            state: dict[str, Any] = {"state": PROPOSED, "winner": result.winner}
        case Verdict.same:
            state = {"state": PROPOSED, "winner": None}
        case Verdict.harmful:
            state = {"state": ENDED, "winner": None, "decided_at": at, "decided_by": GUARD}
        case Verdict.unbalanced:
            state = {"state": RUNNING, "winner": None}
        case _:
            state = {}
    return replace(before, result=result, looked_at=at, **state)


def _newly_unbalanced(before: Experiment, result: Result) -> bool:
    known = before.result is not None and before.result.verdict is Verdict.unbalanced
    return result.verdict is Verdict.unbalanced and not known


def _of_messages(asked: Experiment) -> tuple[LiteralString, dict[str, Any]]:
    metric = asked.definition.metric
    values = {"variants": _labels(asked.key, asked.definition), "kinds": KINDS[metric]}
    return queries.outcomes, {**values, "of_message": metric == Metric.click_through}


def _of_page(asked: Experiment) -> tuple[LiteralString, dict[str, Any]]:
    return queries.outcomes_of_page, {"since": asked.started_at}


def _labels(key: str, definition: Definition) -> list[str]:
    return [f"{key}:{name}" for name in definition.names]


def _zone(playbook: Playbook) -> str:
    return playbook.group_defaults.zone or playbook.community.zone


@dataclass(frozen=True, slots=True)
class _New:
    key: str
    stage: str
    step: str
    definition: Definition


def _defined(playbook: Playbook) -> Iterator[_New]:
    """The experiments of the playbook: of steps, and of the plans' page."""
    for name, stage in playbook.stages.items():
        for step in stage.steps:
            if written := step.experiment:
                variants = tuple(_variant(name, row) for row in step.rows())
                points = written.effect / 100, written.level / 100, written.margin / 100
                yield _New(written.key, name, step.name, Definition(written.metric, written.within, *points, variants))
    leads = playbook.payments.variants
    if len(leads) > 1:
        shown = tuple({"name": lead, "share": 1 / len(leads)} for lead in leads)
        definition = Definition(PAID, PAGE_WITHIN, PAGE_EFFECT, 0.05, 0.02, shown)
        yield _New(page_key(playbook), PAGE_STAGE, "lead", definition)


def _variant(stage: str, row: StepRow) -> dict[str, Any]:
    assert row.variant is not None
    return {
        "name": row.variant.name,
        "share": row.variant.share / 100,
        "template": template_name(stage, row.words),
        "at": f"{row.planned.at:%H:%M}" if row.planned.at else None,
        "offer": row.planned.offer,
    }


def _read(row: dict[str, Any]) -> Experiment:
    definition, result = Definition.from_json(row["definition"]), row["result"]
    parts = {name: row[name] for name in Experiment.__dataclass_fields__}
    return Experiment(**{**parts, "definition": definition, "result": Result.from_json(result) if result else None})
