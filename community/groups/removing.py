"""Staff's word on who is due to leave: whom they agree to is removed by a run that is asked for with it."""

from collections.abc import Sequence
from datetime import datetime

from community.access.removals import decide
from community.database.pool import Connection, transaction
from community.outreach.triggers import leave_trigger

TRIGGER = "access_expiry"
"""Stage of the run that removes them."""


async def take_word(
    conn: Connection,
    word: str,
    at: datetime,
    *,
    by: str,
    asked_by: datetime | None = None,
    ids: Sequence[int] | None = None,
) -> int:
    """`approved` or `kept`, on these, or on all they had been asked about by then; on how many it was."""
    async with transaction(conn):
        members = await decide(conn, word, at, by=by, asked_by=asked_by, ids=ids)
        for member_id in members if word == "approved" else ():
            await leave_trigger(conn, TRIGGER, member_id, at)
    return len(members)
