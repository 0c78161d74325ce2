"""What is known of a member: choices, source, tags, the question they are expected to answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from community.database.pool import Connection
from community.database.queries import load
from community.members.clean import storable
from community.members.models import Member
from community.members.names import clean_name, display_name

queries = load(__file__)


async def set_locale(conn: Connection, member_id: int, locale: str) -> None:
    """The member chose a language."""
    await conn.execute(queries.set_locale, {"id": member_id, "locale": locale})


async def set_zone(conn: Connection, member_id: int, zone: str | None) -> None:
    """The member chose an IANA zone; None returns to the group's."""
    await conn.execute(queries.set_zone, {"id": member_id, "zone": zone})


async def attribute(conn: Connection, member_id: int, token: str | None) -> bool:
    """The member came by the entry link `token`: the first known source is kept for ever. False: no such entry link."""
    if token is None:
        return False
    cursor = await conn.execute(queries.attribute, {"id": member_id, "token": storable(token)})
    return await cursor.fetchone() is not None


async def enter(conn: Connection, member_id: int, group_id: int, at: datetime, *, home: bool = True) -> bool:
    """The member was admitted to a group. True if it is their first entry ever.

    It becomes the home group; with `home` False only of who has none yet.
    """
    values = {"id": member_id, "group_id": group_id, "at": at, "home": home}
    row = await (await conn.execute(queries.enter, values)).fetchone()
    return bool(row and row["first"])


async def depart(conn: Connection, member_ids: Sequence[int], at: datetime) -> None:
    """The members are in no group any more: stages of those who are in one end."""
    await conn.execute(queries.depart, {"ids": list(member_ids), "at": at})


async def come_back(conn: Connection, member_ids: Sequence[int]) -> None:
    """The members are in a group again, as the bot is back in theirs."""
    await conn.execute(queries.come_back, {"ids": list(member_ids)})


async def rehome(conn: Connection, old_group_id: int, new_group_id: int) -> None:
    """A group's record was merged into another: it is now the home group of the same members."""
    await conn.execute(queries.rehome, {"from": old_group_id, "to": new_group_id})


async def tag(conn: Connection, member_id: int, tag: str, at: datetime) -> None:
    """Tag a member, such as `interest:price`."""
    await conn.execute(queries.tag, {"id": member_id, "tag": tag, "at": at})


async def expect(conn: Connection, member_id: int, question: str, at: datetime) -> None:
    """The member's next typed message answers `question`; replaces what was expected before."""
    await conn.execute(queries.expect, {"id": member_id, "expecting": question, "at": at})


async def expected(conn: Connection, member_id: int, since: datetime) -> str | None:
    """The question the member was asked after `since` and has not answered."""
    row = await (await conn.execute(queries.expected, {"id": member_id, "since": since})).fetchone()
    return row["expecting"] if row else None


async def answered(conn: Connection, member_id: int, question: str) -> None:
    """The member answered `question`; nothing is expected any more."""
    await conn.execute(queries.answered, {"id": member_id, "expecting": question})


async def my_data(conn: Connection, member: Member) -> dict[str, Any]:
    """What is held about the member, for the member to read: the context `data` of the copy `bot/my_data`.

    `locale`, `zone` and `joined` (a date in that zone) are None where the community's default applies.
    """
    row = await (await conn.execute(queries.my_data, {"id": member.id})).fetchone()
    assert row is not None
    tags: list[str] = row["tags"]
    return {
        "telegram_id": member.telegram_id,
        "name": display_name(member.first_name, member.last_name, member.username),
        "username": clean_name(member.username) or None,
        "language": row["locale"],
        "zone": row["zone"],
        "joined": member.entered_at,
        "source": " · ".join(row["source"].values()) if row["source"] else None,
        "interests": [tag.partition(":")[2] for tag in tags if tag.startswith("interest:")],
        "tags": tags,
        "groups": row["groups"],
        "follow_ups": row["follow_ups"],
        "stopped": member.opted_out_at is not None,
        "received": row["received"],
        "activities": row["activities"],
    }
