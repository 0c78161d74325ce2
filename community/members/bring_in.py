"""Members brought in by an import: known by name only, unreachable until they open the private chat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from community.activity.counted import keep_counter_out, mark_late
from community.database.pool import Connection, transaction
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
    rows = await (await conn.execute(queries.settle_in, {"ids": list(member_ids), "group_id": group_id})).fetchall()
    await mark_late(conn, _entered(rows))


@dataclass(frozen=True, slots=True)
class Listed:
    """A member of a list that an operator brings in; None: the list does not say."""

    telegram_id: int
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    locale: str | None = None
    zone: str | None = None
    joined_at: datetime | None = None
    source: str | None = None
    consent: str | None = None


@dataclass(frozen=True, slots=True)
class ListBroughtIn(BroughtIn):
    """As BroughtIn, and how many of the list have not opened the private chat."""

    unreachable: int


async def bring_in_listed(conn: Connection, people: Sequence[Listed], at: datetime) -> ListBroughtIn:
    """The members of a list. What is known of a member already is kept; the list fills what is missing.

    The first source stays for ever; consent is what the newest list says.
    """
    columns = {f.name: [getattr(who, f.name) for who in people] for f in fields(Listed)}
    async with transaction(conn):
        await keep_counter_out(conn)
        rows = await (await conn.execute(queries.bring_in_listed, {**columns, "at": at})).fetchall()
        ids = {row["telegram_id"]: row["id"] for row in rows}
        await _keep_origins(conn, people, ids, at)
        await mark_late(conn, _entered(rows))
    added, silent = (sum(row[name] for row in rows) for name in ("is_new", "is_unreachable"))
    return ListBroughtIn(ids, added, silent)


async def _keep_origins(conn: Connection, people: Sequence[Listed], ids: Mapping[int, int], at: datetime) -> None:
    origins = [who for who in people if who.source or who.consent]
    await conn.execute(
        queries.keep_origins,
        {
            "id": [ids[who.telegram_id] for who in origins],
            "source": [who.source for who in origins],
            "consent": [who.consent for who in origins],
            "at": at,
        },
    )


def _entered(rows: Sequence[Mapping[str, Any]]) -> set[datetime]:
    """When those entered of whom it was not known before: figures of these days change."""
    return {row["entered_at"] for row in rows if row["entered_at"] is not None}
