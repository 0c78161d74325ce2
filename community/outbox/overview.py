"""What is in the outbox and not done: counts by class and state, and the messages themselves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from community.database.pool import Connection
from community.database.queries import load
from community.playbook_stages import MessageClass

queries = load(__file__, "overview.sql")

UNDONE = ("failed", "uncertain", "sending", "waiting")
"""Values of `models.State` in which a message is somebody's concern: an operator's first, then the delivery loop's."""


@dataclass(frozen=True, slots=True)
class Queued:
    """Messages of one class in one state. `oldest_at`: the earliest moment (SOP time) one of them was due."""

    message_class: MessageClass
    state: str
    messages: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """One message that is not done."""

    id: int
    member_id: int | None
    chat_id: int
    stage: str
    step: str
    message_class: MessageClass
    state: str
    reason: str | None
    attempts: int
    due_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Messages of a stage that failed, or are uncertain, for one reason."""

    stage: str
    state: str
    reason: str
    messages: int


@dataclass(frozen=True, slots=True)
class Pace:
    """The bot's limit and its use. `rate`: messages a second, None without a limit."""

    rate: float | None
    frozen_until_wall: datetime | None
    """Telegram asked the whole bot to wait until then."""
    chats: int
    """Chats written to within the last minute (wall time)."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The version of playbook and copy in force."""

    bundle: str
    note: str
    published_wall: datetime


async def queued(conn: Connection, bot_id: int) -> list[Queued]:
    """The bot's messages that are not done, counted by class (best lane first) and state."""
    rows = await (await conn.execute(queries.queue, {"bot_id": bot_id})).fetchall()
    return [Queued(MessageClass.of_lane(row["lane"]), row["state"], row["messages"], row["oldest_at"]) for row in rows]


async def listed(conn: Connection, bot_id: int, state: str, limit: int) -> list[Listed]:
    """The newest `limit` messages of the bot in `state`."""
    values = {"bot_id": bot_id, "state": state, "limit": limit}
    rows = await (await conn.execute(queries.listing, values)).fetchall()
    return [Listed(message_class=MessageClass.of_lane(row.pop("lane")), **row) for row in rows]


async def failures(conn: Connection, bot_id: int) -> list[Failure]:
    """What failed or is uncertain, by stage and reason, commonest first."""
    rows = await (await conn.execute(queries.failures, {"bot_id": bot_id})).fetchall()
    return [Failure(**row) for row in rows]


async def in_trouble(conn: Connection, bot_id: int, reason: str) -> list[int]:
    """Numbers of the messages that failed, or are uncertain, for this reason."""
    rows = await (await conn.execute(queries.in_trouble, {"bot_id": bot_id, "reason": reason})).fetchall()
    return [row["id"] for row in rows]


async def pace(conn: Connection, bot_id: int) -> Pace | None:
    """The bot's limit and its use; None before the always-on service has first run."""
    row = await (await conn.execute(queries.pace, {"bot_id": bot_id})).fetchone()
    return Pace(**row) if row else None


async def in_force(conn: Connection) -> InForce | None:
    """What was published last; None before the first publication."""
    row = await (await conn.execute(queries.last_publication)).fetchone()
    return InForce(**row) if row else None


async def history(conn: Connection, member_id: int, limit: int) -> list[dict[str, Any]]:
    """The newest `limit` messages of a member: id, stage, step, state, reason, due_at, sent_at."""
    values = {"member_id": member_id, "limit": limit}
    return await (await conn.execute(queries.history, values)).fetchall()
