"""Members brought in by an import: known by name only, unreachable until they open the private chat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from community.database.pool import Connection
from community.database.queries import load
from community.members.clean import storable

queries = load(__file__, "bring_in.sql")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody an import names. An empty name is a deleted account's."""

    telegram_id: int
    name: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class BroughtIn:
    """Internal numbers by Telegram id, and how many of them are new."""

    ids: Mapping[int, int]
    added: int


async def bring_in(conn: Connection, newcomers: Sequence[Newcomer]) -> BroughtIn:
    """The members for these people, new where never seen before. Names that Telegram gave itself are kept."""
    values = {
        "telegram_id": [who.telegram_id for who in newcomers],
        "name": [storable(who.name) for who in newcomers],
        "at": [who.first_seen_at for who in newcomers],
    }
    rows = await (await conn.execute(queries.bring_in, values)).fetchall()
    return BroughtIn({row["telegram_id"]: row["id"] for row in rows}, sum(row["is_new"] for row in rows))


async def settle_in(conn: Connection, member_ids: Sequence[int], group_id: int) -> None:
    """Bring up to date when these members entered and left, by the memberships that an import brought.

    An entry that is known is kept: moved, it would start the welcome drip once more.
    """
    await conn.execute(queries.settle_in, {"ids": list(member_ids), "group_id": group_id})
