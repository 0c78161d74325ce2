"""More are due to leave than go unasked: the staff chat is asked, once a day."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from community.access.removals import Row, note_asked
from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.outbox.enqueue import Draft, enqueue
from community.playbook_stages import MessageClass


async def ask_staff(
    conn: Connection, bundle: Bundle, rows: Sequence[Row], at: datetime, *, bot_id: int, staff_chat: int | None
) -> bool:
    """Ask whether these may be removed; False: they were asked today, or there is no staff chat."""
    if staff_chat is None:
        return False
    asked_at = at.replace(microsecond=0)
    day = at.astimezone(ZoneInfo(bundle.playbook.community.zone)).date()
    groups = Counter(row["title"] for row in rows)
    question = Draft(
        chat_id=staff_chat,
        stage="staff",
        step="removals",
        occurrence=f"removals:{day}",
        message_class=MessageClass.support,
        due_at=at,
        template="staff/removals",
        context={
            "number": len(rows),
            "most": bundle.playbook.access.removals_per_day,
            "until": int(asked_at.timestamp()),
            "groups": [{"title": title, "members": members} for title, members in groups.most_common(5)],
        },
    )
    async with transaction(conn):
        if await enqueue(conn, bot_id, bundle.hash, [question], at) == 0:
            return False
        await note_asked(conn, [row["id"] for row in rows], asked_at)
    return True
