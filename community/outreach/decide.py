"""Decide on a proposal, and execute what was approved: exactly that, less what the guardrails stop by then."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from community.bundle import Bundle
from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.database.queries import load
from community.engagement.offers import issue_planned
from community.errors import ProposalRefused
from community.outbox.guardrails import GATE_VALUES, GATED, gate_parameters
from community.outreach.plan import one_planner, settings_of_planner
from community.outreach.proposals import Proposal, read_proposal

queries = load(__file__, "proposals.sql")
_EXECUTE = queries.fill("execute", gated=GATED, gate_values=GATE_VALUES)

MOST_FALLEN_OUT = 0.02
"""Share of a backfill's messages that may have become wrong since it was planned."""
SEND, FIRST, CANCEL = "send", "first", "cancel"
DECISIONS = (SEND, FIRST, CANCEL)


@dataclass(slots=True)
class Execution:
    """What executing a proposal did. `days`: day → step → outcome (`sent`, `already`, a reason) → messages."""

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
    conn: Connection, plan_id: int, decision: str, at: datetime, *, by: str, how: str, note: str, bot_id: int
) -> Proposal | None:
    """Note a decision (`send`, `first`, `cancel`). None if it was decided before, or lapsed.

    `by` is believed if `how` proves it (`staff_chat`: a member's number); a form's is as declared.
    """
    values = {"id": plan_id, "decision": decision, "at": at, "by": by, "how": how, "note": note}
    async with conn.transaction():
        row = await (await conn.execute(queries.decide, values)).fetchone()
        if row and decision == CANCEL:
            await _refuse(conn, row, at, bot_id)
    return read_proposal(row) if row else None


async def lapse(conn: Connection, at: datetime, *, bot_id: int) -> list[Proposal]:
    """Cancel what nobody decided on in time; returns it."""
    async with conn.transaction():
        rows = await (await conn.execute(queries.lapse, {"at": at})).fetchall()
        for row in rows:
            await _refuse(conn, row, at, bot_id)
    return [read_proposal(row) for row in rows]


async def execute(
    conn: Connection, current: Bundle, pinned: Bundle, plan_id: int, now_at: datetime, *, bot_id: int
) -> Execution | None:
    """Put what was approved into the outbox; None if it is not approved, or another process is at it.

    Messages carry the words they were proposed with (`pinned`). A backfill is refused (ProposalRefused, and stays
    approved by nobody) when the playbook in force is another, or too much of it fell out since.
    """
    await ensure_months(conn, "decisions", [now_at])
    async with conn.transaction():
        await one_planner(conn, bot_id)
        row = await (await conn.execute(queries.take_approved, {"id": plan_id})).fetchone()
        if row is None:
            return None
        backfill = row["kind"] == "backfill"
        if backfill and current.hash != row["bundle"]:
            raise ProposalRefused(f"{row['hash']}: playbook or copy changed since it was planned; plan it anew")
        share = current.playbook.approval.first / 100 if row["decision"] == FIRST else 1.0
        await _execute(conn, pinned, row, now_at, share, bot_id)
        done = await _outcome(conn, row)
        if backfill:
            _check_fallen_out(row, done)
        done.state = "proposed" if done.left else "executed"
        closing = {"plan_id": plan_id, "state": done.state, "decide_by": now_at + current.playbook.approval.wait}
        await conn.execute(queries.executed, closing)
    return done


async def outcome(conn: Connection, proposal: Proposal) -> Execution:
    """What became of a proposal so far."""
    return await _outcome(conn, {"id": proposal.id, "stage": proposal.stage, "state": proposal.state})


async def stopped(conn: Connection, plan_id: int, limit: int) -> list[dict[str, Any]]:
    """Whom the guardrails stopped between proposal and execution: member_id, step, occurrence, reason."""
    return await (await conn.execute(queries.stopped, {"plan_id": plan_id, "limit": limit})).fetchall()


async def _execute(
    conn: Connection, pinned: Bundle, row: dict[str, Any], now_at: datetime, share: float, bot_id: int
) -> None:
    await settings_of_planner(conn, everyone=True)
    gates = gate_parameters(pinned.playbook, now_at, pinned.playbook.stage(row["stage"]))
    values = {"plan_id": row["id"], "stage": row["stage"], "bundle": row["bundle"], "bot_id": bot_id, "share": share}
    await conn.execute(_EXECUTE, gates | values)
    await issue_planned(conn, row["id"], pinned.playbook, now_at)


async def _outcome(conn: Connection, row: dict[str, Any]) -> Execution:
    done = Execution(row["id"], row["stage"], row["state"])
    for found in await (await conn.execute(queries.outcomes, {"plan_id": row["id"]})).fetchall():
        what, members = found["outcome"], found["members"]
        done.days.setdefault(found["on_day"], {}).setdefault(found["step"], {})[what or "left"] = members
        match what:
            case None:
                done.left += members
            case "sent" | "already":
                setattr(done, what, getattr(done, what) + members)
            case reason:
                done.stopped[reason] = done.stopped.get(reason, 0) + members
    return done


def _check_fallen_out(row: dict[str, Any], done: Execution) -> None:
    fallen = sum(done.stopped.values())
    if fallen > MOST_FALLEN_OUT * (fallen + done.sent + done.already):
        why = ", ".join(f"{reason} {number:,}" for reason, number in sorted(done.stopped.items()))
        raise ProposalRefused(
            f"{row['hash']}: {fallen:,} of {fallen + done.sent + done.already:,} messages are not right any more "
            f"({why}); at most {MOST_FALLEN_OUT:.0%} may fall out; plan it anew"
        )


async def _refuse(conn: Connection, row: dict[str, Any], at: datetime, bot_id: int) -> None:
    """Rows of a large send are settled as refused; those of a backfill simply do not happen."""
    if row["kind"] == "approval":
        values = {"plan_id": row["id"], "stage": row["stage"], "bundle": row["bundle"], "bot_id": bot_id, "now_at": at}
        await conn.execute(queries.refuse_rows, values)
