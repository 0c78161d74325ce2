"""Row `planning`: a stage planned over a million members, beside a bare INSERT … SELECT of the rows it adds.

1,000,000 members, 3,000,000 sends in the last 7 days, every gate active: 125,000 candidates, about 100,000 pass. The
reference inserts the very rows the plan added into the same table with the same indexes, in the same run, in turn with
the plan, which is shared by two connections as the flow's. Memory is what this process grows by while it plans.
"""

import gc
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

import psutil

from community.bundle import Bundle, load_bundle
from community.database.pool import Connection, connect
from community.outbox.bundles import publish
from community.outreach.plan import PlanResult, plan
from tests.benchmarks.harness import BOT_ID, NOON, ROOT, Row, database, install

MEMBERS, CANDIDATES, SENDS_EACH = 1_000_000, 125_000, 3
ROUNDS = 5
STAGE = "welcome_drip"
ENTERED = NOON - timedelta(hours=26)
"""Yesterday morning: `welcome` was sent, `day_1` is due."""


async def run() -> Row:
    """Fill, then plan and insert in turn."""
    with database() as url:
        await install(url, rate=None)
        async with await connect(url) as conn, await connect(url) as beside:
            bundle = await _all_gates(conn)
            await _members(conn)
            await _history(conn)
            await conn.execute("VACUUM ANALYZE")
            rounds = [await _round(conn, beside, bundle) for _ in range(ROUNDS)]
    planned, bare, grown, result = zip(*rounds, strict=True)
    ratio = statistics.median(p / b for p, b in zip(planned, bare, strict=True))
    added = result[0].send
    details: dict[str, float | int | str] = {
        "passed": added,
        **result[0].skipped,
        "deferred": result[0].deferred,
        "memory +MB": round(max(grown) / 1e6, 1),
    }
    passed = ratio <= 2 and max(grown) <= 50e6 and abs(added - 100_000) <= 2_000
    reference = {"bare INSERT … SELECT, s": statistics.median(bare)}
    target = "≤ 2 × bare, ≤ +50 MB"
    return Row("planning", statistics.median(planned), "s", reference, ratio, target, passed, details)


async def _all_gates(conn: Connection) -> Bundle:
    """The shipped playbook with a holdout and a goal, so that no gate is idle."""
    shipped = load_bundle(ROOT / "templates")
    stages = {STAGE: {**shipped.source["stages"][STAGE], "goal": "purchase", "holdout": "2%"}}
    source = {
        **shipped.source,
        "caps": {"per_day": 2, "per_week": 5},
        "holdout": {"global": "2%", "salt": "bench"},
        "stages": stages,
    }
    bundle = Bundle(source, shipped.copy)
    await publish(conn, bundle, "every gate active")
    return bundle


async def _members(conn: Connection) -> None:
    """A million members of one group. Of the newest 125,000 some opted out, blocked, vanished, never opened, paid."""
    await conn.execute("INSERT INTO groups (chat_id, title, registered_at) VALUES (-1001, 'Club', %s)", [NOON])
    await conn.execute(
        "INSERT INTO members (telegram_id, first_name, dm, opted_out_at, zone, home_group_id, first_seen_at,"
        " entered_at)"
        " SELECT 10000000 + i, 'Member ' || i,"
        " CASE i %% 40 WHEN 0 THEN 'blocked' WHEN 1 THEN 'gone' WHEN 2 THEN 'none' ELSE 'open' END,"
        " CASE WHEN i %% 40 = 3 THEN %(now)s::timestamptz END,"
        " CASE WHEN i %% 20 = 4 THEN 'Asia/Tokyo' WHEN i %% 20 = 5 THEN 'Asia/Singapore' END, 1, %(entered)s,"
        " CASE WHEN i <= %(candidates)s THEN %(entered)s::timestamptz ELSE %(entered)s - interval '90 days' END"
        " FROM generate_series(1, %(members)s) AS i",
        {"now": NOON, "entered": ENTERED, "candidates": CANDIDATES, "members": MEMBERS},
    )
    await conn.execute("INSERT INTO memberships (member_id, group_id, joined_at) SELECT id, 1, entered_at FROM members")
    await conn.execute(
        "INSERT INTO milestones (member_id, kind, first_at, last_at)"
        " SELECT id, 'purchase', %(now)s, %(now)s FROM members WHERE id %% 40 = 6",
        {"now": NOON},
    )


async def _history(conn: Connection) -> None:
    """Three promotional sends each in the last 7 days; some of the newest had two of them today. All are welcomed."""
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, planned_at,"
        " due_at, state, sent_at)"
        " SELECT %(bot)s, m.id, m.telegram_id, 5, 'past', 'step_' || n, 'x', true, s.at, s.at, 'sent', s.at"
        " FROM members m, generate_series(1, %(each)s) AS n, LATERAL (SELECT %(now)s -"
        " CASE WHEN m.id %% 25 = 7 AND n < 3 THEN make_interval(hours => n) ELSE make_interval(days => 2 * n) END"
        " AS at) AS s",
        {"bot": BOT_ID, "now": NOON, "each": SENDS_EACH},
    )
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, planned_at, due_at, state,"
        " sent_at) SELECT %(bot)s, id, telegram_id, 3, %(stage)s, 'welcome',"
        " to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), entered_at, entered_at, 'sent', entered_at"
        " FROM members WHERE entered_at = %(entered)s",
        {"bot": BOT_ID, "stage": STAGE, "entered": ENTERED},
    )


async def _round(conn: Connection, beside: Connection, bundle: Bundle) -> tuple[float, float, int, PlanResult]:
    """Plan; take the rows away; insert them barely; take them away again. Seconds, seconds, bytes grown, result."""
    with _growth() as grown:
        started = time.perf_counter()
        result = await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID, beside=[beside])
        planned = time.perf_counter() - started
    await conn.execute("DROP TABLE IF EXISTS planned")
    await conn.execute(f"CREATE TEMP TABLE planned AS SELECT * FROM messages WHERE plan_id = {result.plan_id}")
    await conn.execute("ALTER TABLE planned DROP COLUMN id, DROP COLUMN counts_at")
    await conn.execute("ANALYZE planned")
    await _take_away(conn, result.plan_id)
    row = await (await conn.execute(
        "SELECT string_agg(attname, ', ') AS names FROM pg_attribute"
        " WHERE attrelid = 'planned'::regclass AND attnum > 0 AND NOT attisdropped"
    )).fetchone()  # fmt: skip
    assert row
    started = time.perf_counter()
    await conn.execute(f"INSERT INTO messages ({row['names']}) SELECT {row['names']} FROM planned")
    bare = time.perf_counter() - started
    await _take_away(conn, result.plan_id)
    return planned, bare, grown[0], result


async def _take_away(conn: Connection, plan_id: int) -> None:
    await conn.execute("DELETE FROM messages WHERE plan_id = %s", [plan_id])
    await conn.execute("DELETE FROM decisions WHERE plan_id = %s", [plan_id])
    await conn.execute("VACUUM messages, decisions")
    await conn.execute("CHECKPOINT")


@contextmanager
def _growth() -> Iterator[list[int]]:
    """By how many bytes this process's memory grew at its worst, looked at every 5 ms."""
    process, stop, grown = psutil.Process(), Event(), [0]
    gc.collect()
    before = process.memory_info().rss

    def watch() -> None:
        while not stop.wait(0.005):
            grown[0] = max(grown[0], process.memory_info().rss - before)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield grown
    finally:
        stop.set()
        watcher.join()
