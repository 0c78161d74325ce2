"""Decide on a proposal, and execute what was approved: exactly that, less what the guardrails stop by then."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from community.bundle import Bundle
from community.database.partitions import ensure_months
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.engagement.offers import issue_planned
from community.errors import ProposalRefused
from community.outbox.bundles import Bundles
from community.outbox.guardrails import GATE_VALUES, GATED, gate_parameters
from community.outreach.plan import one_planner, settings_of_planner
from community.outreach.proposal import COMMAND, RUN, Proposal, read_proposal
from community.outreach.staff import CANCELLED, LAPSED, REFUSED, SENT, ask_staff, tell_staff

queries = load(__file__, "proposals.sql")

MOST_FALLEN_OUT = 0.02
"""Share of a backfill's messages that may have become wrong since it was planned."""
SEND, FIRST, CANCEL = "send", "first", "cancel"
DECISIONS = (SEND, FIRST, CANCEL)
NAMED = 50
"""Stopped messages that a refusal names."""
LONGEST_NOTE = 500


@dataclass(slots=True)
class Execution:
    """What executing a proposal did. `days`: day → step → outcome (`sent`, `already`, `waits`, a reason) → messages."""

    plan_id: int
    stage: str
    state: str
    """`executed`, or `proposed` when only a part was sent and the rest waits for another word."""
    sent: int = 0
    already: int = 0
    """Had their message by then."""
    stopped: dict[str, int] = field(default_factory=dict)
    """Reason → those whom the guardrails stopped since."""
    left: int = 0
    """Not executed yet."""
    days: dict[date, dict[str, dict[str, int]]] = field(default_factory=dict)


async def decide(
    conn: Connection,
    plan_id: int,
    decision: str,
    at: datetime,
    *,
    by: str,
    how: str,
    note: str,
    bot_id: int,
    staff_chat: int | None = None,
) -> Proposal | None:
    """Note a decision (`send`, `first`, `cancel`). None if it was decided before, or comes too late.

    `by` is believed if `how` proves it (`staff_chat`: a member's number); others are as declared.
    """
    values = {"id": plan_id, "decision": decision, "at": at, "by": by, "how": how, "note": note[:LONGEST_NOTE]}
    async with transaction(conn):
        row = await (await conn.execute(queries.decide, values)).fetchone()
        if row and decision == CANCEL:
            await _refuse(conn, row, CANCELLED, at, bot_id, staff_chat)
    return read_proposal(row) if row else None


async def lapse(conn: Connection, at: datetime, *, bot_id: int, staff_chat: int | None = None) -> list[Proposal]:
    """Cancel what nobody decided on in time; returns it."""
    async with transaction(conn):
        rows = await (await conn.execute(queries.lapse, {"at": at})).fetchall()
        for row in rows:
            await _refuse(conn, row, LAPSED, at, bot_id, staff_chat)
    return [read_proposal(row) for row in rows]


async def heed(
    conn: Connection, cancelled: Iterable[Proposal], at: datetime, *, bot_id: int, staff_chat: int | None
) -> None:
    """Cancel those whose run somebody has cancelled in Prefect, unless they were decided before."""
    said = {"by": "Prefect", "how": RUN, "note": ""}
    for proposal in cancelled:
        await decide(conn, proposal.id, CANCEL, at, bot_id=bot_id, staff_chat=staff_chat, **said)


async def settle(conn: Connection, bundles: Bundles, at: datetime, *, bot_id: int, staff_chat: int | None) -> int:
    """Cancel what nobody decided on in time and execute what was approved; returns how many proposals that were.

    Safe in several processes at once. One that cannot be executed any more is refused, and staff are told.
    """
    settled = len(await lapse(conn, at, bot_id=bot_id, staff_chat=staff_chat))
    for row in await (await conn.execute(queries.approved)).fetchall():
        current, pinned = await bundles.current(conn), await bundles.get(conn, row["bundle"])
        with suppress(ProposalRefused):
            await execute(conn, current, pinned, row["id"], at, bot_id=bot_id, staff_chat=staff_chat)
        settled += 1
    return settled


async def execute(
    conn: Connection,
    current: Bundle,
    pinned: Bundle,
    plan_id: int,
    now_at: datetime,
    *,
    bot_id: int,
    staff_chat: int | None = None,
) -> Execution | None:
    """Put what was approved into the outbox; None if it is not approved, or another process is at it.

    Messages carry the words they were proposed with (`pinned`). A backfill is refused for good (ProposalRefused) when
    the playbook in force is another, or too much of it fell out since.
    """
    await ensure_months(conn, "decisions", [now_at])
    try:
        return await _take(conn, current, pinned, plan_id, now_at, bot_id, staff_chat)
    except ProposalRefused as error:
        async with conn.transaction():
            values = {"id": plan_id, "why": str(error)}
            if row := await (await conn.execute(queries.give_up, values)).fetchone():
                await _refuse(conn, row, REFUSED, now_at, bot_id, staff_chat)
        raise


async def approve_now(
    conn: Connection,
    current: Bundle,
    pinned: Bundle,
    plan_id: int,
    now_at: datetime,
    *,
    by: str,
    note: str,
    bot_id: int,
    staff_chat: int | None = None,
) -> Execution | None:
    """Approve all of it and execute it at once. None as for `decide`; refused (ProposalRefused), nobody has decided."""
    await ensure_months(conn, "decisions", [now_at])
    async with conn.transaction():
        if await decide(conn, plan_id, SEND, now_at, by=by, how=COMMAND, note=note, bot_id=bot_id) is None:
            return None
        return await _take(conn, current, pinned, plan_id, now_at, bot_id, staff_chat)


