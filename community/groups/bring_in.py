"""Memberships brought in by an import of a group's history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from community.database.pool import Connection
from community.database.queries import load
from community.groups.registry import kept_title
from community.members.bring_in import settle_in

queries = load(__file__, "bring_in.sql")


@dataclass(frozen=True, slots=True)
class Stay:
    """When a member last came into a group, and left it again; `left_at` None: did not leave."""

    joined_at: datetime
    left_at: datetime | None = None


async def group_for(conn: Connection, chat_id: int, title: str, at: datetime) -> int:
    """The number of the group of that chat, which is registered if it was never heard of."""
    values = {"chat_id": chat_id, "title": kept_title(title), "at": at}
    row = await (await conn.execute(queries.group_known, values)).fetchone()
    assert row is not None
    return int(row["id"])


async def bring_in(conn: Connection, group_id: int, stays: Mapping[int, Stay]) -> None:
    """Record these stays, by member, beside what is known: whatever happened last holds.

    Nobody is greeted or welcomed for it: they have been there for long.
    """
    members = sorted(stays)
    values = {
        "group_id": group_id,
        "member_id": members,
        "joined": [stays[member].joined_at for member in members],
        "left": [stays[member].left_at for member in members],
    }
    async with conn.transaction():
        await conn.execute(queries.bring_in, values)
        await settle_in(conn, members, group_id)
