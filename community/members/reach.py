"""May we write to a member: what Telegram allows (`Dm`), and what the member wishes."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from community.activity.record import Activity, record
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.members.models import Dm

queries = load(__file__)

JOIN_REQUEST_WINDOW = timedelta(minutes=5)
"""How long a pending join request lets the bot write to the requester (Bot API: ChatJoinRequest.user_chat_id)."""


async def open_chat(conn: Connection, member_id: int) -> bool:
    """The member pressed Start or wrote: the chat is open for good. True if it was not before."""
    return await _changed(conn, "open_chat", member_id)


async def allow_while_requesting(conn: Connection, member_id: int, at: datetime) -> None:
    """A join request sent at `at` gives the right to write for five minutes; an open chat stays open."""
    await conn.execute(queries.allow_until, {"id": member_id, "until": at + JOIN_REQUEST_WINDOW})


async def end_request(conn: Connection, member_id: int) -> None:
    """The join request was decided: the right it gave is over. Joining a group gives none."""
    await conn.execute(queries.end_temporary, {"id": member_id})


async def lose_reach(conn: Connection, lost: Mapping[int, str], at: datetime) -> None:
    """Mark members (internal numbers) as `none`, `blocked` or `gone`, as Telegram answered a message to them."""
    values = {"member": sorted(lost), "dm": [lost[member] for member in sorted(lost)]}
    rows = await (await conn.execute(queries.lose_reach, values)).fetchall()
    await record(conn, [Activity(row["dm"], at, row["id"]) for row in rows if row["dm"] != Dm.none])


async def block(conn: Connection, member_id: int, at: datetime) -> None:
    """The member blocked the bot."""
    await _change(conn, "close_chat", member_id, "blocked", at, dm=Dm.blocked)


async def unblock(conn: Connection, member_id: int, at: datetime) -> None:
    """The member let the bot in again, which opens the chat."""
    await _change(conn, "unblock", member_id, "unblocked", at)


async def gone(conn: Connection, member_id: int, at: datetime) -> None:
    """The member's account was deleted."""
    await _change(conn, "close_chat", member_id, "gone", at, dm=Dm.gone)


async def opt_out(conn: Connection, member_id: int, at: datetime) -> None:
    """The member wants no more messages of our own accord; answers to what they do still come."""
    await _change(conn, "opt_out", member_id, "opted_out", at)


async def opt_in(conn: Connection, member_id: int, at: datetime) -> None:
    """The member wants messages again."""
    await _change(conn, "opt_in", member_id, "opted_in", at)


async def _change(conn: Connection, query: str, member_id: int, kind: str, at: datetime, **values: object) -> None:
    """Run the change and, if it changed anything, record it as an event of `kind`."""
    async with transaction(conn):
        if await _changed(conn, query, member_id, at=at, **values):
            await record(conn, [Activity(kind, at, member_id)])


async def _changed(conn: Connection, query: str, member_id: int, **values: object) -> bool:
    cursor = await conn.execute(getattr(queries, query), {"id": member_id, **values})
    return await cursor.fetchone() is not None