async def outcome(conn: Connection, proposal: Proposal) -> Execution:
    """What became of a proposal so far, day by day, as long as its rows are kept."""
    return await _outcome(conn, {"id": proposal.id, "stage": proposal.stage, "state": proposal.state})


async def stopped(conn: Connection, plan_id: int, limit: int) -> list[dict[str, Any]]:
    """Whom the guardrails stopped between proposal and execution: member_id, step, occurrence, reason."""
    return await (await conn.execute(queries.stopped, {"plan_id": plan_id, "limit": limit})).fetchall()


async def _take(
    conn: Connection,
    current: Bundle,
    pinned: Bundle,
    plan_id: int,
    now_at: datetime,
    bot_id: int,
    staff_chat: int | None,
) -> Execution | None:
    async with transaction(conn):
        await one_planner(conn, bot_id)
        row = await (await conn.execute(queries.take_approved, {"id": plan_id})).fetchone()
        if row is None:
            return None
        if row["kind"] == "backfill" and current.hash != row["bundle"]:
            raise ProposalRefused(f"{row['hash']}: playbook or copy changed since it was planned; plan it anew")
        await _execute(conn, pinned, row, now_at, current.playbook.approval.first, bot_id)
        done = await _outcome(conn, row)
        if row["kind"] == "backfill":
            await _check_fallen_out(conn, row, done)
        await _close(conn, current, done, now_at, bot_id, staff_chat)
    return done


async def _execute(
    conn: Connection, pinned: Bundle, row: dict[str, Any], now_at: datetime, first: float, bot_id: int
) -> None:
    await settings_of_planner(conn, everyone=True)
    gates = gate_parameters(pinned.playbook, now_at, pinned.playbook.stage(row["stage"]))
    values = {"plan_id": row["id"], "stage": row["stage"], "bundle": row["bundle"], "bot_id": bot_id}
    await conn.execute(_statement(row["decision"]), {**gates, **values, "share": first / 100})
    await issue_planned(conn, row["id"], pinned.playbook, now_at, row["bundle"])
    for other in await (await conn.execute(queries.versions_of, {"plan_id": row["id"]})).fetchall():
        older = await Bundles().get(conn, other["bundle"])
        await issue_planned(conn, row["id"], older.playbook, now_at, older.hash)


def _statement(decision: str) -> LiteralString:
    part = queries.part if decision == FIRST else ""
    return queries.fill("execute", left=queries.left, part=part, gated=GATED, gate_values=GATE_VALUES)


async def _close(
    conn: Connection, current: Bundle, done: Execution, now_at: datetime, bot_id: int, staff_chat: int | None
) -> None:
    """Keep what was done, and tell staff; or ask them again, if something is left."""
    done.state = "proposed" if done.left else "executed"
    approval = current.playbook.approval
    values = {
        "plan_id": done.plan_id,
        "state": done.state,
        "outcome": Jsonb({"sent": done.sent, "already": done.already, "stopped": done.stopped}),
        "decide_by": now_at + approval.wait,
    }
    row = await (await conn.execute(queries.executed, values)).fetchone()
    assert row is not None
    proposal = read_proposal(row)
    if done.left:
        await ask_staff(conn, proposal, approval.first, now_at, bot_id=bot_id, staff_chat=staff_chat)
    else:
        await tell_staff(conn, proposal, SENT, now_at, bot_id=bot_id, staff_chat=staff_chat)


async def _outcome(conn: Connection, row: dict[str, Any]) -> Execution:
    done = Execution(row["id"], row["stage"], row["state"])
    for found in await (await conn.execute(queries.outcomes, {"plan_id": row["id"]})).fetchall():
        what, members = found["outcome"], found["members"]
        done.days.setdefault(found["on_day"], {}).setdefault(found["step"], {})[what or "waits"] = members
        match what:
            case None:
                done.left += members
            case "sent" | "already":
                setattr(done, what, getattr(done, what) + members)
            case reason:
                done.stopped[reason] = done.stopped.get(reason, 0) + members
    return done


async def _check_fallen_out(conn: Connection, row: dict[str, Any], done: Execution) -> None:
    fallen = sum(done.stopped.values())
    if fallen > MOST_FALLEN_OUT * (fallen + done.sent + done.already):
        why = ", ".join(f"{reason} {number:,}" for reason, number in sorted(done.stopped.items()))
        raise ProposalRefused(
            f"{row['hash']}: {fallen:,} of {fallen + done.sent + done.already:,} messages are not right any more "
            f"({why}); at most {MOST_FALLEN_OUT:.0%} may fall out; plan it anew",
            await stopped(conn, row["id"], NAMED),
        )


async def _refuse(
    conn: Connection, row: dict[str, Any], outcome: str, at: datetime, bot_id: int, staff_chat: int | None
) -> None:
    """Rows of a large send are settled as refused; those of a backfill simply do not happen. Staff are told."""
    if row["kind"] == "approval":
        values = {"plan_id": row["id"], "stage": row["stage"], "bundle": row["bundle"], "bot_id": bot_id, "now_at": at}
        await conn.execute(queries.refuse_rows, values)
    await tell_staff(conn, read_proposal(row), outcome, at, bot_id=bot_id, staff_chat=staff_chat)
