"""Plan a stage: audience → guardrails → messages for those who pass, a decision with its reason for the others."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from community.bundle import Bundle
from community.database.partitions import ensure_months
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.engagement.offers import issue_planned
from community.outreach.in_flight import check_present, is_new
from community.outreach.statements import judged_at, of_each_version, parameters, statement
from community.outreach.taking_over import take_over
from community.playbook_stages import Step

queries = load(__file__)
PLANNER_LOCK = 0x50B_0002 << 32
NAMED = 20


class TooMany(Exception):
    """The plan is larger than allowed: everything it did was taken back. The argument: its messages."""


@dataclass(slots=True)
class PlanResult:
    """What one plan did, or proposes, whichever version each member goes on by.

    `steps`: step → {"send": n, "deferred": n, reason: n …}.
    """

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
    missed: dict[str, dict[str, int]] = field(default_factory=dict)
    """Step → number of a home group (or nothing) → members for whom it is newly too late.

    What was due before the stage's first plan was not missed.
    """
    fresh: dict[str, int] = field(default_factory=dict)
    """Reason → those who were told so by no run before."""
    named: dict[str, list[int]] = field(default_factory=dict)
    """Reason → up to `NAMED` of these. Not kept: it would outlive the members."""


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
    ran_at: datetime | None = None,
) -> PlanResult:
    """Plan everything of the stage that is due at `as_of` (SOP time), for all or only these members.

    `ran_at` is the SOP time at which that takes place, if it may be much later (see `statements.judged_at`).
    Connections `beside` the first each take a share of everyone, by member, so that no gate needs to know of another
    share. One planner at a time per bot. Planning the same again adds nothing. Raises UnknownStage; TooMany when it
    would be more than `most` messages; VersionChanged when another version took over before it came to it: then
    nothing is planned.
    """
    stage = bundle.playbook.stage(stage_name)
    now_at = judged_at(stage.schedule, as_of, ran_at)
    await ensure_months(conn, "decisions", [now_at])  # committed before the plan, which would hold its lock for minutes
    await change_over(conn, bundle, stage_name, now_at, bot_id=bot_id)
    async with AsyncExitStack() as transactions:
        for each in (conn, *beside):  # left in reverse: the lock is held until every share is committed
            await transactions.enter_async_context(each.transaction())
        await one_planner(conn, bot_id)
        await check_present(conn, bundle, stage_name, now_at)  # which a planner that was waited for may have changed
        how: dict[str, Any] = {"members": members, "now_at": now_at}
        result = await _plan_due(conn, bundle, stage_name, as_of, bot_id=bot_id, beside=beside, **how)
        if most is not None and result.send > most:
            raise TooMany(result.send)
        return result


async def change_over(conn: Connection, bundle: Bundle, stage_name: str, at: datetime, *, bot_id: int) -> None:
    """Let the bundle take over in the stage at `at` (SOP time), unless it has; a planner at work is waited for.

    What it takes back is planned anew in the same transaction, and so is whatever else is due to these members.
    """
    if not await is_new(conn, bundle, stage_name, at):
        return
    await ensure_months(conn, "decisions", [at])
    async with transaction(conn):
        await one_planner(conn, bot_id)
        if await is_new(conn, bundle, stage_name, at):  # else a newer one took over meanwhile
            taken = await take_over(conn, bundle, stage_name, at, bot_id=bot_id)
            await _plan_taken(conn, bundle, stage_name, at, taken, bot_id=bot_id)


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
    """The rows `plan` would decide on, nothing written: who would get what and when, or the reason why not.

    Each with the `bundle` by which it would be.
    """
    rows: list[dict[str, Any]] = []
    for _, values in await of_each_version(conn, bundle, stage_name, as_of, members):
        cursor = await conn.execute(statement("preview", values), {**values, "limit": limit - len(rows)})
        rows += [{**row, "bundle": values["bundle"]} for row in await cursor.fetchall()]
    return rows


async def tally(
    conn: Connection, bundle: Bundle, stage_name: str, as_of: datetime, *, members: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """Rows of step, outcome (send, deferred, a reason), members: what `plan` would count, exact for any audience.

    The row without a step is `already`: candidates whose message was planned earlier.
    """
    counted: Counter[tuple[str | None, str]] = Counter()
    for _, values in await of_each_version(conn, bundle, stage_name, as_of, members):
        for row in await (await conn.execute(statement("tally", values), values)).fetchall():
            counted[row["step"], row["outcome"]] += row["members"]
    return [{"step": step, "outcome": outcome, "members": members} for (step, outcome), members in counted.items()]


async def plan_steps(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    steps: Sequence[Step],
    as_of: datetime,
    *,
    bot_id: int,
    members: Sequence[int],
) -> PlanResult:
    """Plan only these steps, without waiting for other planners: safe for exempt steps, which no cap counts."""
    await ensure_months(conn, "decisions", [as_of])
    open_plans = await open_approvals(conn, stage_name)
    values = parameters(bundle.playbook, stage_name, steps, as_of, members, open_plans=open_plans)
    return await _plan_versions(conn, [(bundle, values | {"bundle": bundle.hash})], as_of, bot_id=bot_id)


async def _plan_due(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    as_of: datetime,
    *,
    bot_id: int,
    members: Sequence[int] | None,
    now_at: datetime,
    beside: Sequence[Connection] = (),
    run: bool = True,
) -> PlanResult:
    """All that is due, in the caller's transactions, under the planner's lock."""
    open_plans = await open_approvals(conn, stage_name)
    versions = await of_each_version(conn, bundle, stage_name, as_of, members, now_at=now_at, open_plans=open_plans)
    return await _plan_versions(conn, versions, as_of, bot_id=bot_id, beside=beside, run=run)


async def _plan_taken(
    conn: Connection, bundle: Bundle, stage_name: str, at: datetime, members: Sequence[int], *, bot_id: int
) -> None:
    """Plan what is due to whose messages a version took back; what needs a word is left to the next run, which asks.

    So is whatever is not sent: a run tells of it.
    """
    most = bundle.playbook.most_unasked(stage_name)
    if not members or len(members) > most:
        return
    with suppress(TooMany):
        async with conn.transaction():
            how: dict[str, Any] = {"members": members, "now_at": at, "run": False}
            result = await _plan_due(conn, bundle, stage_name, at, bot_id=bot_id, **how)
            if not 0 < result.send <= most:
                raise TooMany(result.send)


async def _plan_versions(
    conn: Connection,
    versions: Sequence[tuple[Bundle, dict[str, Any]]],
    as_of: datetime,
    *,
    bot_id: int,
    beside: Sequence[Connection] = (),
    run: bool = True,
) -> PlanResult:
    """One plan, the present version's, of all that is due by it and by the older ones.

    One that is no `run` decides on nothing, and is not the stage's last.
    """
    bundle, present = versions[0]
    opened = await (await conn.execute(queries.open_plan, present | {"planned_for": as_of})).fetchone()
    assert opened is not None
    result = PlanResult(opened["id"], present["stage"], as_of, bundle.hash)
    about = {"plan_id": opened["id"], "planned_since": opened["planned_since"], "bot_id": bot_id}
    about |= {"shares": 1 + len(beside), "named": NAMED, "decides": run}
    for version, values in versions:
        if any(values["collapse"]):  # what came due since is what the older ones collapse into
            values["as_of"] += values["now_at"] - as_of
        text = statement("plan", values)
        each = [_share(c, text, {**values, **about, "share": n}, version) for n, c in enumerate((conn, *beside))]
        for rows in await asyncio.gather(*each):
            _add(result, rows)
    kept = counts(result) | ({} if run else {"no_run": True})
    await conn.execute(queries.close_plan, {"plan_id": opened["id"], "counts": Jsonb(kept)})
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
    kept = ("send", "deferred", "already", "skipped", "decided", "steps", "missed")
    return {name: getattr(result, name) for name in kept}


async def _share(
    conn: Connection, text: LiteralString, values: Mapping[str, Any], version: Bundle
) -> list[dict[str, Any]]:
    await settings_of_planner(conn, everyone=values["members"] is None)
    rows = await (await conn.execute(text, values)).fetchall()
    if any(values["offer"]):
        await issue_planned(conn, values["plan_id"], version.playbook, values["now_at"], version.hash)
    return rows


def _add(result: PlanResult, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        step, reason, members = row["step"], row["reason"], row["members"]
        match row["verdict"]:
            case "already":
                result.already += members
            case "decided":
                result.decided += members
                _count(result.fresh, reason, members)
                result.named[reason] = sorted([*result.named.get(reason, ()), *row["named"]])[:NAMED]
            case "missed":
                _count(result.missed.setdefault(step, {}), reason or "", members)
            case "send":
                result.send += members
                result.deferred += members if reason else 0
                _count(result.steps.setdefault(step, {}), "deferred" if reason else "send", members)
            case "skip":
                _count(result.skipped, reason, members)
                _count(result.steps.setdefault(step, {}), reason, members)


def _count(counts: dict[str, int], what: str, members: int) -> None:
    counts[what] = counts.get(what, 0) + members
