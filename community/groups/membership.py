"""Who is in which group: joining, leaving, and what being admitted sets in motion."""

from datetime import datetime
from enum import StrEnum

from community.access.doors import guarded
from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.groups.models import Group
from community.members.models import Dm, Member
from community.members.profile import attribute, depart, enter, expect
from community.members.reach import end_request
from community.outbox.settle import cancel_waiting
from community.outreach.welcome import welcome_now

queries = load(__file__)

PROBLEM = "problem"
"""What a member is expected to answer after the welcome pack: "what is your biggest problem?"."""


class Entry(StrEnum):
    """What an arrival in a group was."""

    first = "first"
    again = "again"
    """The member has been in a group before."""
    known = "known"
    """The member was in this group already."""


async def joined(
    conn: Connection,
    bundle: Bundle,
    member: Member,
    group: Group,
    at: datetime,
    *,
    bot_id: int,
    link_token: str | None = None,
) -> bool:
    """The member is in the group now; False if they were already.

    A request they had open there was approved by an admin, and the right it gave to write to them is over. Whoever
    opened the private chat before is welcomed there; others are named in the next collected group welcome.
    """
    reached = member.dm == Dm.open
    async with transaction(conn):
        await conn.execute(
            queries.decide_one, {"member_id": member.id, "group_id": group.id, "state": "passed", "at": at}
        )
        await end_request(conn, member.id)
        token = link_token if await attribute(conn, member.id, link_token) else None
        greeting = "due" if group.greets and not reached else "none"
        home = group.id not in await guarded(conn, bundle.playbook)
        entry = await admit(conn, member.id, group.id, at, token, greeting=greeting, home=home)
        if entry is Entry.first and reached:
            await welcome(conn, bundle, member.id, at, bot_id=bot_id)
    return entry is not Entry.known


async def admit(
    conn: Connection,
    member_id: int,
    group_id: int,
    at: datetime,
    token: str | None,
    *,
    greeting: str = "none",
    home: bool = True,
) -> Entry:
    """The member belongs to the group from now on, which starts the welcome drip on their first entry anywhere.

    `home`: it is their home from now on, whose zone and language they are written to in; a group that plans open is
    only of who has none.
    The gate admits when it approves, so that the welcome need not wait for Telegram to report the arrival.
    """
    values = {"member_id": member_id, "group_id": group_id, "at": at, "token": token, "greeting": greeting}
    async with transaction(conn):
        if await (await conn.execute(queries.join, values)).fetchone() is None:
            return Entry.known
        await record(conn, [Activity("joined", at, member_id, group_id, {"link": token} if token else {})])
        return Entry.first if await enter(conn, member_id, group_id, at, home=home) else Entry.again


async def left(conn: Connection, member_id: int, group_id: int, at: datetime) -> None:
    """The member left the group, or was removed from it. Out of the last one, what waits for them is not sent."""
    async with transaction(conn):
        cursor = await conn.execute(queries.leave, {"member_id": member_id, "group_id": group_id, "at": at})
        row = await cursor.fetchone()
        if row is None:
            return
        await record(conn, [Activity("left", at, member_id, group_id)])
        if row["nowhere"]:
            await depart(conn, [member_id], at)
            await cancel_waiting(conn, member_id, "left")


async def welcome(conn: Connection, bundle: Bundle, member_id: int, at: datetime, *, bot_id: int) -> int:
    """Send the welcome pack now; its question is the one the member is expected to answer. Messages added."""
    added = await welcome_now(conn, bundle, member_id, at, bot_id=bot_id)
    if added:
        await expect(conn, member_id, PROBLEM, at)
    return added
