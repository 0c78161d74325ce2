"""The groups the bot is in: found when it is added, lost when it is removed, renumbered when they grow."""

from collections.abc import Sequence
from datetime import datetime

from community.activity.record import Activity, record
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.groups.models import Group
from community.members.clean import storable
from community.members.profile import come_back, depart, rehome

queries = load(__file__)


TITLE_LIMIT = 255
"""Longest title kept, in characters: messages quote it."""


def kept_title(title: str) -> str:
    """A group's title, which its admins choose, as it is stored."""
    return storable(title)[:TITLE_LIMIT]


async def register(conn: Connection, chat_id: int, title: str, at: datetime) -> Group:
    """The bot is in the group; one that was lost comes back with its number and history."""
    async with transaction(conn):
        before = await _one(conn, "group_by_chat", chat_id=chat_id)
        group = await _one(conn, "register", chat_id=chat_id, title=kept_title(title), at=at)
        assert group is not None
        if before and before.lost_at is not None:
            await come_back(conn, await _members(conn, "in_group", group))
    return group


async def group_of(conn: Connection, chat_id: int, title: str, at: datetime) -> Group:
    """The group of that chat, registered now if the bot was never told that it was added.

    Updates of different people come in any order: one from before the group was lost does not bring it back.
    """
    group = await _one(conn, "group_by_chat", chat_id=chat_id)
    if group is None or (group.lost_at is not None and at > group.lost_at):
        return await register(conn, chat_id, title, at)
    if group.title != kept_title(title):
        await conn.execute(queries.retitle, {"id": group.id, "title": kept_title(title)})
    return group


async def lose(conn: Connection, chat_id: int, at: datetime) -> Group | None:
    """The bot was removed from the group. Returns it, or None if it was not known or lost already."""
    async with transaction(conn):
        group = await _one(conn, "lose", chat_id=chat_id, at=at)
        if group:
            await record(conn, [Activity("group_lost", at, None, group.id)])
            await depart(conn, await _members(conn, "only_in_group", group), at)
    return group


async def migrate(conn: Connection, old_chat_id: int, new_chat_id: int) -> None:
    """The group became a supergroup: same number and history under the new chat id.

    Telegram may have announced the new chat first, as if it were another group; the two are merged then.
    """
    async with transaction(conn):
        found = await (await conn.execute(queries.lock_both, {"old": old_chat_id, "new": new_chat_id})).fetchall()
        by_chat = {row["chat_id"]: row["id"] for row in found}
        if old_chat_id not in by_chat:
            return
        if new_chat_id in by_chat:
            await _merge(conn, by_chat[new_chat_id], by_chat[old_chat_id])
        await conn.execute(queries.rewrite_chat, {"id": by_chat[old_chat_id], "new": new_chat_id})


async def set_invite_link(conn: Connection, group_id: int, invite_link: str) -> None:
    """Keep the bot's own join-request link of the group."""
    await conn.execute(queries.set_invite_link, {"id": group_id, "invite_link": invite_link})


async def open_door(conn: Connection, wish: str | None, closed: Sequence[int] = ()) -> Group | None:
    """The group a newcomer is led to: the one named by `wish` (title or number), else the newest with a way in.

    Nobody is led to the `closed` ones without naming them.
    """
    return await _one(conn, "open_door", wish=wish, closed=list(closed))


async def present_groups(conn: Connection) -> list[Group]:
    """Every group the bot is in."""
    return [Group(**row) for row in await (await conn.execute(queries.present_groups)).fetchall()]


async def _members(conn: Connection, query: str, group: Group) -> list[int]:
    rows = await (await conn.execute(getattr(queries, query), {"group_id": group.id})).fetchall()
    return [row["member_id"] for row in rows]


async def _merge(conn: Connection, group_id: int, into: int) -> None:
    both = {"from": group_id, "to": into}
    await conn.execute(queries.merge_memberships, both)
    await conn.execute(queries.merge_requests, both)
    await rehome(conn, group_id, into)
    await conn.execute(queries.forget_group, {"id": group_id})


async def _one(conn: Connection, query: str, **values: object) -> Group | None:
    row = await (await conn.execute(getattr(queries, query), values)).fetchone()
    return Group(**row) if row else None
