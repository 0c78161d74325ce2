"""Building blocks of the integration tests: a published playbook, members, past sends."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from community.bundle import Bundle
from community.database.installation import claim as claim_installation
from community.database.pool import Connection
from community.outbox.bundles import publish
from community.outbox.claim import ensure_budget

BOT_ID = 4203
NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
"""12:00 in Asia/Shanghai, outside quiet hours."""


@pytest.fixture
def edited(shipped: Bundle) -> Callable[..., Bundle]:
    """The shipped bundle with parts of the playbook changed: `edited(caps={"per_day": 1})`."""

    def edit(**changes: Any) -> Bundle:
        source = deepcopy(dict(shipped.source))
        for key, value in changes.items():
            target = (
                source["stages"]["welcome_drip"] if key in ("goal", "stage_holdout", "enabled", "steps") else source
            )
            target["holdout" if key == "stage_holdout" else key] = value
        return Bundle(source, shipped.copy)

    return edit


@pytest.fixture
async def bundle(conn: Connection, shipped: Bundle) -> Bundle:
    """The shipped bundle, in force; the installation claimed; no rate limit."""
    await claim_installation(conn, BOT_ID, "sandbox")
    await ensure_budget(conn, BOT_ID, None)
    await publish(conn, shipped, "test")
    return shipped


MakeMember = Callable[..., Awaitable[int]]


@pytest.fixture
def member(conn: Connection) -> MakeMember:
    """Make a member of a group: `await member(entered_at=…, zone=…, dm=…, opted_out_at=…)` returns the number."""
    numbers = iter(range(1, 10_000))

    async def make(*, entered_at: datetime = NOON - timedelta(days=1), in_group: bool = True, **columns: Any) -> int:
        number = next(numbers)
        values = {"telegram_id": 10_000 + number, "first_name": f"M{number}", "dm": "open", **columns}
        values |= {"entered_at": entered_at, "first_seen_at": entered_at, "left_at": None if in_group else entered_at}
        names = ", ".join(values)
        places = ", ".join(f"%({name})s" for name in values)
        row = await (
            await conn.execute(f"INSERT INTO members ({names}) VALUES ({places}) RETURNING id", values)
        ).fetchone()
        assert row is not None
        if in_group:
            await conn.execute(
                "INSERT INTO groups (chat_id, title, registered_at) VALUES (-1001, 'Club', now())"
                " ON CONFLICT DO NOTHING"
            )
            await conn.execute(
                "INSERT INTO memberships (member_id, group_id, joined_at)"
                " SELECT %s, id, %s FROM groups WHERE chat_id = -1001",
                [row["id"], entered_at],
            )
        return int(row["id"])

    return make


async def past_send(conn: Connection, member_id: int, sent_at: datetime, step: str) -> None:
    """A promotional message that was sent at `sent_at`."""
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, planned_at,"
        " due_at, state, sent_at) VALUES (%s, %s, %s, 5, 'past', %s, %s, true, %s, %s, 'sent', %s)",
        [BOT_ID, member_id, member_id, step, sent_at.isoformat(), sent_at, sent_at, sent_at],
    )
