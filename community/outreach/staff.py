"""The staff chat: asked for a word on a proposal and told what became of it, in the transaction of that."""

from datetime import datetime
from typing import Any

from community.database.pool import Connection
from community.outbox.enqueue import Draft, enqueue
from community.outreach.proposal import Proposal
from community.playbook_stages import MessageClass

REASONS = 3
"""Reasons shown; the run's artifact and `sop approvals` have all."""
SENT, CANCELLED, LAPSED, REFUSED = "sent", "cancelled", "lapsed", "refused"
"""How a proposal ends; refused: by the world, which changed too much since it was made."""


async def ask_staff(
    conn: Connection, proposal: Proposal, first: float, at: datetime, *, bot_id: int, staff_chat: int | None
) -> None:
    """Ask for a word, by buttons; `first`: per cent that a part is. Nobody is asked where no run waits for it."""
    if staff_chat is None or proposal.run_id is None:
        return
    days = sorted(proposal.counts["days"])
    context = {
        "kind": proposal.kind,
        "send": proposal.left,
        "went": proposal.sent,
        "part": f"{first:g}",
        "first_day": days[0] if days else None,
        "last_day": days[-1] if days else None,
        "until": proposal.decide_by_at.isoformat(),
        **_skipped(proposal.skipped),
    }
    draft = _draft(staff_chat, "approval", proposal, context, at, proposal.decide_by_at)
    await enqueue(conn, bot_id, proposal.bundle, [draft], at)


async def tell_staff(
    conn: Connection, proposal: Proposal, outcome: str, at: datetime, *, bot_id: int, staff_chat: int | None
) -> None:
    """Tell how it ended, whoever decided. Of a backfill that was planned at a console, only that it was sent."""
    if staff_chat is None or (proposal.run_id is None and outcome != SENT):
        return
    context = {
        "outcome": outcome,
        "sent": proposal.sent,
        "left": proposal.left,
        "by": proposal.decided_by,
        "how": proposal.decided_how,
        "note": proposal.note,
        **_skipped(proposal.stopped),
    }
    await enqueue(conn, bot_id, proposal.bundle, [_draft(staff_chat, "decided", proposal, context, at, None)], at)


def _skipped(reasons: dict[str, int]) -> dict[str, Any]:
    commonest = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:REASONS]
    shown = [{"reason": reason, "messages": messages} for reason, messages in commonest]
    return {"skipped": sum(reasons.values()), "reasons": shown}


def _draft(
    chat_id: int, step: str, proposal: Proposal, context: dict[str, Any], at: datetime, expires_at: datetime | None
) -> Draft:
    """Numbered as the question it is about, so that it is said once."""
    about = {"number": proposal.id, "stage": proposal.stage, "hash": proposal.hash}
    return Draft(
        chat_id=chat_id,
        stage="staff",
        step=step,
        occurrence=proposal.question,
        message_class=MessageClass.support,
        due_at=at,
        expires_at=expires_at,
        template=f"staff/{step}",
        context={**about, **context},
    )
