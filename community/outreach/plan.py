"""Plan a stage: audience → guardrails → messages for those who pass, a decision with its reason for the others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from cronsim import CronSim
from psycopg.types.json import Jsonb

from community.bundle import Bundle
from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.database.queries import Queries, load
from community.errors import UnknownStage
from community.outbox.guardrails import GATE_VALUES, GATED, gate_parameters
from community.playbook import Late, Playbook, Schedule, Stage, Step

queries = load(__file__)
AUDIENCES = Path(__file__).parent / "audiences"
ASKED_FOR = re.compile(r"[\w.]*\bid = ANY \(%\(members\)s\)")
PLANNER_LOCK = 0x50B_0002 << 32


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What one plan did. `steps`: step → {"send": n, "deferred": n, reason: n …}."""

    plan_id: int
    stage: str
    as_of: datetime
    bundle: str
    send: int = 0
    """Messages added, deferred ones included."""
    deferred: int = 0
    """Of these, how many wait for their member's morning."""
    already: int = 0
    """Candidates whose message was planned earlier."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Reason → candidates who get nothing now."""
    steps: dict[str, dict[str, int]] = field(default_factory=dict)


async def plan(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    as_of: datetime,
    *,
    bot_id: int,
    members: Sequence[int] | None = None,
) -> PlanResult:
    """Plan everything of the stage that is due at `as_of` (SOP time), for all or only these members.

    One planner at a time per bot. Planning the same again adds nothing. Raises UnknownStage.
    """
    stage = bundle.playbook.stage(stage_name)
    await ensure_months(conn, "decisions", [as_of])  # committed before the plan, which would hold its lock for minutes
    async with conn.transaction():
        await conn.execute(queries.one_planner, {"key": PLANNER_LOCK + bot_id % 2**32})
        return await plan_steps(conn, bundle, stage_name, stage.steps, as_of, bot_id=bot_id, members=members)


async def preview(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    as_of: datetime,
    *,
    members: Sequence[int] | None = None,
    limit: int = 10_000,
) -> list[dict[str, Any]]:
    """The rows `plan` would decide on, nothing written: who would get what and when, or the reason why not."""
    stage = bundle.playbook.stage(stage_name)
    values = parameters(bundle.playbook, stage_name, stage.steps, as_of, members)
    statement = fill(stage_name, "preview", everyone=members is None)
    return await (await conn.execute(statement, {**values, "limit": limit})).fetchall()


async def plan_steps(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    steps: Sequence[Step],
    as_of: datetime,
    *,
    bot_id: int,
    members: Sequence[int] | None,
) -> PlanResult:
    """Plan only these steps, without waiting for other planners: safe for exempt steps, which no cap counts."""
    await ensure_months(conn, "decisions", [as_of])
    values = parameters(bundle.playbook, stage_name, steps, as_of, members)
    values |= {"bot_id": bot_id, "bundle": bundle.hash}
    await conn.execute(queries.planner_memory)
    opened = await (await conn.execute(queries.open_plan, values)).fetchone()
    assert opened is not None
    values["plan_id"] = opened["id"]
    rows = await (await conn.execute(fill(stage_name, "plan", everyone=members is None), values)).fetchall()
    result = _count(rows, opened["id"], stage_name, as_of, bundle.hash)
    counts = {name: getattr(result, name) for name in ("send", "deferred", "already", "skipped", "steps")}
    await conn.execute(queries.close_plan, {"plan_id": opened["id"], "counts": Jsonb(counts)})
    return result


def _count(rows: Sequence[dict[str, Any]], plan_id: int, stage: str, as_of: datetime, bundle: str) -> PlanResult:
    skipped: dict[str, int] = {}
    steps: dict[str, dict[str, int]] = {}
    send = deferred = already = 0
    for row in rows:
        match row["verdict"]:
            case "already":
                already = row["members"]
                continue
            case "send":
                send += row["members"]
                deferred += row["members"] if row["reason"] else 0
                outcome = "deferred" if row["reason"] else "send"
            case _:
                outcome = row["reason"]
                skipped[outcome] = skipped.get(outcome, 0) + row["members"]
        steps.setdefault(row["step"], {})[outcome] = row["members"]
    return PlanResult(plan_id, stage, as_of, bundle, send, deferred, already, skipped, steps)


def parameters(
    playbook: Playbook, stage_name: str, steps: Sequence[Step], as_of: datetime, members: Sequence[int] | None
) -> dict[str, Any]:
    stage: Stage = playbook.stage(stage_name)
    return {
        **gate_parameters(playbook, as_of, stage),
        "stage": stage_name,
        "goal": stage.goal,
        "members": list(members) if members is not None else None,
        "step": [step.name for step in steps],
        "day": [step.day for step in steps],
        "local_time": [step.at for step in steps],
        "expires_after": [step.expires_after for step in steps],
        "promotional": [step.promotional for step in steps],
        "exempt": [step.exempt for step in steps],
        "skip_late": [step.late is Late.skip for step in steps],
        "run_before": _run_before(stage.schedule, as_of),
        "lane": [step.message_class(stage).lane for step in steps],
    }


def _run_before(schedule: Schedule, as_of: datetime) -> datetime:
    """When the schedule fired last before `as_of`: what was due by then is late now."""
    return next(CronSim(schedule.cron, as_of.astimezone(ZoneInfo(schedule.zone)), reverse=True))


@cache
def fill(stage: str, name: str, *, everyone: bool) -> LiteralString:
    """The statement `name` with the stage's audience and the guardrails in their places.

    An audience names the members asked for as `id = ANY (%(members)s)`. For everyone the condition goes, so that each
    of the two has a plan of its own: a join of one member must never look at all of them.
    """
    path = AUDIENCES / f"{stage}.sql"
    if not path.exists():
        raise UnknownStage(f"{stage}: no audience; write {path.name} beside the others")
    audience = Queries(path).audience
    if everyone:
        audience = ASKED_FOR.sub("true", audience)
    candidates = queries.fill("candidates", audience=audience, gated=GATED)
    return queries.fill(name, candidates=candidates, gate_values=GATE_VALUES)
