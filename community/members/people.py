"""Meet members and find them again."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from community.database.pool import Connection
from community.database.queries import load
from community.errors import UnknownMember
from community.members.clean import storable
from community.members.models import Member
from community.members.suppression import suppression_hash

queries = load(__file__)

BIGINT = 2**63


@dataclass(frozen=True, slots=True)
class Person:
    """What Telegram tells of a user. Names may be hostile; they are stored as given, less what cannot be stored."""

    telegram_id: int
    first_name: str = ""
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None


async def see(conn: Connection, person: Person, at: datetime, *, secret: str) -> Member:
    """The member for `person`, new if never seen before, with the names Telegram gives now.

    A new one who was erased before is opted out; `secret` is the one that erasures are hashed by.
    """
    names = {
        "username": storable(person.username) if person.username else None,
        "first_name": storable(person.first_name),
        "last_name": storable(person.last_name or ""),
    }
    known = await _one(conn, queries.member_by_telegram_id, telegram_id=person.telegram_id)
    if known and all(getattr(known, key) == value for key, value in names.items()):
        return known
    values = {**names, "telegram_id": person.telegram_id, "locale": guess_locale(person.language_code), "at": at}
    values["hash"] = suppression_hash(secret, person.telegram_id)
    member = await _one(conn, queries.upsert_member, **values)
    assert member is not None
    return member


async def find(conn: Connection, text: str) -> Member:
    """The member named by an operator: internal number, `tg:<telegram id>` or @username.

    A bare number is tried as the internal number first, then as a Telegram id. Raises UnknownMember.
    """
    name = storable(text).strip()
    match = re.fullmatch(r"(tg:)?(\d{1,18})", name)
    found = None
    if match:
        found = None if match[1] else await by_id(conn, int(match[2]))
        found = found or await by_telegram_id(conn, int(match[2]))
    elif name.removeprefix("@"):
        found = await _one(conn, queries.member_by_username, username=name.removeprefix("@"))
    if found is None:
        raise UnknownMember(f"{name!r}: no such member; give a member number, tg:<Telegram id> or @username")
    return found


async def search(conn: Connection, text: str, limit: int) -> list[Member]:
    """Members whose name or @username contains `text`, whatever the case; the last active first."""
    rows = await conn.execute(queries.search, {"text": storable(text).strip(), "limit": limit})
    return [Member(**row) for row in await rows.fetchall()]


async def by_id(conn: Connection, member_id: int) -> Member | None:
    """The member of that internal number."""
    return await _one(conn, queries.member_by_id, id=member_id) if 0 < member_id < BIGINT else None


async def by_telegram_id(conn: Connection, telegram_id: int) -> Member | None:
    """The member with that Telegram account."""
    return await _one(conn, queries.member_by_telegram_id, telegram_id=telegram_id)


def guess_locale(language_code: str | None) -> str | None:
    """First guess from the language of a member's Telegram; None: neither Chinese nor English, the group's decides.

    A language tells nothing of the zone, and Chinese without a region is taken as simplified (BCP 47 leaves it open).
    """
    parts = re.split(r"[-_]", (language_code or "").lower())
    if parts[0] == "zh":
        return "zh-Hant" if {"hant", "tw", "hk", "mo"} & set(parts) else "zh-Hans"
    return "en" if parts[0] == "en" else None


async def _one(conn: Connection, query: LiteralString, **values: object) -> Member | None:
    row = await (await conn.execute(query, values)).fetchone()
    return Member(**row) if row else None
