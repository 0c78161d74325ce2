"""Planning: once per intent however often it runs, one planner at a time, every skip decided with its reason."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.errors import QueryCanceled

from community.bundle import Bundle
from community.database.partitions import ensure_months
from community.database.pool import Connection, Pool
from community.errors import UnknownStage
from community.outbox.halt import halt
from community.outbox.models import State
from community.outreach.plan import PLANNER_LOCK, PlanResult, plan, preview
from community.outreach.report import outcome
from community.outreach.triggers import mark_shown, waiting_triggers
from community.outreach.welcome import welcome_now
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import STEP, audiences, one, with_stages

DAY = timedelta(days=1)
NIGHT = datetime(2026, 3, 4, 16, tzinfo=UTC)
MORNING = datetime(2026, 3, 5, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def more_stages(tmp_path: Path) -> Iterator[None]:
    with audiences(tmp_path, "offer", "other_offer"):
        yield


async def drip(conn: Connection, bundle: Bundle, at: datetime = NOON, **options: Any) -> PlanResult:
    return await plan(conn, bundle, "welcome_drip", at, bot_id=BOT_ID, **options)


async def messages(conn: Connection) -> list[dict[str, Any]]:
    return await (await conn.execute("SELECT * FROM messages ORDER BY member_id, due_at, id")).fetchall()


async def decisions(conn: Connection) -> list[dict[str, Any]]:
    return await (await conn.execute("SELECT * FROM decisions ORDER BY at, id")).fetchall()


async def test_a_plan_is_a_row_with_its_counts(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member()
    await member(dm="blocked")
    result = await drip(conn, bundle)
    assert (result.send, result.deferred, result.already, result.skipped) == (2, 0, 0, {"blocked": 2})
    assert result.steps == {"welcome": {"send": 1, "blocked": 1}, "day_1": {"send": 1, "blocked": 1}}
    row = await one(await conn.execute("SELECT * FROM plans"))
    assert (row["id"], row["state"], row["as_of_at"], row["bundle"]) == (result.plan_id, "executed", NOON, bundle.hash)
    assert row["counts"]["skipped"] == {"blocked": 2}
    assert await outcome(conn, result.plan_id) == {"waiting": 2}


async def test_planning_the_same_again_late_or_for_a_subset_adds_nothing(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    first, second = await member(), await member()
    assert (await drip(conn, bundle, members=[first])).send == 2
    assert (await drip(conn, bundle, members=[first, second])).send == 2
    before = await messages(conn)
    for at in (NOON, NOON, NOON + timedelta(hours=3)):
        again = await drip(conn, bundle, at)
        assert (again.send, again.already) == (0, 4)
    assert (await drip(conn, bundle, members=[])).already == 0
    assert await messages(conn) == before


@pytest.mark.parametrize("settled", [state.value for state in State])
async def test_a_message_of_any_state_is_that_intents_message(
    conn: Connection, bundle: Bundle, member: MakeMember, settled: str
) -> None:
    await member()
    await drip(conn, bundle)
    await conn.execute("UPDATE messages SET state = %s", [settled])
    assert (await drip(conn, bundle)).send == 0


async def test_plans_in_parallel_add_each_message_once(pool: Pool, bundle: Bundle, member: MakeMember) -> None:
    for _ in range(5):
        await member()

    async def run() -> PlanResult:
        async with pool.connection() as conn:
            return await drip(conn, bundle)

    results = await asyncio.gather(*(run() for _ in range(6)))
    assert sorted(result.send for result in results) == [0, 0, 0, 0, 0, 10]
    async with pool.connection() as conn:
        assert len(await messages(conn)) == 10


async def test_two_stages_planned_at_once_never_give_a_member_both_under_a_cap_of_one(
    pool: Pool, bundle: Bundle, member: MakeMember
) -> None:
    """The planners overlap for certain: each first waits in the audience of many until the other has started."""
    both = with_stages(bundle, "offer", "other_offer", caps={"per_day": 1, "per_week": 5})
    async with pool.connection() as conn:
        await conn.execute(
            "INSERT INTO members (telegram_id, dm, first_seen_at, entered_at)"
            " SELECT i, 'open', %(at)s, %(at)s FROM generate_series(1, 500) AS i",
            {"at": NOON - DAY},
        )

    async def run(stage: str) -> PlanResult:
        async with pool.connection() as conn:
            return await plan(conn, both, stage, NOON, bot_id=BOT_ID)

    results = await asyncio.gather(run("offer"), run("other_offer"))
    assert sorted(result.send for result in results) == [0, 500]
    async with pool.connection() as conn:
        assert max(Counter(row["member_id"] for row in await messages(conn)).values()) == 1


async def test_a_planner_waits_for_the_one_before_it(pool: Pool, bundle: Bundle, member: MakeMember) -> None:
    """Without the advisory lock, the second would not see what the first has not committed."""
    both = with_stages(bundle, "offer", "other_offer", caps={"per_day": 1, "per_week": 5})
    await member()
    async with pool.connection() as first, pool.connection() as second:
        async with first.transaction():
            assert (await plan(first, both, "offer", NOON, bot_id=BOT_ID)).send == 1
            later = asyncio.create_task(plan(second, both, "other_offer", NOON, bot_id=BOT_ID))
            await until_waiting_for_a_lock(pool)
        assert (await later).skipped == {"outranked": 1}


async def until_waiting_for_a_lock(pool: Pool) -> None:
    async with asyncio.timeout(10), pool.connection() as conn:
        statement = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted"
        while not (await one(await conn.execute(statement)))["n"]:
            await asyncio.sleep(0.01)


async def in_blocks(conn: Connection, member: MakeMember) -> None:
    """Members in several shares, one of whom blocked the bot."""
    for block in range(1, 5):
        await conn.execute("SELECT setval(pg_get_serial_sequence('members', 'id'), %s)", [block * 4096])
        await member()
        await member(dm="blocked")


async def test_a_plan_shared_by_connections_is_the_plan_of_one(pool: Pool, bundle: Bundle, member: MakeMember) -> None:
    async with pool.connection() as conn, pool.connection() as second, pool.connection() as third:
        await in_blocks(conn, member)
        async with conn.transaction(force_rollback=True):
            alone = await drip(conn, bundle)
        result = await drip(conn, bundle, beside=[second, third])
        assert (result.send, result.skipped, result.steps) == (alone.send, alone.skipped, alone.steps)
        assert result.send == len(await messages(conn)) == 8
        again = await drip(conn, bundle, beside=[second])
        assert (again.send, again.already, again.skipped) == (0, 8, result.skipped)
        assert len(await decisions(conn)) == 8


async def test_of_a_shared_plan_nothing_remains_when_a_share_fails(
    pool: Pool, bundle: Bundle, member: MakeMember
) -> None:
    async with pool.connection() as conn, pool.connection() as second:
        await in_blocks(conn, member)
        await second.execute("SET statement_timeout = 1")
        with pytest.raises(QueryCanceled):
            await drip(conn, bundle, beside=[second])
        await second.execute("SET statement_timeout = 0")
        assert await messages(conn) == await decisions(conn) == []
        assert await (await conn.execute("SELECT FROM plans")).fetchall() == []


async def test_a_new_month_is_there_for_everyone_before_the_plan_begins(pool: Pool, bundle: Bundle) -> None:
    """Made in the plan's transaction, its lock would hold off every join until a plan of minutes has committed."""
    async with pool.connection() as first, pool.connection() as second:
        async with first.transaction():
            await first.execute("SELECT pg_advisory_xact_lock(%s)", [PLANNER_LOCK + BOT_ID])
            later = asyncio.create_task(drip(second, bundle))
            await until_waiting_for_a_lock(pool)
            found = await one(await first.execute("SELECT to_regclass('decisions_p2026_03') IS NOT NULL AS made"))
            assert found["made"]
        await later


