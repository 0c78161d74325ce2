"""A community whose plans open a group: memberships open the VIP group, the trial a lounge of its own."""

from datetime import datetime, timedelta
from typing import Any

from community.access.grant import grant
from community.access.models import Term
from community.bundle import Bundle
from community.database.pool import Connection
from tests.integration.conftest import NOON

VIP, LOUNGE = -1007, -1008
PLANS: dict[str, Any] = {
    "month": {"title": {"en": "Month"}, "length": "1mo", "price": "199 CNY", "chats": ["VIP"]},
    "pack": {"title": {"en": "Pack"}, "line": "pack", "length": "3mo", "price": "29 USD", "chats": ["VIP"]},
    "trial_7": {
        "title": {"en": "Trial"},
        "length": "7d",
        "trial": True,
        "once": True,
        "chats": ["Lounge"],
        "grace": "1h",
    },
    "other": {"title": {"en": "Other"}, "line": "other", "length": "1mo", "price": "9 CNY"},
}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def with_plans(bundle: Bundle, **access: Any) -> Bundle:
    """The shipped playbook with these plans; `access` changes that section."""
    source = {**bundle.source, "plans": PLANS, "offers": {}, "access": {**bundle.source["access"], **access}}
    stages = {
        name: {**stage, "steps": [{**step, "plans": [], "offer": None} for step in stage["steps"]]}
        for name, stage in bundle.source["stages"].items()
    }
    return Bundle({**source, "stages": stages}, bundle.copy)


async def groups(conn: Connection) -> dict[int, int]:
    """The two groups, by chat: their numbers."""
    rows = await conn.execute(
        "INSERT INTO groups (chat_id, title, registered_at, invite_link) VALUES"
        " (%s, 'VIP', %s, 'https://t.me/+vip'), (%s, 'Lounge', %s, 'https://t.me/+lounge') RETURNING chat_id, id",
        [VIP, NOON - 90 * DAY, LOUNGE, NOON - 90 * DAY],
    )
    return {row["chat_id"]: row["id"] for row in await rows.fetchall()}


async def inside(conn: Connection, group_id: int, member_id: int, at: datetime = NOON - 60 * DAY) -> None:
    """The member is in the group since then."""
    await conn.execute(
        "INSERT INTO memberships (member_id, group_id, joined_at) VALUES (%s, %s, %s)"
        " ON CONFLICT (member_id, group_id) DO UPDATE SET joined_at = excluded.joined_at, left_at = NULL",
        [member_id, group_id, at],
    )


async def outside(conn: Connection, group_id: int, member_id: int, at: datetime) -> None:
    """The member has left the group."""
    await conn.execute(
        "UPDATE memberships SET left_at = %s WHERE member_id = %s AND group_id = %s", [at, member_id, group_id]
    )


async def given(
    conn: Connection, bundle: Bundle, member_id: int, plan: str, start: datetime, end: datetime | None = None
) -> Term:
    """A term, granted when it begins."""
    return await grant(
        conn, bundle.playbook, member_id, plan, start, source="staff", by="ann", starts_at=start, ends_at=end
    )


async def removals(conn: Connection) -> list[tuple[int, str, str]]:
    """Member, state, why."""
    rows = await (await conn.execute("SELECT member_id, state, why FROM removals ORDER BY id")).fetchall()
    return [(row["member_id"], row["state"], row["why"]) for row in rows]


async def calls(conn: Connection, *columns: str) -> list[Any]:
    """The calls that remove, oldest first."""
    rows = await conn.execute("SELECT * FROM messages WHERE stage = 'access' AND step = 'remove' ORDER BY id")
    wanted = columns or ("state",)
    return [row[wanted[0]] if len(wanted) == 1 else tuple(row[c] for c in wanted) for row in await rows.fetchall()]


async def answer(conn: Connection, state: str = "sent", reason: str | None = None) -> None:
    """What came of every call that waits."""
    await conn.execute(
        "UPDATE messages SET state = %s, reason = %s WHERE stage = 'access' AND step = 'remove' AND state = 'waiting'",
        [state, reason],
    )
