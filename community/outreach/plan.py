"""Plan a stage: audience → guardrails → messages for those who pass, a decision with its reason for the others."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
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
from community.playbook import Playbook
from community.playbook_stages import Late, Schedule, Stage, Step

queries = load(__file__)
AUDIENCES = Path(__file__).parent / "audiences"
ASKED_FOR = re.compile(r"([\w.]*\bid) = ANY \(%\(members\)s\)")
_OF_THE_SHARE = r"mod(\1 / 4096, %(shares)s) = %(share)s"
"""Shares are of whole blocks of members, so that they do not write to the same pages of an index."""
PLANNER_LOCK = 0x50B_0002 << 32


@dataclass(slots=True)
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
    decided: int = 0
    """Of these, how many were told so by no run before."""
    steps: dict[str, dict[str, int]] = field(default_factory=dict)


async def plan(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    as_of: datetime,
    *,
    bot_id: int,
    members: Sequence[int] | None = None,
    beside: Sequence[Connection] = (),
) -> PlanResult:
    """Plan everything of the stage that is due at `as_of` (SOP time), for all or only these members.

    Connections `beside` the first each take a share of everyone, by member, so that no gate needs to know of another
    share. One planner at a time per bot. Planning the same again adds nothing. Raises UnknownStage.
    """
    stage = bundle.playbook.stage(stage_name)
    await ensure_months(conn, "decisions", [as_of])  # committed before the plan, which would hold its lock for minutes
    async with AsyncExitStack() as transactions:
        for each in (conn, *beside):  # left in reverse: the lock is held until every share is committed
            await transactions.enter_async_context(each.transaction())
        await conn.execute(queries.one_planner, {"key": PLANNER_LOCK + bot_id % 2**32})
        return await plan_steps(
            conn, bundle, stage_name, stage.steps, as_of, bot_id=bot_id, members=members, beside=beside
        )


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


async def park(
    conn: Connection, bundle: Bundle, stage_name: str, as_of: datetime, *, since: datetime, bot_id: int
) -> int:
    """Make every promotional message of the stage that is due at `as_of` and not planned an uncertain one.

    For a restored database, which cannot know what was sent `since` its backup (both SOP time). Returns how many.
    """
    stage = bundle.playbook.stage(stage_name)
    values = parameters(bundle.playbook, stage_name, stage.steps, as_of, None)
    values |= {"bot_id": bot_id, "bundle": bundle.hash, "since": since}
    async with conn.transaction():
        await conn.execute(queries.planner_settings, {"everyone": True})
        return (await conn.execute(fill(stage_name, "park", everyone=True), values)).rowcount


async def plan_steps(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    steps: Sequence[Step],
    as_of: datetime,
    *,
    bot_id: int,
    members: Sequence[int] | None,
    beside: Sequence[Connection] = (),
) -> PlanResult:
    """Plan only these steps, without waiting for other planners: safe for exempt steps, which no cap counts."""
    await ensure_months(conn, "decisions", [as_of])
    values = parameters(bundle.playbook, stage_name, steps, as_of, members)
    values |= {"bot_id": bot_id, "bundle": bundle.hash, "shares": 1 + len(beside)}
    opened = await (await conn.execute(queries.open_plan, values)).fetchone()
    assert opened is not None
    values["plan_id"] = opened["id"]
    statement = fill(stage_name, "plan", everyone=members is None)
    shares = [_share(each, statement, values | {"share": n}) for n, each in enumerate((conn, *beside))]
    result = PlanResult(opened["id"], stage_name, as_of, bundle.hash)
    for rows in await asyncio.gather(*shares):
        _add(result, rows)
    counts = {name: getattr(result, name) for name in ("send", "deferred", "already", "skipped", "decided", "steps")}
    await conn.execute(queries.close_plan, {"plan_id": opened["id"], "counts": Jsonb(counts)})
    return result


async def _share(conn: Connection, statement: LiteralString, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    await conn.execute(queries.planner_settings, {"everyone": values["members"] is None})
    return await (await conn.execute(statement, values)).fetchall()


def _add(result: PlanResult, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        members, outcome = row["members"], row["reason"]
        if row["verdict"] in ("already", "decided"):
            setattr(result, row["verdict"], members + getattr(result, row["verdict"]))
            continue
        if row["verdict"] == "send":
            outcome = "deferred" if row["reason"] else "send"
            result.send += members
            result.deferred += members if row["reason"] else 0
        else:
            result.skipped[outcome] = result.skipped.get(outcome, 0) + members
        step = result.steps.setdefault(row["step"], {})
        step[outcome] = step.get(outcome, 0) + members


def parameters(
    playbook: Playbook, stage_name: str, steps: Sequence[Step], as_of: datetime, members: Sequence[int] | None
) -> dict[str, Any]:
    stage: Stage = playbook.stage(stage_name)
    return {
        **gate_parameters(playbook, as_of, stage),
        "stage": stage_name,
        "goal": stage.goal,
        "members": list(members) if members is not None else None,
        "shares": 1,
        "share": 0,
        "step": [step.name for step in steps],
        "day": [step.day for step in steps],
        "local_time": [step.at for step in steps],
        "expires_after": [step.expires_after for step in steps],
        "promotional": [step.promotional for step in steps],
        "exempt": [step.exempt for step in steps],
        "skip_late": [step.late is Late.skip for step in steps],
        "run_before": _run_before(stage.schedule, as_of),
        "lane": [stage.lane(step) for step in steps],
    }


def _run_before(schedule: Schedule, as_of: datetime) -> datetime:
    """When the schedule fired last before `as_of`: what was due by then is late now."""
    return next(CronSim(schedule.cron, as_of.astimezone(ZoneInfo(schedule.zone)), reverse=True))


@cache
def fill(stage: str, name: str, *, everyone: bool) -> LiteralString:
    """The statement `name` with the stage's audience and the guardrails in their places.

    An audience names the members asked for as `id = ANY (%(members)s)`. For everyone that becomes the condition of the
    share, so that each of the two has a plan of its own: a join of one member must never look at all of them.
    """
    path = AUDIENCES / f"{stage}.sql"
    if not path.exists():
        raise UnknownStage(f"{stage}: no audience; write {path.name} beside the others")
    audience = Queries(path).audience
    if everyone:
        audience = ASKED_FOR.sub(_OF_THE_SHARE, audience)
    candidates = queries.fill("candidates", audience=audience, gated=GATED)
    return queries.fill(name, candidates=candidates, gate_values=GATE_VALUES)
