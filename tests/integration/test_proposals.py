"""Proposals: frozen, judged once, decided once; executed as they were, less what the guardrails stop by then."""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.errors import ProposalRefused, SopError, UnknownProposal
from community.outbox.bundles import publish
from community.outreach.decide import decide, execute, lapse, outcome, stopped
from community.outreach.plan import TooMany, plan
from community.outreach.proposals import find_proposal, propose_backfill, propose_send, sample
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import only_message, set_member

STAGE = "welcome_drip"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TODAY = date(2026, 3, 4)
LATER = [
    {"name": name, "day": day, "at": "10:00", "expires_after": "20d", "promotional": True, "late": "send"}
    for name, day in (("day_1", 1), ("day_2", 2), ("day_3", 3))
]
Edit = Callable[..., Bundle]


async def planned(conn: Connection) -> list[tuple[int, str]]:
    rows = await (await conn.execute("SELECT member_id, step FROM messages ORDER BY member_id, step")).fetchall()
    return [(row["member_id"], row["step"]) for row in rows]


async def approve(conn: Connection, bundle: Bundle, plan_id: int, decision: str = "send") -> None:
    decided = await decide(conn, plan_id, decision, NOON, by="Ada", how="command", note="", bot_id=BOT_ID)
    assert decided is not None


async def run(conn: Connection, bundle: Bundle, plan_id: int, at=NOON):  # type: ignore[no-untyped-def]
    return await execute(conn, bundle, bundle, plan_id, at, bot_id=BOT_ID)


@pytest.fixture
async def drip(conn: Connection, bundle: Bundle, edited: Edit) -> Bundle:
    """Three steps that stay useful for weeks, in force; caps as shipped."""
    patient = edited(steps=LATER)
    await publish(conn, patient, "patient")
    return patient


async def test_a_backfill_shows_days_steps_and_reasons_and_writes_no_message(
    conn: Connection, drip: Bundle, member: MakeMember
) -> None:
    await member(entered_at=NOON - 3 * DAY)
    await member(entered_at=NOON - 3 * DAY, opted_out_at=NOON)
    found = await propose_backfill(conn, drip, STAGE, TODAY - 2 * DAY, TODAY, NOON, bot_id=BOT_ID)
    assert await planned(conn) == []
    assert found.counts["days"] == {
        "2026-03-02": {"day_1": {"send": 1, "opted_out": 1}},
        "2026-03-03": {"day_2": {"send": 1, "opted_out": 1}},
        "2026-03-04": {"day_3": {"frequency_cap": 1, "opted_out": 1}},
    }
    assert (found.send, found.counts["skipped"]) == (2, {"frequency_cap": 1, "opted_out": 3})
    assert (await find_proposal(conn, found.hash[:8])).id == found.id
    assert (await find_proposal(conn, str(found.id))).hash == found.hash
    assert [row["step"] for row in await sample(conn, found.id, 1)] == ["day_1", "day_2"]


async def test_what_is_due_at_midnight_belongs_to_the_day_that_begins(
    conn: Connection, edited: Edit, bundle: Bundle, member: MakeMember
) -> None:
    midnight = edited(steps=[{**LATER[0], "at": "00:00"}], quiet_hours=None)
    await member(entered_at=NOON - DAY)
    yesterday = await propose_backfill(conn, midnight, STAGE, TODAY - DAY, TODAY - DAY, NOON, bot_id=BOT_ID)
    assert yesterday.send == 0
    found = await propose_backfill(conn, midnight, STAGE, TODAY, TODAY, NOON, bot_id=BOT_ID)
    assert found.counts["days"] == {"2026-03-04": {"day_1": {"send": 1}}}


async def test_the_cap_sees_all_days_of_a_backfill_together(conn: Connection, drip: Bundle, member: MakeMember) -> None:
    who = await member(entered_at=NOON - 3 * DAY)
    found = await propose_backfill(conn, drip, STAGE, TODAY - 2 * DAY, TODAY, NOON, bot_id=BOT_ID)
    await approve(conn, drip, found.id)
    done = await run(conn, drip, found.id)
    assert (done.sent, done.state) == (2, "executed")
    assert await planned(conn) == [(who, "day_1"), (who, "day_2")]


