"""Whom each rung of a live session's ladder names, when, and until when."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from community.bundle import Bundle
from community.database.pool import Connection
from community.engagement.redemptions import redeem
from community.live.closing import sweep
from community.live.ladder import CLOSE as CLOSE_RUNG, RESULT, STAGE, rungs
from community.live.models import Live
from community.live.people import register, visit
from community.live.requests import new_times
from community.live.sessions import cancel, move
from community.outbox.claim import claim
from community.outreach.decide import SEND, Execution, decide, execute
from community.outreach.explain import explain
from community.outreach.plan import preview
from community.outreach.proposals import propose_send
from community.outreach.statements import parameters, statement
from community.playbook_stages import Step
from community.playbook_types import parse_money
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.live_kit import (
    ADDED,
    CLOSE,
    END,
    HOUR,
    START,
    add_live,
    buy,
    deliver,
    dropped,
    got,
    plan_at,
    row_of,
    selling,
)
from tests.integration.rows import set_member
from tests.unit.test_ladder import lives, steps

__all__ = ["selling"]

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
LADDER = [ADDED, START - DAY, START - HOUR, START, END, END + DAY, CLOSE - 3 * HOUR]


async def climb(conn: Connection, bundle: Bundle, *moments: datetime) -> None:
    """Plan at each of these moments, and send what came of it."""
    for at in moments:
        await plan_at(conn, bundle, at)
        await deliver(conn, at)


async def steps_of(conn: Connection, member_id: int) -> list[str]:
    return [step for who, step, _ in await got(conn) if who == member_id]


async def named(conn: Connection, bundle: Bundle, at: datetime) -> dict[tuple[int, str], str | None]:
    """Who is named for what by the audience, with the reason against it."""
    return {(row["member_id"], row["step"]): row["reason"] for row in await preview(conn, bundle, STAGE, at)}


async def test_everyone_climbs_as_far_as_they_come(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    silent, registered, viewer, buyer = [await member() for _ in range(4)]
    live = await add_live(conn, selling)
    await climb(conn, selling, LADDER[0])
    for who in (registered, viewer, buyer):
        await register(conn, live.id, who, ADDED + HOUR, "button")
    await climb(conn, selling, *LADDER[1:4])
    for who in (viewer, buyer):
        await visit(conn, live.id, who, START + HOUR / 2)
    await climb(conn, selling, LADDER[4])
    await buy(conn, buyer, END + HOUR)
    await climb(conn, selling, *LADDER[5:])

    reminded = ["announce", "day_before", "hour_before", "live_now", "open"]
    assert await steps_of(conn, silent) == ["announce"]
    assert await steps_of(conn, registered) == [*reminded, "last_call"]
    assert await steps_of(conn, viewer) == [*reminded, "half", "last_call"]
    assert await steps_of(conn, buyer) == reminded


async def guest_of(conn: Connection, member: MakeMember) -> int:
    """Somebody who has never been in a group."""
    number = await member(in_group=False, entered_at=ADDED)
    await set_member(conn, number, entered_at=None, left_at=None)
    return number


async def test_whoever_is_no_member_yet_or_any_more_is_not_told(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    await member(in_group=False)
    await member(entered_at=ADDED + SECOND)
    there = await member(entered_at=ADDED)
    await add_live(conn, selling)
    assert await named(conn, selling, ADDED + HOUR) == {(there, "announce"): None}


async def test_a_guest_who_registers_gets_the_reminders(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    guest = await guest_of(conn, member)
    live = await add_live(conn, selling)
    await register(conn, live.id, guest, ADDED, "link")
    await climb(conn, selling, *LADDER[:4])
    assert await steps_of(conn, guest) == ["day_before", "hour_before", "live_now"]


async def test_whoever_registers_late_is_not_reminded_of_the_past(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who, live = await guest_of(conn, member), await add_live(conn, selling)
    await register(conn, live.id, who, START - HOUR / 2, "button")
    assert await named(conn, selling, START - HOUR / 3) == {}
    await climb(conn, selling, START)
    assert await steps_of(conn, who) == ["live_now"]


async def test_viewers_listed_after_the_end_get_the_offer(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who, live = await guest_of(conn, member), await add_live(conn, selling)
    await climb(conn, selling, END)
    await conn.execute(
        "INSERT INTO live_attendances (live_id, member_id, watched_at, watched_by) VALUES (%s, %s, %s, 'list')",
        [live.id, who, START],
    )
    await climb(conn, selling, END + 11 * HOUR)
    assert await steps_of(conn, who) == ["open"]


async def test_nothing_stale_is_sent(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    """Reminders end with the start, the call to come soon after it, offers with the window."""
    who, live = await member(), await add_live(conn, selling)
    await register(conn, live.id, who, ADDED, "button")
    await visit(conn, live.id, who, START)
    rows = await preview(conn, selling, STAGE, CLOSE - SECOND)
    ends = {row["step"]: row["expires_at"] for row in rows}
    assert ends == {
        "day_before": START - 12 * HOUR, "hour_before": START - HOUR / 6, "live_now": START + HOUR / 3,
        "open": END + DAY, "half": END + 36 * HOUR, "last_call": CLOSE,
    }  # fmt: skip
    assert (await preview(conn, selling, STAGE, ADDED))[0]["expires_at"] == ADDED + 3 * DAY
    late = await named(conn, selling, CLOSE)
    assert set(late.values()) <= {"stale", "collapsed"}


async def test_an_announcement_is_not_sent_once_the_session_runs(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who = await member()
    await add_live(conn, selling, at=START - HOUR)
    assert await named(conn, selling, START - SECOND) == {(who, "announce"): None}
    assert await named(conn, selling, START) == {(who, "announce"): "stale"}
    assert await named(conn, selling, START + DAY) == {}, "everyone is not asked for when it is of no use"


async def test_two_weeks_after_the_window_nobody_is_asked_for(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who, live = await member(), await add_live(conn, selling)
    await register(conn, live.id, who, ADDED, "button")
    assert await named(conn, selling, CLOSE + 14 * DAY)
    assert await named(conn, selling, CLOSE + 15 * DAY) == {}


async def test_after_an_outage_only_the_last_reminder_goes_out(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who, live = await guest_of(conn, member), await add_live(conn, selling)
    await register(conn, live.id, who, ADDED, "button")
    assert await named(conn, selling, START - HOUR / 2) == {
        (who, "day_before"): "collapsed", (who, "hour_before"): None
    }  # fmt: skip


async def test_a_sold_out_offer_is_barred_at_planning(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    live = await add_live(conn, selling, offered={"plan": "pack", "percent": "20%", "first_n": 1})
    who, first = await member(), await member()
    await register(conn, live.id, who, ADDED, "button")
    await redeem(conn, f"LIVE{live.id}", first, "pack", parse_money("29.90 USD"), END)
    found = await named(conn, selling, END)
    assert found[who, "open"] == "sold_out"
    assert [reason for (_, step), reason in found.items() if step in ("announce", "live_now")].count("sold_out") == 0


async def test_a_buyer_leaves_at_once_even_what_waits(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    who, live = await guest_of(conn, member), await add_live(conn, selling)
    await register(conn, live.id, who, ADDED, "button")
    await plan_at(conn, selling, END)
    await buy(conn, who, END)
    assert (await claim(conn, BOT_ID, selling.playbook, END, "test", 32)).rows == []
    assert "goal_reached" in await dropped(conn)


async def test_who_bought_before_the_session_was_added_is_asked_again(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who = await member()
    await buy(conn, who, ADDED - SECOND)
    await add_live(conn, selling)
    assert await named(conn, selling, ADDED) == {(who, "announce"): None}


# Moved and cancelled.


async def test_the_ladder_of_a_moved_session_is_climbed_anew_without_a_second_announcement(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    told, registered, blocked = await member(), await member(), await member(dm="blocked")
    live = await add_live(conn, selling)
    await climb(conn, selling, ADDED)
    await register(conn, live.id, registered, ADDED, "button")
    await climb(conn, selling, START - DAY)
    await move(conn, live.id, new_times(starts_at=START + DAY), START - 20 * HOUR, bot_id=BOT_ID)
    await climb(conn, selling, START - 20 * HOUR, START, START + 23 * HOUR, START + DAY)
    assert await steps_of(conn, told) == ["announce", "moved"]
    assert await steps_of(conn, registered) == [
        "announce", "day_before", "moved", "day_before", "hour_before", "live_now"
    ]  # fmt: skip
    occurrences = Counter(occurrence for _, _, occurrence in await got(conn))
    assert occurrences == {"1:1": 3, "1:2": 5}
    assert await steps_of(conn, blocked) == []


async def test_whoever_lost_the_announcement_by_the_move_gets_it_anew(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who, live = await member(), await add_live(conn, selling)
    await plan_at(conn, selling, ADDED)
    await move(conn, live.id, new_times(starts_at=START + DAY), ADDED, bot_id=BOT_ID)
    await climb(conn, selling, ADDED)
    assert await got(conn, "sent") == [(who, "announce", "1:2")]


async def test_a_longer_window_repeats_nothing_but_the_last_call(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who, live = await member(), await add_live(conn, selling)
    await register(conn, live.id, who, ADDED, "button")
    await climb(conn, selling, *LADDER)
    await move(conn, live.id, new_times(window=timedelta(hours=72)), CLOSE - HOUR, bot_id=BOT_ID)
    await climb(conn, selling, CLOSE - HOUR, CLOSE + 21 * HOUR)
    again = [(step, occurrence) for _, step, occurrence in await got(conn) if occurrence == "1:2"]
    assert again == [("last_call", "1:2")]


async def test_a_cancelled_session_is_told_to_those_who_registered(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    told, registered = await member(), await member()
    live = await add_live(conn, selling)
    await climb(conn, selling, ADDED)
    await register(conn, live.id, registered, ADDED, "button")
    await cancel(conn, live.id, START - DAY, bot_id=BOT_ID)
    await climb(conn, selling, START - DAY, *LADDER[2:])
    assert await steps_of(conn, told) == ["announce"]
    assert await steps_of(conn, registered) == ["announce", "cancelled"]


async def test_an_offer_that_is_ended_early_is_no_cancellation(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who, live = await member(), await add_live(conn, selling)
    await register(conn, live.id, who, ADDED, "button")
    await cancel(conn, live.id, END, bot_id=BOT_ID)
    assert await named(conn, selling, END + HOUR) == {}


async def approved(conn: Connection, bundle: Bundle, plan_id: int, at: datetime) -> Execution:
    """What became of a proposal that is approved and executed now."""
    await decide(conn, plan_id, SEND, at, by="7", how="staff_chat", note="", bot_id=BOT_ID)
    done = await execute(conn, bundle, bundle, plan_id, at, bot_id=BOT_ID)
    assert done is not None
    return done


async def test_what_is_approved_after_the_move_is_not_sent(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    await member()
    live = await add_live(conn, selling)
    proposal = await propose_send(conn, selling, STAGE, ADDED, bot_id=BOT_ID, run_id=None)
    assert proposal.send == 1
    await move(conn, live.id, new_times(starts_at=START + DAY), ADDED, bot_id=BOT_ID)
    done = await approved(conn, selling, proposal.id, ADDED)
    assert (done.sent, done.stopped) == (0, {"session_moved": 1})
    assert (await plan_at(conn, selling, ADDED)).send == 1


async def test_what_is_approved_when_all_are_sold_is_not_sent(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who, live = await guest_of(conn, member), await add_live(conn, selling)
    await register(conn, live.id, who, ADDED, "button")
    proposal = await propose_send(conn, selling, STAGE, END, bot_id=BOT_ID, run_id=None)
    await conn.execute("UPDATE coupons SET redeemed = first_n")
    await sweep(conn, END, bot_id=BOT_ID)
    assert (await approved(conn, selling, proposal.id, END)).stopped["sold_out"] == 1


# The same rules as the pure ladder; the cost.


@pytest.fixture
async def anyone(conn: Connection, selling: Bundle, member: MakeMember) -> int:
    """A member whom every rung is for: long there, registered and a viewer at once."""
    return await member(entered_at=ADDED - 400 * DAY)


ANYTHING = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@ANYTHING
@given(steps(), lives())
async def test_the_audience_follows_the_ladder(
    conn: Connection, selling: Bundle, anyone: int, given_steps: list[Step], session: Live
) -> None:
    given_steps = [step.model_copy(update={"who": "everyone"}) for step in given_steps]
    wanted = [rung for rung in rungs(given_steps, session) if rung.name not in (CLOSE_RUNG, RESULT)]
    async with conn.transaction(force_rollback=True):
        await put_live(conn, session)
        found = set()
        for at in {rung.at for rung in wanted} | {session.window_until_at}:
            values = parameters(selling.playbook, STAGE, given_steps, at, [anyone])
            rows = await (await conn.execute(statement("preview", values), {**values, "limit": 99})).fetchall()
            found |= {(row["step"], row["due_at"]) for row in rows}
    assert found == {(rung.name, rung.at) for rung in wanted}


async def put_live(conn: Connection, live: Live) -> None:
    columns = "title url announce_at starts_at ends_at window_until_at created_at moved_at cancelled_at"
    values = {name: getattr(live, name) for name in columns.split()} | {"plan": "pack"}
    names, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    await conn.execute(f"INSERT INTO lives ({names}) VALUES ({places})", values)  # type: ignore[arg-type]


@pytest.mark.own_database
async def test_cost_follows_the_sessions_people_not_the_community(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    """Past sessions and members who never registered are not looked at for a reminder."""
    who, live = await member(), await add_live(conn, selling)
    await register(conn, live.id, who, ADDED, "button")
    await conn.execute(
        "INSERT INTO members (telegram_id, dm, first_seen_at, entered_at)"
        " SELECT 50000 + i, 'open', %(at)s, %(at)s FROM generate_series(1, 20000) AS i",
        {"at": ADDED - DAY},
    )
    await conn.execute(
        "INSERT INTO lives (title, url, announce_at, starts_at, ends_at, window_until_at, created_at)"
        " SELECT 'old', 'https://x', t, t, t + interval '1 hour', t + interval '1 hour', t"
        " FROM (SELECT %s::timestamptz - interval '40 days' * i AS t FROM generate_series(1, 2000) i) s",
        [START],
    )
    await conn.execute(
        "INSERT INTO live_attendances (live_id, member_id, registered_at)"
        " SELECT l.id, m.id, l.created_at FROM lives l, members m WHERE l.title = 'old' AND m.telegram_id < 50010"
    )
    await conn.execute("ANALYZE lives, live_attendances, members")
    seen = await rows_read(conn, selling, CLOSE - SECOND)
    assert seen < 500, seen


async def rows_read(conn: Connection, bundle: Bundle, at: datetime) -> int:
    """Rows that all scans of tables return together, when everyone is planned."""
    stage = bundle.playbook.stage(STAGE)
    values = parameters(bundle.playbook, STAGE, stage.steps, at, None)
    async with conn.transaction(force_rollback=True):
        await conn.execute("SELECT set_config('enable_seqscan', 'off', true)")
        query = "EXPLAIN (ANALYZE, FORMAT JSON) " + statement("tally", values)
        row = await (await conn.execute(query, values)).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return sum(scanned(row["QUERY PLAN"][0]["Plan"]))


def scanned(node: dict[str, Any]) -> list[int]:
    own = [int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])]
    below = [rows for child in node.get("Plans", []) for rows in scanned(child)]
    return below + (own if "Relation Name" in node else [])


# Why not.


async def test_the_audience_says_why_it_does_not_name_a_member(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    silent, registered, viewer = [await member(entered_at=ADDED) for _ in range(3)]
    left, guest = await member(in_group=False, entered_at=ADDED), await member(in_group=False)
    await conn.execute("UPDATE members SET entered_at = NULL, left_at = NULL WHERE id = %s", [guest])

    async def absence(who: int) -> str:
        return (await explain(conn, selling, who, STAGE, END)).absence

    assert await absence(silent) == "no_live"
    live = await add_live(conn, selling)
    for who in (registered, viewer):
        await register(conn, live.id, who, ADDED, "button")
    await visit(conn, live.id, viewer, START)
    assert [await absence(who) for who in (silent, registered, viewer, left, guest)] == [
        "not_registered", "not_watched", "not_due", "left", "not_entered"
    ]  # fmt: skip


async def test_explain_sees_the_rungs_to_come(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    who, live = await member(), await add_live(conn, selling)
    await register(conn, live.id, who, ADDED, "button")
    found = await explain(conn, selling, who, STAGE, ADDED + HOUR)
    due = {step.step: step.due_at for step in found.steps if step.due_at}
    assert due["hour_before"] == START - HOUR
    assert due["last_call"] == CLOSE - 3 * HOUR
    assert "half" not in due, "has not watched"


async def test_a_closed_ladder_is_closed_for_late_planners_too(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who, live = await member(), await add_live(conn, selling)
    await register(conn, live.id, who, ADDED, "button")
    await sweep(conn, CLOSE, bot_id=BOT_ID)
    assert (await plan_at(conn, selling, CLOSE)).send == 0
    assert (await row_of(conn, "lives", id=live.id))["closed_at"] == CLOSE
