"""The staff chat is told what an experiment has come to, and asked for a word, in the transaction of that."""

from datetime import datetime

from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.judging import Result, Verdict
from community.outbox.enqueue import Draft, enqueue
from community.playbook_stages import MessageClass


async def tell_staff(
    conn: Connection,
    bundle: Bundle,
    key: str,
    stage: str,
    step: str,
    result: Result,
    at: datetime,
    *,
    bot_id: int,
    staff_chat: int | None,
) -> None:
    """Say what was found, each finding once; a winner and a difference of nothing with buttons."""
    if staff_chat is None:
        return
    asked = result.verdict in (Verdict.better, Verdict.same)
    context = {
        "key": key,
        "about": f"{stage}/{step}",
        "verdict": str(result.verdict),
        "winner": result.winner,
        "against": result.against,
        "low": _points(result.low),
        "high": _points(result.high),
        "counted": [
            {"variant": each.variant, "people": each.people, "share": f"{100 * each.part.share:.1f}"}
            for each in result.counted
        ],
        "chance": f"{result.mismatch:.2g}",
        "winners": [result.winner] if result.winner and asked else [],
        "asked": [True] if asked else [],
    }
    draft = Draft(
        chat_id=staff_chat,
        stage="staff",
        step="experiment",
        occurrence=f"{key}:{result.verdict}:{result.winner or ''}",
        message_class=MessageClass.support,
        due_at=at,
        template="staff/experiment",
        context=context,
    )
    await enqueue(conn, bot_id, bundle.hash, [draft], at)


def _points(share: float | None) -> str | None:
    """A difference of shares in percentage points."""
    return None if share is None else f"{100 * share:.1f}"
