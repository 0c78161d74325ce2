"""The inbox: an update is stored before anything is done about it, once per (bot, update id), whatever it contains."""

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import DataError

from community.bot.counters import MALFORMED
from community.database.pool import Connection
from community.database.queries import load
from community.database.wakeup import CHECKOUTS, UPDATES
from community.members.clean import storable

queries = load(__file__)
log = logging.getLogger(__name__)

ALLOWED_UPDATES = (
    "message",
    "callback_query",
    "chat_member",
    "my_chat_member",
    "chat_join_request",
    "message_reaction",
    "pre_checkout_query",
)
"""What Telegram is asked for. Those from chat_member on come only when named; it and reactions only to admins."""
CHECKOUT = "pre_checkout_query"
UNKNOWN = "unknown"
NOTHING = "{}"
"""Payload of an update whose content cannot be kept."""
DEEPEST = 64
"""Telegram's updates nest about ten levels. Whoever reads, writes or loads JSON gives up somewhere above 900."""
BIGINT = 2**63
CHECKOUT_KEYS = -(2**62)
"""Questions before payments have this less their member's id as their key: below all others, which are in order."""

_PERSON = (("from", "id"), ("user", "id"), ("chat", "id"))
_ORDERED_BY = {"chat_member": (("new_chat_member", "user", "id"), *_PERSON), "my_chat_member": (("chat", "id"),)}
"""Where the id lies by which updates are kept in order: whom it is about, else who did it, else where.

The bot's own membership of a private chat is about the member, whose id is the chat's.
"""
_ESCAPE = re.compile(r"\\(?:u0000|.)")

Raw = Mapping[str, Any]


class MalformedUpdate(ValueError):
    """Not an update: not a JSON object with an `update_id`."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An update as it will be stored."""

    update_id: int
    user_key: int
    kind: str
    payload: str
    error: str | None = None
    """Why its content cannot be kept."""


def parse(body: bytes) -> Raw:
    """The update in a webhook's body. Raises MalformedUpdate."""
    try:
        update = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedUpdate(type(error).__name__) from None
    update_id_of(update)
    return update  # type: ignore[no-any-return]  # update_id_of has seen that it is an object


def update_id_of(update: Any) -> int:
    """The number of an update. Raises MalformedUpdate when it has none."""
    number = update.get("update_id") if isinstance(update, Mapping) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < BIGINT:
        raise MalformedUpdate("no update_id")
    return number


async def store(conn: Connection, bot_id: int, updates: Sequence[Raw]) -> int:
    """Store the updates in one statement; returns how many are new. Those stored before change nothing.

    One that cannot be kept is stored without its content, for the workers to fail. What is no update at all is counted.
    Call it outside a transaction: each statement is one.
    """
    arrivals = [found for update in updates if (found := _arrival(update))]
    try:
        return await _insert(conn, bot_id, arrivals)
    except DataError:
        return sum([await _store_one(conn, bot_id, arrival) for arrival in arrivals])


async def _store_one(conn: Connection, bot_id: int, arrival: Arrival) -> int:
    try:
        return await _insert(conn, bot_id, [arrival])
    except DataError as error:
        return await _insert(conn, bot_id, [replace(arrival, payload=NOTHING, error=type(error).__name__)])


async def _insert(conn: Connection, bot_id: int, arrivals: Sequence[Arrival]) -> int:
    columns = {
        "update_id": [a.update_id for a in arrivals],
        "user_key": [a.user_key for a in arrivals],
        "kind": [a.kind for a in arrivals],
        "payload": [a.payload for a in arrivals],
        "error": [a.error for a in arrivals],
    }
    return (await conn.execute(queries.store, {"bot_id": bot_id, **columns})).rowcount


def _arrival(update: Raw) -> Arrival | None:
    try:
        update_id, kind = update_id_of(update), kind_of(update)
        deep = deeper_than(DEEPEST, update)
        payload, error = (NOTHING, f"nested deeper than {DEEPEST}") if deep else (payload_of(update), None)
        return Arrival(update_id, user_key_of(kind, update.get(kind)), kind, payload, error)
    except MalformedUpdate as error:
        MALFORMED.inc()
        log.warning("an update without a usable update_id was left out: %s", error)
        return None


def kind_of(update: Raw) -> str:
    """Which of the updates we ask for this is, else `unknown`."""
    return next((kind for kind in ALLOWED_UPDATES if kind in update), UNKNOWN)


def user_key_of(kind: str, content: Any) -> int:
    """The id by which order is kept; 0 when the update does not say."""
    found = next((number for path in _ORDERED_BY.get(kind, _PERSON) if (number := _id_at(path, content))), 0)
    if kind == CHECKOUT:
        return CHECKOUT_KEYS - (found if 0 < found < -CHECKOUT_KEYS else 0)
    return found if found > CHECKOUT_KEYS else 0


def _id_at(path: Sequence[str], content: Any) -> int | None:
    for name in path:
        content = content.get(name) if isinstance(content, Mapping) else None
    is_number = isinstance(content, int) and not isinstance(content, bool)
    return content if is_number and -BIGINT <= content < BIGINT else None


def channels(updates: Iterable[Any]) -> set[str]:
    """Whom to wake once these are stored."""
    asked = any(isinstance(update, Mapping) and CHECKOUT in update for update in updates)
    return {UPDATES, CHECKOUTS} if asked else {UPDATES}


def deeper_than(levels: int, value: Any) -> bool:
    """Whether objects and lists are nested in `value` in more than so many levels."""
    level = [value]
    for _ in range(levels):
        level = [part for holder in level for part in _parts(holder)]
        if not level:
            return False
    return any(isinstance(part, (dict, list)) for part in level)


def _parts(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def payload_of(update: Raw) -> str:
    """The update as JSON that PostgreSQL takes: no NUL, no lone surrogates."""
    text = json.dumps(update, ensure_ascii=False, separators=(",", ":"))
    return storable(_ESCAPE.sub(lambda escape: "" if escape[0] == "\\u0000" else escape[0], text))
