"""The way in that somebody waits for: Telegram has made the link, and its member is told."""

from datetime import datetime

from community.access.entry_links import set_address
from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.payments.messages import send_entry
from community.payments.till import Till

queries = load(__file__, "entry.sql")


async def made(conn: Connection, bundle: Bundle, link_id: int, address: str, at: datetime, *, bot_id: int) -> bool:
    """Telegram has made a link. Kept for the next who pays, or sent to whoever waits for it; True: it was sent.

    Told twice, the first address stays.
    """
    async with transaction(conn):
        link = await set_address(conn, link_id, address, at)
        if link is None or link.member_id is None or link.revoked_at is not None:
            return False
        row = await (await conn.execute(queries.title, {"group_id": link.group_id})).fetchone()
        title = row["title"] if row else ""
        await send_entry(Till(conn, bundle, at, bot_id), link.member_id, link.id, title, address)
    return True
