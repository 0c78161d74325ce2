"""Setting a group up: its zone, its locale, its welcome, as its administrators wish.

A wish comes from a button or a message, where nobody can be believed. So it waits in a table until Telegram has said
that whoever wishes administers the group; then it is carried out, once.
"""

from dataclasses import dataclass
from datetime import datetime

from community.database.pool import Connection
from community.database.queries import load
from community.groups.models import Group
from community.members.clean import storable

queries = load(__file__, "setup.sql")

LIST = "list"
"""A wish for the groups that the member administers, beside those of `community.setup_actions`."""
MOST_GROUPS = 20
"""Groups asked about for a list."""
LONGEST_VALUE = 64


@dataclass(frozen=True, slots=True)
class Wish:
    """What a member wants of a group; `group_id` None: to know which they administer. `value` None: to be asked."""

    id: int
    member_id: int
    group_id: int | None
    part: str
    value: str | None
    cause: str
    wished_at: datetime


async def wish(
    conn: Connection, member_id: int, group_id: int | None, part: str, value: str | None, *, cause: str, at: datetime
) -> bool:
    """Note a wish. False: the bot is not in such a group, or a list was asked for within the minute."""
    kept = storable(value)[:LONGEST_VALUE] if value is not None else None
    values = {"member_id": member_id, "group_id": group_id, "part": part, "value": kept, "cause": cause, "at": at}
    return (await conn.execute(queries.wish, values)).rowcount == 1


async def waiting(conn: Connection, cause: str | None) -> list[Wish]:
    """Wishes that wait, in order: those of one update, or all."""
    return [Wish(**row) for row in await (await conn.execute(queries.waiting, {"cause": cause})).fetchall()]


async def take(conn: Connection, wish_id: int) -> bool:
    """Take a wish to carry it out in this transaction; False if another process has."""
    return (await conn.execute(queries.take, {"id": wish_id})).rowcount == 1


async def groups_for(conn: Connection, about: Wish) -> list[Group]:
    """The wish's group, or for a list those that the member may administer; none that the bot is not in."""
    values = {"id": about.group_id, "member_id": about.member_id, "limit": MOST_GROUPS}
    query = queries.maybe_administered if about.group_id is None else queries.group
    return [Group(**row) for row in await (await conn.execute(query, values)).fetchall()]


async def set_zone(conn: Connection, group_id: int, zone: str | None) -> Group:
    """The group's IANA zone; None: the community's."""
    return await _changed(conn, "set_zone", id=group_id, value=zone)


async def set_locale(conn: Connection, group_id: int, locale: str | None) -> Group:
    """The group's language; None: the community's."""
    return await _changed(conn, "set_locale", id=group_id, value=locale)


async def set_greets(conn: Connection, group_id: int, greets: bool, at: datetime) -> Group:
    """Whether newcomers are named in the collected welcome. It is the last answer that makes a group set up."""
    return await _changed(conn, "set_greets", id=group_id, value=greets, at=at)


async def _changed(conn: Connection, query: str, **values: object) -> Group:
    row = await (await conn.execute(getattr(queries, query), values)).fetchone()
    assert row is not None
    return Group(**row)
