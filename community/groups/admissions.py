"""What became of approvals: whom Telegram did not let in after all is outside by our record too, and staff are told.

Who is approved counts as inside at once, so that the welcome need not wait. If the call is refused for good, that is
confirmed or undone here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from community.access.entry_links import still_unused
from community.access.terms import take_turns
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.groups.membership import left
from community.outbox.alerts import Alert, alert
from community.outbox.settle import arrived

queries = load(__file__, "admissions.sql")

SILENT_FOR = timedelta(hours=1)
"""So long Telegram is asked again how somebody stands."""
GONE = "request_gone"
"""The outbox's reason when there was no request any more."""
REMEDIES = {
    GONE: "They took the request back, or somebody declined it. They may ask to join again.",
}
OTHERWISE = (
    "Let the bot invite users there, as an administrator; then `sop outbox retry {message}`, or approve by hand."
)


@dataclass(frozen=True, slots=True)
class Refused:
    """An approval that Telegram refused for good; `message_id` is that of the call in the outbox."""

    message_id: int
    request_id: int
    reason: str
    member_id: int
    telegram_id: int
    group_id: int
    chat_id: int
    title: str
    decided_at: datetime


async def refused(conn: Connection, bot_id: int) -> list[Refused]:
    """Approvals that were refused, of members who count as let in."""
    return [Refused(**row) for row in await (await conn.execute(queries.refused, {"bot_id": bot_id})).fetchall()]


async def settle(conn: Connection, each: Refused, at: datetime, *, inside: bool | None) -> bool:
    """Take into account what Telegram says of the member: inside, outside, or nothing (None).

    Inside, the call did its work and its answer was lost. Else the admission is undone, once; True if this call did it.
    While Telegram says nothing, it is asked again: an hour after the approval they count as outside all the same.
    """
    if inside:
        await arrived(conn, each.message_id)
        return False
    if inside is None and at < each.decided_at + SILENT_FOR:
        return False
    async with transaction(conn):
        await take_turns(conn, each.member_id)
        row = await (await conn.execute(queries.withdraw, {"id": each.request_id})).fetchone()
        if row is None:
            return False
        whom = {"member_id": each.member_id, "group_id": each.group_id, "decided_at": row["decided_at"]}
        if await (await conn.execute(queries.admitted, whom)).fetchone() is not None:
            await left(conn, each.member_id, each.group_id, at)
        await still_unused(conn, each.member_id, each.group_id, row["decided_at"])
        await alert(conn, _about(each), at)
    return True


def _about(each: Refused) -> Alert:
    return Alert(
        f"approve:{each.group_id}:{each.reason[:40]}",
        "Telegram did not let somebody in whom we had approved; they count as outside again",
        f"member {each.member_id} in {each.title} ({each.reason[:200]})",
        REMEDIES.get(each.reason, OTHERWISE).format(message=each.message_id),
    )
