"""The claim: what is due, in order, within every limit, re-judged by the gates, and never the same row twice."""

import asyncio
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from community.bundle import Bundle
from community.channels.channel import Outcome, Result
from community.database.pool import Connection, Pool
from community.outbox.claim import MARGIN, Claim, claim, ensure_budget, next_slot
from community.outbox.halt import halt, resume
from community.outbox.record import Delivered, Recorder
from community.outbox.recover import recover
from community.outbox.settle import confirm, retry, settle
from tests.integration.conftest import BOT_ID, NOON, MakeMember, past_send
from tests.integration.rows import message, one, put, put_many, reach, set_member, state, states, with_stages

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NIGHT = datetime(2026, 3, 4, 16, tzinfo=UTC)


async def take(conn: Connection, bundle: Bundle, at: datetime = NOON, limit: int = 32, process: str = "one") -> Claim:
    return await claim(conn, BOT_ID, bundle.playbook, at, process, limit)


async def taken(conn: Connection, bundle: Bundle, at: datetime = NOON, limit: int = 32) -> list[int]:
    return [row["id"] for row in (await take(conn, bundle, at, limit)).rows]


async def record(conn: Connection, row: dict[str, Any], outcome: Outcome) -> None:
    await Recorder(BOT_ID).record(conn, [Delivered(row, outcome)])


async def test_a_claimed_message_is_sending_with_a_lease(conn: Connection, bundle: Bundle) -> None:
    number = await put(conn)
    assert await taken(conn, bundle) == [number]
    row = await message(conn, number)
    assert (row["state"], row["sent_at"], row["attempts"], row["claimed_by"]) == ("sending", NOON, 1, "one")
    assert row["lease_until_wall"] > datetime.now(UTC)
    assert await taken(conn, bundle) == []


async def test_at_most_32_whatever_is_asked_for(conn: Connection, bundle: Bundle) -> None:
    await put_many(conn, 100)
    assert len(await taken(conn, bundle, limit=1000)) == 32
    assert len(await taken(conn, bundle, limit=5)) == 5


async def test_another_bots_messages_are_left_to_it(conn: Connection, bundle: Bundle) -> None:
    await ensure_budget(conn, BOT_ID + 1, None)
    theirs, ours = await put(conn, bot_id=BOT_ID + 1), await put(conn)
    assert await taken(conn, bundle) == [ours]
    found = await claim(conn, BOT_ID + 1, bundle.playbook, NOON, "their process", 32)
    assert [row["id"] for row in found.rows] == [theirs]


async def test_nothing_before_it_is_due(conn: Connection, bundle: Bundle) -> None:
    number = await put(conn, due_at=NOON + HOUR)
    assert await taken(conn, bundle) == []
    assert await taken(conn, bundle, NOON + HOUR) == [number]


async def test_lanes_then_due_time(conn: Connection, bundle: Bundle) -> None:
    campaign = await put(conn, lane=55, due_at=NOON - DAY)
    late, early = await put(conn, lane=35, stage="a"), await put(conn, lane=35, stage="b", due_at=NOON - HOUR)
    reply = await put(conn, lane=5)
    assert await taken(conn, bundle, limit=2) == [reply, early]
    assert await taken(conn, bundle) == [late, campaign]


async def test_one_message_a_chat_and_in_order(conn: Connection, bundle: Bundle) -> None:
    numbers = [await put(conn, chat_id=7, due_at=NOON - timedelta(minutes=minute)) for minute in (1, 3, 2)]
    order = [numbers[1], numbers[2], numbers[0]]
    for number in order:
        found = await take(conn, bundle)
        assert [row["id"] for row in found.rows] == [number]
        assert await taken(conn, bundle) == [], "another is on its way there"
        await record(conn, found.rows[0], Outcome(Result.sent))


async def test_a_message_that_must_go_again_is_not_overtaken_in_its_chat(conn: Connection, bundle: Bundle) -> None:
    """The welcome has to arrive before the approval that ends the right to write."""
    welcome = await put(conn, chat_id=7)
    await put(conn, chat_id=7, method="approveChatJoinRequest")
    other = await put(conn, chat_id=8)
    found = await take(conn, bundle, limit=1)
    assert [row["id"] for row in found.rows] == [welcome]
    await record(conn, found.rows[0], Outcome(Result.later, "not_connected", retry_after_s=60))
    assert await taken(conn, bundle) == [other]
    await conn.execute("UPDATE messages SET not_before_wall = NULL")
    await conn.execute("DELETE FROM chat_paces")
    assert await taken(conn, bundle) == [welcome]


