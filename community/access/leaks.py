"""Entry links in somebody else's hands: noted with whom the link was given to, and replaced when it goes on."""

from dataclasses import dataclass
from datetime import datetime

from community.access.models import EntryLink
from community.access.ways import send_way
from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load

queries = load(__file__, "leaks.sql")

LEAK = "leak"
"""Event of the member whose link it is."""


@dataclass(frozen=True, slots=True)
class Leak:
    """How many have come by the link of somebody else, and whether it was replaced now."""

    strangers: int
    replaced: bool


async def trace(
    conn: Connection, bundle: Bundle, link: EntryLink, stranger_id: int, at: datetime, *, bot_id: int
) -> Leak:
    """Somebody came by another member's link. After so many (`access.leaks`) the owner gets a new one, if outside."""
    assert link.member_id is not None
    async with transaction(conn):
        data = {"link": link.id, "by": stranger_id}
        await record(conn, [Activity(LEAK, at, link.member_id, link.group_id, data)])
        values = {"link": link.id, "owner": link.member_id, "at": at}
        row = await (await conn.execute(queries.strangers, values)).fetchone()
        strangers: int = row["strangers"] if row else 1
        if link.revoked_at is not None or strangers < bundle.playbook.access.leaks:
            return Leak(strangers, replaced=False)
        await conn.execute(queries.revoke, values)
        await send_way(conn, bundle, link.member_id, link.group_id, at, bot_id=bot_id, cause="replaced")
    return Leak(strangers, replaced=True)
