"""Proposals: a backfill, or a send so large that somebody has to approve it. What is approved is frozen beforehand."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from community.bundle import Bundle
from community.database.pool import Connection
from community.database.queries import load
from community.errors import SopError, UnknownProposal
from community.outbox.guardrails import GATE_VALUES, GATED, gate_parameters
from community.outreach.in_flight import check_present
from community.outreach.plan import one_planner, open_approvals, settings_of_planner
from community.outreach.proposal import Proposal, read_proposal
from community.outreach.staff import ask_staff
from community.outreach.statements import judged_at, of_each_version, run_before, statement
from community.playbook_stages import Late

queries = load(__file__, "proposals.sql")
_JUDGE_ROWS = queries.fill("judge_rows", left=queries.left, gated=GATED, gate_values=GATE_VALUES)

EVER = datetime(1, 1, 1, tzinfo=UTC)
BACKFILL_WAITS = timedelta(days=7)
"""How long a backfill may be approved; whoever comes later plans it anew."""
LATELY = timedelta(days=14)
"""How long a run may not know yet what was decided."""
LONGEST = timedelta(days=366)
AT_ONCE = timedelta(days=7)
"""Days of a backfill for which an audience is asked together: a month of 100,000 members in a third of the time."""
TICK = timedelta(microseconds=1)
"""What is due at midnight belongs to the day that begins then."""
HASH = 16
"""Characters of a hash that are shown and typed."""


async def propose_send(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    as_of: datetime,
    *,
    bot_id: int,
    run_id: str | None,
    staff_chat: int | None = None,
    ran_at: datetime | None = None,
) -> Proposal:
    """Freeze what is due at `as_of` for somebody to approve, within the playbook's time, and ask the staff chat.

    `ran_at`: as for `plan`.
    """
    stage, wait = bundle.playbook.stage(stage_name), bundle.playbook.approval.wait
    now_at = judged_at(stage.schedule, as_of, ran_at)
    values = {"kind": "approval", "since": None, "until": as_of, "decide_by": now_at + wait, "run_id": run_id}
    windows = [(EVER, as_of + stage.horizon, as_of)]
    return await _propose(conn, bundle, stage_name, windows, now_at, bot_id, staff_chat, values)


async def propose_backfill(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    first: date,
    last: date,
    now_at: datetime,
    *,
    bot_id: int,
    run_id: str | None = None,
    staff_chat: int | None = None,
) -> Proposal:
    """Freeze what came due from `first` to `last` (days of the schedule's zone, `last` included) and was not planned.

    Each week's audience is asked as of its end, as audiences look back two; all of it is judged as of now. The staff
    chat is asked if a run waits for the word; who plans at a console gives it there. Raises SopError for a span that is
    empty, longer than a year or still to come.
    """
    zone = ZoneInfo(bundle.playbook.stage(stage_name).schedule.zone)
    since, until = _midnight(first, zone), min(_midnight(last + timedelta(days=1), zone), now_at)
    if last < first or since >= now_at or last - first > LONGEST:
        raise SopError(
            f"backfill {first} to {last}: give days that are over or begun, the first one first, at most "
            f"{LONGEST.days} of them"
        )
    weeks = [first + timedelta(days=n) for n in range(0, (last - first).days + 1, AT_ONCE.days)]
    spans = [(_midnight(day, zone), min(_midnight(day + AT_ONCE, zone), until)) for day in weeks]
    windows = [(start, end if end == now_at else end - TICK, end) for start, end in spans if start < end]
    values = {"kind": "backfill", "since": since, "until": until, "run_id": run_id}
    values["decide_by"] = now_at + BACKFILL_WAITS
    return await _propose(conn, bundle, stage_name, windows, now_at, bot_id, staff_chat, values)


async def find_proposal(conn: Connection, name: str) -> Proposal:
    """The proposal of that hash (its beginning will do) or plan number. Raises UnknownProposal."""
    text = name.strip().lower()
    if text.isdecimal() and len(text) <= 9:
        rows = await (await conn.execute(queries.proposal, {"id": int(text)})).fetchall()
    else:
        like = text.replace("\\", "").replace("%", "").replace("_", "")
        rows = await (await conn.execute(queries.proposal_by_hash, {"hash": like or "-"})).fetchall()
    found = [row for row in rows if row["kind"] != "run"]
    if len(found) != 1:
        what = "several proposals begin so; give more of it" if found else "no such proposal; make it anew"
        raise UnknownProposal(f"{name!r}: {what}")
    return read_proposal(found[0])


async def proposal_of_run(conn: Connection, run_id: str) -> Proposal | None:
    """The proposal for which that Prefect run waits."""
    row = await (await conn.execute(queries.proposal_of_run, {"run_id": run_id})).fetchone()
    return read_proposal(row) if row else None


async def open_proposals(conn: Connection, limit: int = 50) -> list[Proposal]:
    """What waits for a decision or for its execution, newest first."""
    return [read_proposal(row) for row in await (await conn.execute(queries.proposals, {"limit": limit})).fetchall()]


async def backfills(conn: Connection, limit: int = 20) -> list[Proposal]:
    """The newest backfills, whatever became of them."""
    return [read_proposal(row) for row in await (await conn.execute(queries.backfills, {"limit": limit})).fetchall()]


async def waiting_runs(conn: Connection) -> list[Proposal]:
    """Proposals for which a run waits, and about which nobody has said anything."""
    return [read_proposal(row) for row in await (await conn.execute(queries.waiting_runs)).fetchall()]


async def decided_lately(conn: Connection, since: datetime) -> list[Proposal]:
    """Proposals for which a run waits or waited, and about which somebody said something since."""
    rows = await (await conn.execute(queries.decided_lately, {"since": since})).fetchall()
    return [read_proposal(row) for row in rows]


async def sample(conn: Connection, plan_id: int, each: int) -> list[dict[str, Any]]:
    """Up to `each` rows of every step that would be sent, for the composer to render."""
    return await (await conn.execute(queries.sample, {"plan_id": plan_id, "each": each})).fetchall()


async def _propose(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    windows: Sequence[tuple[datetime, datetime, datetime]],
    now_at: datetime,
    bot_id: int,
    staff_chat: int | None,
    values: dict[str, Any],
) -> Proposal:
    """Freeze each window (due from, due until, as of), judge all, and keep what came of it under its hash."""
    async with conn.transaction():
        await one_planner(conn, bot_id)
        await check_present(conn, bundle, stage_name, now_at)
        values |= {"stage": stage_name, "bundle": bundle.hash}
        opened = await (await conn.execute(queries.propose, values)).fetchone()
        assert opened is not None
        collapsing = await _freeze(conn, bundle, stage_name, windows, now_at, opened["id"])
        await _judge(conn, bundle, stage_name, now_at, opened["id"], collapsing)
        rows = await (await conn.execute(queries.sum_up, {"plan_id": opened["id"], "now_at": now_at})).fetchall()
        closing: dict[str, Any] = {"plan_id": opened["id"], "counts": Jsonb(_counts(rows))}
        closing["hash"] = await _hash(conn, opened["id"], values)
        found = await (await conn.execute(queries.close_proposal, closing)).fetchone()
        assert found is not None
        proposal = read_proposal(found)
        await ask_staff(conn, proposal, bundle.playbook.approval.first, now_at, bot_id=bot_id, staff_chat=staff_chat)
    return proposal


async def _freeze(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    windows: Iterable[tuple[datetime, datetime, datetime]],
    now_at: datetime,
    plan_id: int,
) -> list[str]:
    """Of the present version, and of each older one that somebody stays with. Returns the steps that collapse."""
    await settings_of_planner(conn, everyone=True)
    open_plans, zone = await open_approvals(conn, stage_name), bundle.playbook.stage(stage_name).schedule.zone
    collapsing: set[str] = set()
    for due_from, due_until, as_of in windows:
        frozen = {"plan_id": plan_id, "schedule_zone": zone, "due_from": due_from, "due_until": due_until}
        versions = await of_each_version(conn, bundle, stage_name, as_of, None, now_at=now_at, open_plans=open_plans)
        for version, values in versions:
            values |= {"collapse": [False] * len(values["step"]), **frozen}
            values["bundle"] = None if version is bundle else version.hash
            await conn.execute(statement("freeze", values), values)
            steps = version.playbook.stage(stage_name).steps
            collapsing |= {step.name for step in steps if step.late is Late.collapse}
    return sorted(collapsing)


async def _judge(
    conn: Connection, bundle: Bundle, stage_name: str, now_at: datetime, plan_id: int, collapsing: Sequence[str]
) -> None:
    stage = bundle.playbook.stage(stage_name)
    values = gate_parameters(bundle.playbook, now_at, stage) | {"plan_id": plan_id, "stage": stage_name}
    values["collapsing"] = list(collapsing)
    values["run_before"] = run_before(stage.schedule, now_at)
    await conn.execute(queries.collapse, values)
    await conn.execute(_JUDGE_ROWS, values)


async def _hash(conn: Connection, plan_id: int, values: dict[str, Any]) -> str:
    """Of who would get what and who would not, of the words, and of the plan's own number."""
    row = await (await conn.execute(queries.fingerprint, {"plan_id": plan_id})).fetchone()
    assert row is not None
    parts = (plan_id, values["stage"], values["bundle"], values["since"], values["until"], row["rows"], row["digest"])
    return sha256("|".join(map(str, parts)).encode()).hexdigest()[:HASH]


def _counts(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """{"send": n, "deferred": n, "skipped": {reason: n}, "days": {day: {step: {outcome: n}}}}."""
    counts: dict[str, Any] = {"send": 0, "deferred": 0, "skipped": {}, "days": {}}
    for row in rows:
        outcome, members = row["outcome"], row["members"]
        day = counts["days"].setdefault(row["on_day"].isoformat(), {})
        day.setdefault(row["step"], {})[outcome] = members
        if outcome in ("send", "deferred"):
            counts["send"] += members
            counts["deferred"] += members if outcome == "deferred" else 0
        else:
            counts["skipped"][outcome] = counts["skipped"].get(outcome, 0) + members
    return counts


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
