"""Plan a stage: audience → guardrails → messages for those who pass, a decision with its reason for the others."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from community.bundle import Bundle
from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.database.queries import load
from community.engagement.coupons import issue_planned
from community.outreach.statements import parameters, statement
from community.playbook import Playbook
from community.playbook_stages import Step

queries = load(__file__)
PLANNER_LOCK = 0x50B_0002 << 32


class TooMany(Exception):
    """The plan is larger than allowed: everything it did was taken back. The argument: its messages."""


@dataclass(slots=True)
class PlanResult:
    """What one plan did, or proposes. `steps`: step → {"send": n, "deferred": n, reason: n …}."""

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
    most: int | None = None,
) -> PlanResult:
    """Plan everything of the stage that is due at `as_of` (SOP time), for all or only these members.

    Connections `beside` the first each take a share of everyone, by member, so that no gate needs to know of another
    share. One planner at a time per bot. Planning the same again adds nothing. Raises UnknownStage, and TooMany when it
    would be more than `most` messages: then nothing is planned.
    """
    stage = bundle.playbook.stage(stage_name)
    await ensure_months(conn, "decisions", [as_of])  # committed before the plan, which would hold its lock for minutes
    async with AsyncExitStack() as transactions:
        for each in (conn, *beside):  # left in reverse: the lock is held until every share is committed
            await transactions.enter_async_context(each.transaction())
        await one_planner(conn, bot_id)
        result = await plan_steps(
            conn, bundle, stage_name, stage.steps, as_of, bot_id=bot_id, members=members, beside=beside
        )
        if most is not None and result.send > most:
            raise TooMany(result.send)
        return result


async def one_planner(conn: Connection, bot_id: int) -> None:
    """Wait until no other planner of the bot is at work; until the transaction ends nobody else is."""
    await conn.execute(queries.one_planner, {"key": PLANNER_LOCK + bot_id % 2**32})


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
    return await (await conn.execute(statement("preview", values), {**values, "limit": limit})).fetchall()


async def tally(
    conn: Connection, bundle: Bundle, stage_name: str, as_of: datetime, *, members: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """Rows of step, outcome (send, deferred, a reason), members: what `plan` would count, exact for any audience.

    The row without a step is `already`: candidates whose message was planned earlier.
    """
    stage = bundle.playbook.stage(stage_name)
    values = parameters(bundle.playbook, stage_name, stage.steps, as_of, members)
    return await (await conn.execute(statement("tally", values), values)).fetchall()


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
        await settings_of_planner(conn, everyone=True)
        return (await conn.execute(statement("park", values), values)).rowcount


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
    open_plans = await open_approvals(conn, stage_name)
    values = parameters(bundle.playbook, stage_name, steps, as_of, members, open_plans=open_plans)
    values |= {"bot_id": bot_id, "bundle": bundle.hash, "shares": 1 + len(beside)}
    opened = await (await conn.execute(queries.open_plan, values)).fetchone()
    assert opened is not None
    values["plan_id"] = opened["id"]
    text = statement("plan", values)
    shares = [_share(each, text, values | {"share": n}, bundle.playbook) for n, each in enumerate((conn, *beside))]
    result = PlanResult(opened["id"], stage_name, as_of, bundle.hash)
    for rows in await asyncio.gather(*shares):
        _add(result, rows)
    await conn.execute(queries.close_plan, {"plan_id": opened["id"], "counts": Jsonb(counts(result))})
    return result


async def open_approvals(conn: Connection, stage_name: str) -> list[int]:
    """Numbers of the stage's proposals that wait for somebody's word: what they hold is not planned beside them."""
    rows = await (await conn.execute(queries.open_approvals, {"stage": stage_name})).fetchall()
    return [row["id"] for row in rows]


async def settings_of_planner(conn: Connection, *, everyone: bool) -> None:
    """How PostgreSQL is to plan and run the statements of the transaction."""
    await conn.execute(queries.planner_settings, {"everyone": everyone})


def counts(result: PlanResult) -> dict[str, Any]:
    """The numbers of a result, as its plan keeps them."""
    return {name: getattr(result, name) for name in ("send", "deferred", "already", "skipped", "decided", "steps")}


async def _share(
    conn: Connection, text: LiteralString, values: Mapping[str, Any], playbook: Playbook
) -> list[dict[str, Any]]:
    await settings_of_planner(conn, everyone=values["members"] is None)
    rows = await (await conn.execute(text, values)).fetchall()
    if any(values["offer"]):
        await issue_planned(conn, values["plan_id"], playbook, values["now_at"])
    return rows


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
