"""An experiment of a step in the playbook, and members who had a message of it and did something, or did not."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection
from tests.integration.conftest import BOT_ID, NOON

STAGE, KEY = "welcome_drip", "slot"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SENT = NOON - 10 * DAY
"""When they had it: by `NOON` all their times are over."""
HALVES: list[dict[str, Any]] = [
    {"name": "a", "share": "50%"},
    {"name": "b", "share": "50%", "copy": "day_2", "at": "20:00", "offer": "trial"},
]
_numbers = count(1)


def with_experiment(bundle: Bundle, **parts: Any) -> Bundle:
    """The bundle with a welcome drip of one step, which is compared."""
    experiment = {"key": KEY, "effect": "5%", "variants": HALVES, **parts}
    step = {"name": "day_1", "day": 1, "at": "10:00", "expires_after": "20h", "promotional": True}
    stages = {**bundle.source["stages"]}
    stages[STAGE] = {**stages[STAGE], "steps": [{**step, "experiment": experiment}]}
    return Bundle({**bundle.source, "stages": stages, "payments": {"variants": ["benefits"]}}, bundle.copy)


async def told(conn: Connection, variant: str, *, sent_at: datetime = SENT, **columns: Any) -> tuple[int, int]:
    """A member who had the message; the numbers of both."""
    member_id, message_id = (await told_many(conn, variant, 1, sent_at=sent_at, **columns))[0]
    return member_id, message_id


async def told_many(
    conn: Connection, variant: str, people: int, *, sent_at: datetime = SENT, **columns: Any
) -> list[tuple[int, int]]:
    """So many who had it."""
    batch, values = next(_numbers), {"wanted_at": sent_at, "state": "sent", "zone": None, **columns}
    rows = await (
        await conn.execute(
            "INSERT INTO members (telegram_id, first_name, dm, zone, first_seen_at, entered_at)"
            " SELECT %(batch)s * 1000000 + i, 'M', 'open', %(zone)s, %(at)s, %(at)s"
            " FROM generate_series(1, %(people)s) i RETURNING id",
            {"batch": batch, "people": people, "at": sent_at - DAY, **values},
        )
    ).fetchall()
    found = await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, planned_at, due_at,"
        " wanted_at, state, sent_at, variant)"
        " SELECT %(bot)s, id, id, 35, %(stage)s, 'day_1', %(batch)s::text, %(at)s, %(at)s, %(wanted_at)s, %(state)s,"
        " %(at)s, %(variant)s FROM unnest(%(ids)s::bigint[]) AS id ORDER BY id RETURNING member_id, id",
        {
            "bot": BOT_ID,
            "stage": STAGE,
            "batch": batch,
            "at": sent_at,
            "ids": [row["id"] for row in rows],
            "variant": f"{KEY}:{variant}" if ":" not in variant else variant,
            **values,
        },
    )
    return [(row["member_id"], row["id"]) for row in await found.fetchall()]


async def ran(conn: Connection, variant: str, people: int, hits: int, *, blocks: int = 0, leaves: int = 0) -> None:
    """Members who had it: so many then pressed something, blocked, left."""
    members = [member for member, _ in await told_many(conn, variant, people)]
    happened = [("button", hits), ("blocked", blocks), ("left", leaves)]
    await record(conn, [Activity(kind, SENT + HOUR, who) for kind, number in happened for who in members[:number]])
