"""Rows `planning` and `planning-hard`: a stage planned over a million members, beside a bare INSERT … SELECT.

1,000,000 members and every gate active, 125,000 candidates. `planning`: 3,000,000 sends in the last 7 days, about
100,000 pass. `planning-hard`: 8,000,000 sends there, three in ten pass, most others have had their two of the day. The
reference inserts the very messages the plan added into the same table with the same indexes, in the same run, in turn
with the plan, which is shared by two connections as the flow's. Memory is what this process grows by while it plans.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from community.bundle import Bundle, load_bundle
from community.database.pool import Connection, connect
from community.outbox.bundles import publish
from community.outreach.plan import PlanResult, plan
from tests.benchmarks.harness import BOT_ID, NOON, ROOT, Row, database, growth, install

MEMBERS, CANDIDATES = 1_000_000, 125_000
STAGE = "welcome_drip"
ENTERED = NOON - timedelta(hours=26)
"""Yesterday morning: `welcome` was sent, `day_1` is due."""


@dataclass(frozen=True)
class World:
    """What the members have been sent in the last 7 days: so many each, to some of them two within the last hours."""

    sends_each: int
    per_week: int
    two_today: str
    """Of which members, as a condition on their number `m.id`."""
    rounds: int


EASY = World(3, per_week=5, two_today="m.id % 25 = 7", rounds=5)
HARD = World(8, per_week=12, two_today="m.id % 40 > 7 AND m.id % 40 < 31", rounds=3)
PER_CANDIDATE_S = 15e-6


async def run() -> Row:
    """Row `planning`."""
    planned, bare, grown, result = zip(*await _rounds(EASY), strict=True)
    ratio = statistics.median(p / b for p, b in zip(planned, bare, strict=True))
    passed = ratio <= 2 and max(grown) <= 50e6 and abs(result[0].send - 100_000) <= 2_000
    reference = {"bare INSERT … SELECT, s": statistics.median(bare)}
    details = _details(result[0], grown)
    return Row("planning", statistics.median(planned), "s", reference, ratio, "≤ 2 × bare, ≤ +50 MB", passed, details)


async def run_hard() -> Row:
    """Row `planning-hard`."""
    planned, bare, grown, result = zip(*await _rounds(HARD), strict=True)
    each = statistics.median((p - b) / CANDIDATES for p, b in zip(planned, bare, strict=True))
    passed = each <= PER_CANDIDATE_S and abs(result[0].send - 0.3 * CANDIDATES) <= 0.02 * CANDIDATES
    details = {"µs per candidate beyond bare": round(each * 1e6, 1), **_details(result[0], grown)}
    reference = {"bare INSERT … SELECT, s": statistics.median(bare)}
    ratio = each / PER_CANDIDATE_S
    target = "≤ bare + 15 µs per candidate"
    return Row("planning-hard", statistics.median(planned), "s", reference, ratio, target, passed, details)


Round = tuple[float, float, int, PlanResult]


async def _rounds(world: World) -> list[Round]:
    """Fill, then plan and insert in turn."""
    with database() as url:
        await install(url, rate=None)
        async with await connect(url) as conn, await connect(url) as beside:
            bundle = await _all_gates(conn, world.per_week)
            await _members(conn)
            await _history(conn, world)
            await conn.execute("VACUUM ANALYZE")
            return [await _round(conn, beside, bundle) for _ in range(world.rounds)]


def _details(result: PlanResult, grown: Sequence[int]) -> dict[str, float | int | str]:
    memory = round(max(grown) / 1e6, 1)
    return {"passed": result.send, **result.skipped, "deferred": result.deferred, "memory +MB": memory}


async def _all_gates(conn: Connection, per_week: int) -> Bundle:
    """The shipped playbook with a holdout and a goal, so that no gate is idle."""
    shipped = load_bundle(ROOT / "templates")
    stages = {STAGE: {**shipped.source["stages"][STAGE], "goal": "purchase", "holdout": "2%"}}
    source = {
        **shipped.source,
        "caps": {"per_day": 2, "per_week": per_week},
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


async def _history(conn: Connection, world: World) -> None:
    """Promotional sends of the last 7 days to everyone. All candidates are welcomed."""
    two_today = world.two_today.replace("%", "%%")
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, planned_at,"
        " due_at, state, sent_at)"
        " SELECT %(bot)s, m.id, m.telegram_id, 55, 'past', 'step_' || n, 'x', true, s.at, s.at, 'sent', s.at"
        " FROM members m, generate_series(1, %(each)s) AS n, LATERAL (SELECT %(now)s -"
        f" CASE WHEN {two_today} AND n < 3 THEN make_interval(hours => n)"
        " ELSE make_interval(hours => 26 + 140 * n / %(each)s) END AS at) AS s",
        {"bot": BOT_ID, "now": NOON, "each": world.sends_each},
    )
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, planned_at, due_at, state,"
        " sent_at) SELECT %(bot)s, id, telegram_id, 35, %(stage)s, 'welcome',"
        " to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), entered_at, entered_at, 'sent', entered_at"
        " FROM members WHERE entered_at = %(entered)s",
        {"bot": BOT_ID, "stage": STAGE, "entered": ENTERED},
    )


async def _round(conn: Connection, beside: Connection, bundle: Bundle) -> Round:
    """Plan; take the rows away; insert them barely; take them away again. Seconds, seconds, bytes grown, result."""
    with growth() as grown:
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