async def test_approving_executes_what_was_frozen_and_never_adds(
    conn: Connection, drip: Bundle, member: MakeMember
) -> None:
    old = [await member(entered_at=NOON - 2 * DAY) for _ in range(60)]
    found = await propose_backfill(conn, drip, STAGE, TODAY - DAY, TODAY, NOON, bot_id=BOT_ID)
    await member(entered_at=NOON - 2 * DAY)
    await set_member(conn, old[0], opted_out_at=NOON)
    await approve(conn, drip, found.id)
    done = await run(conn, drip, found.id)
    assert (done.sent, done.stopped, done.left) == (118, {"opted_out": 2}, 0)
    assert {who for who, _ in await planned(conn)} == set(old[1:])
    assert [(row["member_id"], row["reason"]) for row in await stopped(conn, found.id, 9)] == [
        (old[0], "opted_out")
    ] * 2
    decisions = await (await conn.execute("SELECT member_id, reason FROM decisions")).fetchall()
    assert [tuple(row.values()) for row in decisions] == [(old[0], "opted_out")] * 2


async def test_what_it_offers_is_issued_when_it_is_executed(
    conn: Connection, bundle: Bundle, edited: Edit, member: MakeMember
) -> None:
    offering = edited(steps=[{**LATER[0], "offer": "renewal"}])
    await publish(conn, offering, "with an offer")
    who = [await member(entered_at=NOON - DAY) for _ in range(3)]
    found = await propose_backfill(conn, offering, STAGE, TODAY, TODAY, NOON, bot_id=BOT_ID)
    issued = (
        "SELECT c.member_id, m.context ->> 'coupon' = c.code AS named FROM coupons c JOIN messages m USING (member_id)"
    )
    assert await (await conn.execute(issued)).fetchall() == []
    await approve(conn, offering, found.id)
    await run(conn, offering, found.id)
    rows = await (await conn.execute(f"{issued} ORDER BY 1")).fetchall()
    assert rows == [{"member_id": each, "named": True} for each in who]


async def test_executing_again_and_backfilling_again_add_nothing(
    conn: Connection, drip: Bundle, member: MakeMember
) -> None:
    await member(entered_at=NOON - 2 * DAY)
    for _ in range(2):
        found = await propose_backfill(conn, drip, STAGE, TODAY - 5 * DAY, TODAY, NOON, bot_id=BOT_ID)
        await approve(conn, drip, found.id)
        assert await run(conn, drip, found.id) is not None
        assert await run(conn, drip, found.id) is None
    assert len(await planned(conn)) == 2


async def test_what_a_run_has_planned_meanwhile_is_not_sent_twice(
    conn: Connection, drip: Bundle, member: MakeMember
) -> None:
    await member(entered_at=NOON - DAY)
    found = await propose_backfill(conn, drip, STAGE, TODAY, TODAY, NOON, bot_id=BOT_ID)
    assert (await plan(conn, drip, STAGE, NOON, bot_id=BOT_ID)).send == 1
    await approve(conn, drip, found.id)
    done = await run(conn, drip, found.id)
    assert (done.sent, done.already) == (0, 1)


async def test_whoever_left_since_is_not_written_to(conn: Connection, drip: Bundle, member: MakeMember) -> None:
    people = [await member(entered_at=NOON - DAY) for _ in range(60)]
    days = await propose_backfill(conn, drip, STAGE, TODAY, TODAY, NOON, bot_id=BOT_ID)
    await set_member(conn, people[0], left_at=NOON + HOUR)
    await approve(conn, drip, days.id)
    done = await run(conn, drip, days.id, NOON + 2 * HOUR)
    assert done is not None
    assert (done.sent, done.stopped) == (59, {"left": 1})
    assert done.days == {TODAY: {"day_1": {"sent": 59, "left": 1}}}


async def test_refused_when_more_than_two_percent_fell_out(conn: Connection, drip: Bundle, member: MakeMember) -> None:
    people = [await member(entered_at=NOON - DAY) for _ in range(40)]
    found = await propose_backfill(conn, drip, STAGE, TODAY, TODAY, NOON, bot_id=BOT_ID)
    await set_member(conn, people[0], dm="blocked")
    await approve(conn, drip, found.id)
    with pytest.raises(ProposalRefused, match=r"1 of 40 messages are not right any more \(blocked 1\)"):
        await run(conn, drip, found.id)
    assert await planned(conn) == []


