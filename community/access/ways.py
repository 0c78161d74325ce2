"""The way into a group, sent to who holds something that opens it and is outside; closed when it is over."""

from datetime import datetime, timedelta

from community.access.doors import columns, doors, holding, plans_for
from community.access.entry_links import Chat, chats_of, give
from community.access.library import given_with
from community.access.put_off import STAGE
from community.access.terms import take_turns
from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.outbox.enqueue import Draft, enqueue
from community.playbook import Playbook
from community.playbook_stages import MessageClass

queries = load(__file__, "ways.sql")

OWED_FOR = timedelta(days=7)
"""Who got a term so long ago and no way in is left to the reconciliation."""


async def send_way(
    conn: Connection, bundle: Bundle, member_id: int, group_id: int, at: datetime, *, bot_id: int, cause: str
) -> bool:
    """Send the member their way into the group, once for the `cause`; False: they hold nothing for it, or are inside.

    A link that is yet to be made is sent by whoever makes it.
    """
    async with transaction(conn):
        await take_turns(conn, member_id)
        term = await holding(conn, member_id, await plans_for(conn, bundle.playbook, group_id), at)
        who = await (await conn.execute(queries.who, {"member_id": member_id, "group_id": group_id})).fetchone()
        if term is None or who is None:
            return False
        way = await give(conn, Chat(who["title"], group_id, who["title"]), term, at)
        if way.link is None:
            return False
        if way.link.invite_link is not None:
            draft = Draft(
                chat_id=who["telegram_id"],
                member_id=member_id,
                stage=STAGE,
                step="way",
                occurrence=f"link:{way.link.id}:{cause}",
                message_class=MessageClass.payment,
                due_at=at,
                template="access/way",
                context={
                    "group": {"title": who["title"]},
                    "join_url": way.link.invite_link,
                    "library": given_with(bundle.playbook, [term.plan]),
                },
            )
            await enqueue(conn, bot_id, bundle.hash, [draft], at)
    return True


async def send_ways(
    conn: Connection, bundle: Bundle, member_id: int, plan: str, at: datetime, *, bot_id: int, cause: str
) -> int:
    """Send the member their way into every group that the plan opens and they are outside of; how many."""
    groups = [chat.group_id for chat in await chats_of(conn, bundle.playbook, plan)]
    return sum(
        [
            await send_way(conn, bundle, member_id, group, at, bot_id=bot_id, cause=cause)
            for group in groups
            if group is not None
        ]
    )


async def send_owed(conn: Connection, bundle: Bundle, at: datetime, *, bot_id: int) -> int:
    """Send everyone the way in who lately got a term that opens a group, not by a list, and none yet; how many."""
    values = columns(bundle.playbook, await doors(conn, bundle.playbook)) | {"at": at, "since": at - OWED_FOR}
    rows = await (await conn.execute(queries.owed, values)).fetchall()
    sent = [
        await send_way(conn, bundle, row["member_id"], row["group_id"], at, bot_id=bot_id, cause="owed") for row in rows
    ]
    return sum(sent)


async def close_ways(conn: Connection, playbook: Playbook, at: datetime, *, member_id: int | None = None) -> int:
    """Close the links of the member, or everyone, who holds nothing any more for which they were given; how many."""
    values = columns(playbook, await doors(conn, playbook)) | {"at": at, "member_id": member_id}
    return (await conn.execute(queries.close, values)).rowcount