async def test_welcome_does_not_wait_for_a_planner_at_work(pool: Pool, bundle: Bundle, member: MakeMember) -> None:
    old, new = await member(), await member(entered_at=NOON)
    async with pool.connection() as conn:
        await ensure_months(conn, "decisions", [NOON])
    async with pool.connection() as first, pool.connection() as second:
        async with first.transaction():
            await drip(first, bundle, members=[old])
            async with asyncio.timeout(10):
                assert await welcome_now(second, bundle, new, NOON, bot_id=BOT_ID) == 1
        assert (await drip(second, bundle)).send == 0


async def test_a_welcome_in_the_middle_of_a_plan_is_there_once(pool: Pool, bundle: Bundle, member: MakeMember) -> None:
    new = await member(entered_at=NOON)
    async with pool.connection() as first, pool.connection() as second:
        await ensure_months(first, "decisions", [NOON])
        async with first.transaction():
            assert await welcome_now(first, bundle, new, NOON, bot_id=BOT_ID) == 1
            planning = asyncio.create_task(drip(second, bundle))
            await asyncio.sleep(0.2)
            assert not planning.done(), "it waits to see whether the welcome is committed"
        assert (await planning).send == 0
        assert len(await messages(first)) == 1


async def test_several_steps_due_for_one_member_share_the_cap(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    steps = [{**STEP, "name": name, "class": lane} for name, lane in
             (("a", "campaign"), ("b", "renewal"), ("c", "campaign"), ("d", "payment"))]  # fmt: skip
    stage = with_stages(bundle, "offer", stage={"steps": steps}, caps={"per_day": 2, "per_week": 5})
    await member()
    result = await plan(conn, stage, "offer", NOON, bot_id=BOT_ID)
    assert (result.send, result.skipped) == (2, {"frequency_cap": 2})
    assert {row["step"] for row in await messages(conn)} == {"b", "d"}


async def test_quiet_hours_defer_to_the_morning(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member()
    result = await plan(conn, with_stages(bundle, "offer"), "offer", NIGHT, bot_id=BOT_ID)
    assert (result.send, result.deferred) == (1, 1)
    row = (await messages(conn))[0]
    assert (row["due_at"], row["reason"], row["state"]) == (MORNING, "quiet_hours", "waiting")


async def test_preview_equals_plan_and_writes_nothing(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    for columns in ({}, {"dm": "none"}, {"opted_out_at": NOON}, {"zone": "America/Lima"}):
        await member(entered_at=NOON - 2 * DAY, **columns)
    rows = await preview(conn, bundle, "welcome_drip", NOON)
    assert await messages(conn) == []
    assert await decisions(conn) == []
    assert (await (await conn.execute("SELECT 1 FROM plans")).fetchall()) == []
    await drip(conn, bundle)
    would = [(r["member_id"], r["step"], r["occurrence"], r["send_at"], r["lane"]) for r in rows if not r["reason"]]
    did = [(r["member_id"], r["step"], r["occurrence"], r["due_at"], r["lane"]) for r in await messages(conn)]
    assert sorted(did) == sorted(would)
    skipped = [(r["member_id"], r["step"], r["reason"], r["gates"]) for r in rows if r["reason"]]
    recorded = [(r["member_id"], r["step"], r["reason"], r["gates"]) for r in await decisions(conn)]
    assert sorted(recorded, key=str) == sorted(skipped, key=str)
    assert would
    assert skipped


async def test_a_decision_is_written_again_only_when_its_reason_changes(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    stage = with_stages(bundle, "offer")
    who = await member(opted_out_at=NOON)
    for hour in range(3):
        assert (await plan(conn, stage, "offer", NOON + timedelta(hours=hour), bot_id=BOT_ID)).skipped == {
            "opted_out": 1
        }
    await conn.execute("UPDATE members SET opted_out_at = NULL, dm = 'blocked' WHERE id = %s", [who])
    await plan(conn, stage, "offer", NOON + timedelta(hours=3), bot_id=BOT_ID)
    await conn.execute("UPDATE members SET dm = 'open', opted_out_at = %s WHERE id = %s", [NOON, who])
    await plan(conn, stage, "offer", NOON + timedelta(hours=4), bot_id=BOT_ID)
    assert [(row["at"].hour - NOON.hour, row["reason"]) for row in await decisions(conn)] == [
        (0, "opted_out"), (3, "blocked"), (4, "opted_out"),
    ]  # fmt: skip


async def test_a_halted_stage_is_decided_and_sent_once_resumed(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await member()
    await halt(conn, "stage:welcome_drip")
    assert (await drip(conn, bundle)).skipped == {"halted": 2}
    await conn.execute("DELETE FROM halts")
    assert (await drip(conn, bundle)).send == 2


async def test_messages_pin_bundle_goal_and_expiry(
    conn: Connection, edited: Any, bundle: Bundle, member: MakeMember
) -> None:
    goal = edited(goal="purchase")
    entered = NOON - DAY
    await member(entered_at=entered)
    await drip(conn, goal)
    rows = await messages(conn)
    assert {row["bundle"] for row in rows} == {goal.hash}
    assert {(row["goals"][0], row["goal_since_at"]) for row in rows} == {("purchase", entered)}
    ten_oclock = datetime(2026, 3, 4, 2, tzinfo=UTC)
    assert [row["expires_at"] for row in rows] == [entered + timedelta(days=3), ten_oclock + timedelta(hours=20)]
    assert [(row["promotional"], row["exempt"], row["lane"]) for row in rows] == [(False, True, 35), (True, False, 35)]


async def test_welcome_now_sends_the_immediate_step_and_leaves_a_trigger(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=NOON)
    assert await welcome_now(conn, bundle, who, NOON, bot_id=BOT_ID) == 1
    assert await welcome_now(conn, bundle, who, NOON, bot_id=BOT_ID) == 0
    waiting = await waiting_triggers(conn, "welcome_drip", 10)
    assert [(trigger.member_id, trigger.at) for trigger in waiting] == [(who, NOON), (who, NOON)]
    assert (await drip(conn, bundle, members=[who])).already == 1
    await mark_shown(conn, [trigger.id for trigger in waiting])
    assert await waiting_triggers(conn, "welcome_drip", 10) == []


async def test_welcome_now_rolls_back_with_what_caused_it(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member(entered_at=NOON)
    with pytest.raises(ZeroDivisionError):
        async with conn.transaction():
            await welcome_now(conn, bundle, who, NOON, bot_id=BOT_ID)
            raise ZeroDivisionError
    assert await messages(conn) == []
    assert await waiting_triggers(conn, "welcome_drip", 10) == []
    assert await welcome_now(conn, bundle, who, NOON, bot_id=BOT_ID) == 1


async def test_a_step_that_skips_when_late_is_stale_once_a_scheduled_run_has_missed_it(
    conn: Connection, bundle: Bundle, member: MakeMember, edited: Any
) -> None:
    steps = [{"name": "day_1", "day": 1, "at": "10:00", "expires_after": "20h", "promotional": True, "late": "skip"}]
    skipping = edited(steps=steps)
    await member(entered_at=NOON - DAY)
    ten_oclock = datetime(2026, 3, 4, 2, tzinfo=UTC)
    for minutes, expected in ((0, None), (1, "stale"), (61, "stale")):
        rows = await preview(conn, skipping, "welcome_drip", ten_oclock + timedelta(minutes=minutes))
        assert [row["reason"] for row in rows] == [expected], minutes
    await conn.execute("UPDATE members SET zone = 'Asia/Kolkata'")
    for minutes, expected in ((150, None), (180, None), (181, "stale")):
        rows = await preview(conn, skipping, "welcome_drip", ten_oclock + timedelta(minutes=minutes))
        assert [row["reason"] for row in rows] == [expected], minutes


async def test_unknown_stages_are_named(conn: Connection, bundle: Bundle) -> None:
    with pytest.raises(UnknownStage, match="nothing"):
        await plan(conn, bundle, "nothing", NOON, bot_id=BOT_ID)
    with pytest.raises(UnknownStage, match=r"no_audience\.sql"):
        await plan(conn, with_stages(bundle, "no_audience"), "no_audience", NOON, bot_id=BOT_ID)