async def test_refused_when_the_playbook_changed(
    conn: Connection, drip: Bundle, edited: Edit, member: MakeMember
) -> None:
    await member(entered_at=NOON - DAY)
    found = await propose_backfill(conn, drip, STAGE, TODAY, TODAY, NOON, bot_id=BOT_ID)
    await approve(conn, drip, found.id)
    with pytest.raises(ProposalRefused, match="playbook or copy changed"):
        await execute(conn, edited(steps=LATER[:2]), drip, found.id, NOON, bot_id=BOT_ID)


async def test_what_is_stale_by_now_is_not_sent(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """As shipped a step is of use for 20 hours: of the past week only today's is left."""
    await member(entered_at=NOON - 5 * DAY)
    found = await propose_backfill(conn, bundle, STAGE, TODAY - 6 * DAY, TODAY, NOON, bot_id=BOT_ID)
    assert found.counts["days"]["2026-03-04"] == {"day_5": {"send": 1}}
    assert found.counts["skipped"] == {"stale": 5}


async def test_late_together_only_the_newest_is_sent(
    conn: Connection, edited: Edit, bundle: Bundle, member: MakeMember
) -> None:
    collapsing = edited(steps=[{**step, "late": "collapse"} for step in LATER])
    await member(entered_at=NOON - 4 * DAY)
    found = await propose_backfill(conn, collapsing, STAGE, TODAY - 6 * DAY, TODAY, NOON, bot_id=BOT_ID)
    assert (found.send, found.counts["skipped"]) == (1, {"collapsed": 2})
    result = await plan(conn, collapsing, STAGE, NOON, bot_id=BOT_ID)
    assert (result.send, result.skipped) == (1, {"collapsed": 2})


@pytest.mark.parametrize(
    ("first", "last"), [(TODAY, TODAY - DAY), (TODAY + DAY, TODAY + 2 * DAY), (TODAY - 400 * DAY, TODAY)]
)
async def test_a_span_that_makes_no_sense_is_refused(conn: Connection, drip: Bundle, first: date, last: date) -> None:
    with pytest.raises(SopError, match="give days that are over or begun"):
        await propose_backfill(conn, drip, STAGE, first, last, NOON, bot_id=BOT_ID)


async def test_an_unknown_hash_is_named(conn: Connection, drip: Bundle) -> None:
    for name in ("abc", "", "%", "12", "_______"):
        with pytest.raises(UnknownProposal, match="no such proposal"):
            await find_proposal(conn, name)


# Sends that somebody has to approve.


@pytest.fixture
async def large(conn: Connection, drip: Bundle, member: MakeMember) -> list[int]:
    return [await member(entered_at=NOON - DAY) for _ in range(40)]


async def test_too_many_are_not_planned_at_all(conn: Connection, drip: Bundle, large: list[int]) -> None:
    with pytest.raises(TooMany):
        await plan(conn, drip, STAGE, NOON, bot_id=BOT_ID, most=39)
    assert await planned(conn) == []
    assert (await plan(conn, drip, STAGE, NOON, bot_id=BOT_ID, most=40)).send == 40


async def test_what_waits_for_a_word_is_not_planned_beside(
    conn: Connection, drip: Bundle, large: list[int], member: MakeMember
) -> None:
    found = await propose_send(conn, drip, STAGE, NOON, bot_id=BOT_ID, run_id="run")
    await member(entered_at=NOON - DAY)
    result = await plan(conn, drip, STAGE, NOON + HOUR, bot_id=BOT_ID, most=39)
    assert (result.send, result.already) == (1, 40)
    await approve(conn, drip, found.id)
    assert (await run(conn, drip, found.id, NOON + HOUR)).sent == 40


async def test_a_part_first_then_the_rest(conn: Connection, drip: Bundle, large: list[int]) -> None:
    found = await propose_send(conn, drip, STAGE, NOON, bot_id=BOT_ID, run_id="run")
    await approve(conn, drip, found.id, "first")
    part = await run(conn, drip, found.id)
    assert part.state == "proposed"
    assert 0 < part.sent < 12
    await approve(conn, drip, found.id, "send")
    rest = await run(conn, drip, found.id)
    assert (rest.state, rest.sent, rest.left) == ("executed", 40, 0)
    assert len(await planned(conn)) == 40


async def test_the_part_is_never_nobody_and_the_next_one_is_another(
    conn: Connection, drip: Bundle, large: list[int]
) -> None:
    """Five per cent of forty are two members; asked again and again, all have it after twenty parts."""
    found = await propose_send(conn, drip, STAGE, NOON, bot_id=BOT_ID, run_id="run")
    for sent in range(2, 41, 2):
        await approve(conn, drip, found.id, "first")
        done = await run(conn, drip, found.id)
        assert done.sent == sent
    assert done.state == "executed"
    assert len(await planned(conn)) == 40


async def test_a_part_takes_members_with_all_that_is_theirs(conn: Connection, drip: Bundle, member: MakeMember) -> None:
    for _ in range(10):
        await member(entered_at=NOON - 2 * DAY)
    found = await propose_send(conn, drip, STAGE, NOON, bot_id=BOT_ID, run_id="run")
    await approve(conn, drip, found.id, "first")
    await run(conn, drip, found.id)
    assert sorted(step for _, step in await planned(conn)) == ["day_1", "day_2"]
    assert len({who for who, _ in await planned(conn)}) == 1


async def test_a_word_that_comes_too_late_is_none(conn: Connection, drip: Bundle, large: list[int]) -> None:
    found = await propose_send(conn, drip, STAGE, NOON, bot_id=BOT_ID, run_id="run")
    late = {"by": "Ada", "how": "form", "note": "", "bot_id": BOT_ID}
    assert await decide(conn, found.id, "send", found.decide_by_at, **late) is None
    assert await decide(conn, found.id, "send", found.decide_by_at - timedelta(seconds=1), **late) is not None


async def test_cancelled_is_settled_and_not_proposed_again(conn: Connection, drip: Bundle, large: list[int]) -> None:
    found = await propose_send(conn, drip, STAGE, NOON, bot_id=BOT_ID, run_id="run")
    await approve(conn, drip, found.id, "cancel")
    assert await run(conn, drip, found.id) is None
    rows = await (await conn.execute("SELECT DISTINCT state, reason FROM messages")).fetchall()
    assert [tuple(row.values()) for row in rows] == [("cancelled", "refused")]
    assert (await plan(conn, drip, STAGE, NOON + HOUR, bot_id=BOT_ID)).send == 0


async def test_no_answer_in_time_is_a_no(conn: Connection, drip: Bundle, large: list[int]) -> None:
    found = await propose_send(conn, drip, STAGE, NOON, bot_id=BOT_ID, run_id="run")
    assert await lapse(conn, found.decide_by_at - timedelta(seconds=1), bot_id=BOT_ID) == []
    [lapsed] = await lapse(conn, found.decide_by_at, bot_id=BOT_ID)
    assert (lapsed.state, lapsed.decided_how) == ("refused", "timeout")
    assert await decide(conn, found.id, "send", NOON, by="Ada", how="form", note="", bot_id=BOT_ID) is None


async def test_the_first_word_counts(pool: Pool, drip: Bundle, large: list[int]) -> None:
    async with pool.connection() as conn:
        found = await propose_send(conn, drip, STAGE, NOON, bot_id=BOT_ID, run_id="run")

    async def say(decision: str) -> bool:
        async with pool.connection() as conn:
            return await decide(conn, found.id, decision, NOON, by="x", how="form", note="", bot_id=BOT_ID) is not None

    assert sum(await asyncio.gather(*(say(word) for word in ("send", "cancel", "first", "send")))) == 1


async def test_two_that_execute_at_once_send_once(pool: Pool, drip: Bundle, large: list[int]) -> None:
    async with pool.connection() as conn:
        found = await propose_send(conn, drip, STAGE, NOON, bot_id=BOT_ID, run_id="run")
        await approve(conn, drip, found.id)

    async def go() -> bool:
        async with pool.connection() as conn:
            return await run(conn, drip, found.id) is not None

    assert sum(await asyncio.gather(go(), go(), go())) == 1
    async with pool.connection() as conn:
        assert len(await planned(conn)) == 40
        assert (await outcome(conn, found)).sent == 40


async def test_a_message_says_when_it_was_wanted(conn: Connection, drip: Bundle, member: MakeMember) -> None:
    await member(entered_at=NOON - DAY)
    await plan(conn, drip, STAGE, NOON, bot_id=BOT_ID)
    row = await only_message(conn)
    assert row["wanted_at"] == NOON - 2 * HOUR
    assert row["due_at"] == NOON
