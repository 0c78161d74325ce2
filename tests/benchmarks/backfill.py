"""Row `backfill`: thirty days of the drip for 100,000 members, planned, approved and executed.

All came within those days and got their welcome only; every step stays useful for a month, so that all of it is due.
Memory is what this process grows by meanwhile. The reference inserts the messages barely.
"""

import time
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from community.bundle import Bundle, load_bundle
from community.database.pool import Connection, connect
from community.outbox.bundles import publish
from community.outreach.decide import SEND, Execution, decide, execute
from community.outreach.proposal import COMMAND
from community.outreach.proposals import propose_backfill
from tests.benchmarks.harness import BOT_ID, NOON, ROOT, Row, count, database, growth, install

MEMBERS, DAYS = 100_000, 30
STAGE = "welcome_drip"


async def run() -> Row:
    """Plan and approve; then the same rows barely."""
    with database() as url:
        await install(url, rate=None)
        async with await connect(url) as conn:
            bundle = await _patient(conn)
            await _members(conn)
            started = time.perf_counter()
            with growth() as grown:
                planned, done = await _backfill(conn, bundle)
            seconds = time.perf_counter() - started
            bare = await _bare(conn)
    passed = seconds < 60 and grown[0] <= 50e6 and done.sent == planned > MEMBERS
    details: dict[str, float | int | str] = {"messages": done.sent, "memory +MB": round(grown[0] / 1e6, 1)}
    reference = {"bare INSERT … SELECT, s": bare}
    return Row("backfill", seconds, "s", reference, seconds / bare, "< 60 s, ≤ +50 MB", passed, details)


async def _patient(conn: Connection) -> Bundle:
    """The shipped playbook, except that each step of the drip is of use for a month, and caps allow a week's posts."""
    shipped = load_bundle(ROOT / "templates")
    drip: dict[str, Any] = {**shipped.source["stages"][STAGE]}
    drip["steps"] = [{**step, "expires_after": "40d"} for step in drip["steps"]]
    source = {**shipped.source, "caps": {"per_day": 15, "per_week": 100}, "stages": {STAGE: drip}}
    bundle = Bundle(source, shipped.copy)
    await publish(conn, bundle, "patient")
    return bundle


async def _members(conn: Connection) -> None:
    values = {"members": MEMBERS, "days": DAYS, "now": NOON}
    await conn.execute("INSERT INTO groups (chat_id, title, registered_at) VALUES (-1001, 'Club', %(now)s)", values)
    await conn.execute(
        "INSERT INTO members (telegram_id, first_name, dm, home_group_id, first_seen_at, entered_at)"
        " SELECT 10000000 + i, 'Member ' || i, 'open', 1, e, e FROM generate_series(1, %(members)s) AS i,"
        " LATERAL ("
        "SELECT %(now)s::timestamptz - interval '1 hour' - interval '1 day' * (i %% %(days)s) AS e) AS entered",
        values,
    )
    await conn.execute("VACUUM ANALYZE members")


async def _backfill(conn: Connection, bundle: Bundle) -> tuple[int, Execution]:
    today = NOON.astimezone(ZoneInfo(bundle.playbook.stage(STAGE).schedule.zone)).date()
    found = await propose_backfill(conn, bundle, STAGE, today - timedelta(days=DAYS), today, NOON, bot_id=BOT_ID)
    await decide(conn, found.id, SEND, NOON, by="bench", how=COMMAND, note="", bot_id=BOT_ID)
    done = await execute(conn, bundle, bundle, found.id, NOON, bot_id=BOT_ID)
    assert done is not None
    return found.send, done


async def _bare(conn: Connection) -> float:
    columns = "bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, exempt, template, bundle,"
    columns += " planned_at, wanted_at, due_at, expires_at, reason"
    await conn.execute("CREATE TEMP TABLE sent AS SELECT * FROM messages")
    await conn.execute("TRUNCATE messages")
    await conn.execute("ANALYZE sent")
    started = time.perf_counter()
    await conn.execute(f"INSERT INTO messages ({columns}) SELECT {columns} FROM sent")
    seconds = time.perf_counter() - started
    assert await count(conn, "SELECT count(*) FROM messages") > 0
    return seconds