# The gates once more, as the world changed since planning.


async def planned(conn: Connection, who: int, **columns: Any) -> int:
    chat = await one(await conn.execute("SELECT telegram_id FROM members WHERE id = %s", [who]))
    values = {"promotional": True, "exempt": False, "expires_at": NOON + DAY, **columns}
    return await put(conn, member_id=who, chat_id=chat["telegram_id"], **values)


async def test_changes_between_plan_and_send_settle_the_message_with_their_reason(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    changes: dict[str, tuple[dict[str, Any], str]] = {
        "opted_out": ({"opted_out_at": NOON}, "cancelled"),
        "blocked": ({"dm": "blocked"}, "cancelled"),
        "gone": ({"dm": "gone"}, "cancelled"),
        "unreachable": ({"dm": "none"}, "cancelled"),
    }
    expected = {}
    for reason, (change, settled) in changes.items():
        who = await member()
        expected[await planned(conn, who)] = (settled, reason)
        await set_member(conn, who, **change)
    buyer = await member()
    expected[await planned(conn, buyer, goals=["purchase"], goal_since_at=NOON - DAY)] = ("cancelled", "goal_reached")
    expected[await planned(conn, await member(), expires_at=NOON)] = ("expired", "stale")
    await reach(conn, buyer, "purchase", NOON)
    found = await take(conn, bundle)
    assert (found.rows, found.settled) == ([], len(expected))
    assert {number: await state(conn, number) for number in expected} == expected
    assert (await one(await conn.execute("SELECT count(sent_at) + sum(attempts) AS n FROM messages")))["n"] == 0


async def test_quiet_hours_and_cap_put_off_at_the_claim(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    quiet = await planned(conn, await member(), due_at=NIGHT - HOUR, expires_at=NIGHT + DAY)
    short = await planned(conn, await member(), due_at=NIGHT - HOUR, expires_at=NIGHT + HOUR)
    assert await taken(conn, bundle, NIGHT) == []
    row = await message(conn, quiet)
    assert (row["state"], row["reason"], row["due_at"]) == (
        "waiting", "quiet_hours", datetime(2026, 3, 5, 0, 30, tzinfo=UTC),
    )  # fmt: skip
    assert await state(conn, short) == ("expired", "quiet_hours")


async def test_cap_at_the_claim_counts_what_was_sent_meanwhile(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    capped = await planned(conn, who)
    last = await planned(conn, who, expires_at=NOON + timedelta(minutes=50), due_at=NOON + timedelta(minutes=1))
    for hours in (1, 2):
        await past_send(conn, who, NOON - timedelta(hours=hours), "past")
    assert await taken(conn, bundle) == []
    row = await message(conn, capped)
    assert (row["state"], row["reason"], row["due_at"]) == ("waiting", "frequency_cap", NOON + HOUR)
    assert await taken(conn, bundle, NOON + timedelta(minutes=1)) == []
    assert await state(conn, last) == ("expired", "frequency_cap")
    assert await taken(conn, bundle, NOON + timedelta(hours=22, minutes=59)) == [capped]


async def test_cap_is_shared_by_priority(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """One left of the cap, and a renewal waits: the campaign leaves it to the renewal."""
    who = await member()
    await past_send(conn, who, NOON - HOUR, "past")
    campaign = await planned(conn, who, lane=55, due_at=NOON - HOUR)
    renewal = await planned(conn, who, lane=45, due_at=NOON + timedelta(minutes=5))
    assert await taken(conn, bundle) == []
    assert await state(conn, campaign) == ("waiting", "outranked")
    assert await taken(conn, bundle, NOON + timedelta(minutes=5)) == [renewal]


async def test_exempt_messages_pass_cap_quiet_hours_and_opt_out(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(opted_out_at=NOON)
    number = await planned(conn, who, exempt=True, promotional=False)
    assert await taken(conn, bundle, NIGHT - timedelta(seconds=1)) == [number]


async def test_holdout_is_pinned_at_planning(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await planned(conn, await member())
    everyone = with_stages(bundle, holdout={"global": "100%", "salt": "x"})
    assert await taken(conn, everyone) == [number]


async def test_group_messages_have_no_member_to_judge(conn: Connection, bundle: Bundle) -> None:
    number = await put(conn, chat_id=-1001, exempt=False, expires_at=NOON + HOUR)
    stale = await put(conn, chat_id=-1002, exempt=False, expires_at=NOON)
    assert await taken(conn, bundle) == [number]
    assert await state(conn, stale) == ("expired", "stale")
    several = [await put(conn, chat_id=-2000 - i, exempt=False, promotional=True) for i in range(5)]
    assert await taken(conn, bundle) == several, "no member, no cap"


async def test_who_left_while_a_planner_was_at_work_is_not_written_to(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """What the planner adds when they have left was not there yet to be dropped."""
    gone, back, stays = [await member() for _ in range(3)]
    expected = {
        await planned(conn, gone): ("cancelled", "left"),
        await planned(conn, gone, exempt=True): ("sending", None),
        await planned(conn, back, planned_at=NOON + HOUR): ("sending", None),
        await planned(conn, stays): ("sending", None),
    }
    await set_member(conn, gone, left_at=NOON)
    await set_member(conn, back, left_at=NOON)
    for _ in range(2):
        await take(conn, bundle, NOON + 2 * HOUR)
    assert {number: await state(conn, number) for number in expected} == expected


async def test_a_late_answer_after_an_operators_retry_counts_against_the_cap(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """Its sender slept past its lease, an operator sent it again, and then the sender says that it had arrived."""
    number = await planned(conn, await member())
    found = await take(conn, bundle)
    await conn.execute("UPDATE messages SET lease_until_wall = clock_timestamp() - interval '1 second'")
    await recover(conn, BOT_ID, NOON)
    assert await retry(conn, [number]) == 1
    await record(conn, found.rows[0], Outcome(Result.sent))
    row = await message(conn, number)
    assert (row["state"], row["sent_at"], row["counts_at"]) == ("sent", NOON, NOON)


# Halts.


@pytest.mark.parametrize("scope", ["all", "stage:test", "chat:7"])
async def test_what_is_halted_waits_and_expires_after_resuming(conn: Connection, bundle: Bundle, scope: str) -> None:
    await put(conn, chat_id=7)
    stale = await put(conn, chat_id=7, expires_at=NOON + HOUR)
    await halt(conn, scope)
    assert await taken(conn, bundle) == []
    assert await states(conn) == {"waiting": 2}
    await resume(conn, scope)
    found = await take(conn, bundle, NOON + 2 * HOUR)
    await record(conn, found.rows[0], Outcome(Result.sent))
    await take(conn, bundle, NOON + 2 * HOUR)
    assert await state(conn, stale) == ("expired", "stale")


async def test_a_halted_chat_with_many_waiting_does_not_hold_the_others_of_its_stage(
    conn: Connection, bundle: Bundle
) -> None:
    await put_many(conn, 40, chats=1, due_at=NOON - HOUR)
    other = await put(conn)
    await halt(conn, "chat:900000")
    assert await taken(conn, bundle) == [other]


async def test_a_halted_stage_with_thousands_waiting_neither_blocks_nor_slows_the_others(
    conn: Connection, bundle: Bundle
) -> None:
    await put_many(conn, 20_000, stage="frozen", lane=15)
    await put_many(conn, 20_000, stage="tomorrow", lane=25, due_at=NOON + DAY)
    await halt(conn, "stage:frozen")
    numbers = [await put(conn, lane=55, stage="going") for _ in range(3)]
    await conn.execute("ANALYZE messages")
    await conn.execute("SELECT pg_stat_reset_single_table_counters('messages'::regclass)")
    async with conn.transaction():
        assert sorted(await taken(conn, bundle)) == numbers
        read = await one(
            await conn.execute(
                "SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables WHERE relname = 'messages'"
            )
        )
    assert read["rows"] < 2_000, "by whatever plan, not all that waits"


# Never the same row twice.


async def test_claimers_side_by_side_never_get_the_same_row(pool: Pool, bundle: Bundle) -> None:
    chance = random.Random(5)
    async with pool.connection() as conn:
        await put_many(conn, 400, chats=150)
    seen: list[int] = []
    chats: Counter[int] = Counter()

    async def claimer(name: str) -> None:
        async with pool.connection() as conn:
            while True:
                found = await take(conn, bundle, limit=chance.randint(1, 32), process=name)
                for row in found.rows:
                    seen.append(row["id"])
                    chats[row["chat_id"]] += 1
                    assert chats[row["chat_id"]] == 1, "two at once to a chat"
                await asyncio.sleep(0)
                for row in found.rows:
                    chats[row["chat_id"]] -= 1
                await Recorder(BOT_ID).record(conn, [Delivered(row, Outcome(Result.sent)) for row in found.rows])
                if not (await one(await conn.execute("SELECT count(*) AS n FROM messages WHERE state = 'waiting'")))[
                    "n"
                ]:
                    return

    await asyncio.gather(*(claimer(f"p{number}") for number in range(6)))
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == 400


# The budget.


async def test_slots_of_two_processes_are_spaced_by_the_rate(pool: Pool, bundle: Bundle) -> None:
    async with pool.connection() as conn:
        await ensure_budget(conn, BOT_ID, 200)
        await put_many(conn, 150)
    slots: list[float] = []

    async def claimer(name: str) -> None:
        async with pool.connection() as conn:
            while len(slots) < 150:
                found = await take(conn, bundle, limit=7, process=name)
                slots.extend(row["slot"] for row in found.rows)
                if found.next_in_s:
                    await asyncio.sleep(found.next_in_s)

    async with asyncio.timeout(20):
        await asyncio.gather(claimer("one"), claimer("two"))
    gaps = [second - first for first, second in pairwise(sorted(slots))]
    # The machine's clocks are read at each claim: what a claim takes may shift one slot against the next.
    assert sum(gap < 0.9 / 200 for gap in gaps) <= len(gaps) * 0.1
    assert max(slots) - min(slots) >= 149 * 0.98 / 200


async def test_slots_in_the_past_are_lost(conn: Connection, bundle: Bundle) -> None:
    await ensure_budget(conn, BOT_ID, 30)
    await conn.execute("UPDATE budgets SET next_wall = clock_timestamp() - interval '1 hour'")
    await put_many(conn, 100)
    before = time.monotonic()
    found = await take(conn, bundle)
    assert 7 <= len(found.rows) <= 9, "no more than a quarter of a second ahead"
    assert all(row["slot"] >= before for row in found.rows)
    more = len((await take(conn, bundle)).rows)
    assert len(found.rows) + more <= 2 + 30 * (0.25 + time.monotonic() - before)


async def test_a_claim_that_waited_for_the_budget_reads_the_clock_afterwards(pool: Pool, bundle: Bundle) -> None:
    """Else its slots would start in the past, and the next claim's on top of them."""
    async with pool.connection() as holder, pool.connection() as waiter:
        await ensure_budget(holder, BOT_ID, 30)
        await put_many(holder, 10)
        async with holder.transaction():
            await holder.execute("SELECT FROM budgets FOR UPDATE")
            waiting = asyncio.create_task(take(waiter, bundle, limit=1))
            while not (await one(await holder.execute("SELECT count(*) AS n FROM pg_locks WHERE NOT granted")))["n"]:
                await asyncio.sleep(0.01)
            await holder.execute("SELECT pg_sleep(0.3)")
            released = (await one(await holder.execute("SELECT clock_timestamp() AS at")))["at"]
        await waiting
        row = await one(await holder.execute("SELECT next_wall FROM budgets"))
    assert row["next_wall"] >= released + timedelta(seconds=MARGIN / 30)


async def test_a_frozen_bot_claims_nothing(conn: Connection, bundle: Bundle) -> None:
    await put(conn)
    for rate in (None, 30):
        await ensure_budget(conn, BOT_ID, rate)
        await conn.execute("UPDATE budgets SET frozen_until_wall = clock_timestamp() + interval '10 s'")
        found = await take(conn, bundle)
        assert found.rows == []
        assert found.next_in_s is not None
        assert 8 < found.next_in_s <= 10
    await conn.execute("UPDATE budgets SET frozen_until_wall = clock_timestamp()")
    assert len(await taken(conn, bundle)) == 1


async def test_chats_have_a_pace_of_their_own(conn: Connection, bundle: Bundle) -> None:
    await ensure_budget(conn, BOT_ID, 30)
    for chat in (7, 7, -100, -100):
        await put(conn, chat_id=chat)
    found = await take(conn, bundle)
    assert [row["chat_id"] for row in found.rows] == [7, -100]
    for row in found.rows:
        await record(conn, row, Outcome(Result.sent))
    assert await taken(conn, bundle) == []
    paces = await (
        await conn.execute("SELECT chat_id, next_wall - %s AS wait FROM chat_paces", [datetime.now(UTC)])
    ).fetchall()
    waits = {row["chat_id"]: row["wait"].total_seconds() for row in paces}
    assert 0.8 < waits[7] <= 1.2, "one a second in private"
    assert 2.8 < waits[-100] <= 3.3, "twenty a minute in a group"
    await conn.execute("UPDATE chat_paces SET next_wall = clock_timestamp() WHERE chat_id = 7")
    assert [row["chat_id"] for row in (await take(conn, bundle)).rows] == [7]


async def test_next_slot_takes_one_from_the_same_budget(conn: Connection, bundle: Bundle) -> None:
    await ensure_budget(conn, BOT_ID, 20)
    first, second = await next_slot(conn, BOT_ID), await next_slot(conn, BOT_ID)
    assert second - first == pytest.approx(MARGIN / 20, abs=0.02)
    await ensure_budget(conn, BOT_ID, None)
    assert await next_slot(conn, BOT_ID) <= time.monotonic()


# Leases and late answers.


async def lose_lease(conn: Connection) -> None:
    await conn.execute("UPDATE messages SET lease_until_wall = clock_timestamp() - interval '1 s'")


async def test_a_dead_process_leaves_marketing_uncertain_and_the_rest_waiting(conn: Connection, bundle: Bundle) -> None:
    marketing, receipt = await put(conn, promotional=True), await put(conn)
    await take(conn, bundle)
    assert (await recover(conn, BOT_ID, NOON)) == type(await recover(conn, BOT_ID, NOON))(0, 0, 0)
    await lose_lease(conn)
    recovered = await recover(conn, BOT_ID, NOON)
    assert (recovered.again, recovered.uncertain) == (1, 1)
    assert await state(conn, marketing) == ("uncertain", "lease_lost")
    assert await taken(conn, bundle) == [receipt]
    assert (await message(conn, receipt))["attempts"] == 2


@pytest.mark.parametrize("promotional", [True, False])
async def test_a_late_answer_turns_doubt_into_sent(conn: Connection, bundle: Bundle, promotional: bool) -> None:
    number = await put(conn, promotional=promotional)
    row = (await take(conn, bundle)).rows[0]
    await lose_lease(conn)
    await recover(conn, BOT_ID, NOON)
    await record(conn, row, Outcome(Result.sent, telegram_message_id=5))
    found = await message(conn, number)
    assert (found["state"], found["telegram_message_id"], found["sent_at"]) == ("sent", 5, NOON)


@pytest.mark.parametrize("result", [Result.refused, Result.unknown, Result.later])
async def test_a_late_answer_overwrites_nothing_else(conn: Connection, bundle: Bundle, result: Result) -> None:
    number = await put(conn, promotional=True)
    row = (await take(conn, bundle)).rows[0]
    await lose_lease(conn)
    await recover(conn, BOT_ID, NOON)
    before = await message(conn, number)
    await record(conn, row, Outcome(result, "late"))
    assert await message(conn, number) == before


async def test_a_late_answer_does_not_touch_a_second_attempt(conn: Connection, bundle: Bundle) -> None:
    number = await put(conn)
    first = (await take(conn, bundle)).rows[0]
    await lose_lease(conn)
    await recover(conn, BOT_ID, NOON)
    second = (await take(conn, bundle, process="two")).rows[0]
    for outcome in (Outcome(Result.refused, "blocked"), Outcome(Result.sent)):
        await record(conn, first, outcome)
        assert (await message(conn, number))["state"] == "sending"
    await record(conn, second, Outcome(Result.sent))
    await record(conn, second, Outcome(Result.refused, "blocked"))
    assert await state(conn, number) == ("sent", None)


async def test_a_click_or_an_operator_settles_the_uncertain(conn: Connection, bundle: Bundle) -> None:
    clicked, wrong, again, sent = [
        await put(conn, promotional=True, state=value) for value in ("uncertain", "uncertain", "uncertain", "sent")
    ]
    assert await confirm(conn, clicked)
    assert not await confirm(conn, clicked)
    assert not await confirm(conn, sent)
    assert await state(conn, clicked) == ("sent", "confirmed_by_member")
    assert await settle(conn, [wrong, sent], arrived=False) == 1
    assert await state(conn, wrong) == ("failed", "settled_by_operator")
    assert await retry(conn, [again, wrong, sent]) == 2
    assert sorted(await taken(conn, bundle)) == [wrong, again]


async def test_recover_expires_what_waits_too_long(conn: Connection, bundle: Bundle) -> None:
    over = await put(conn, expires_at=NOON)
    await put(conn, expires_at=NOON + HOUR)
    assert (await recover(conn, BOT_ID, NOON)).expired == 1
    assert await state(conn, over) == ("expired", "stale")
