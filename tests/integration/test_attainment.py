"""Late or on time: told apart from what quiet hours and caps put off, by step, stage and home group."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from community.bundle import Bundle
from community.channels.channel import Outcome, Result
from community.database.pool import Connection
from community.outbox.claim import claim
from community.outbox.halt import halt, resume
from community.outbox.record import Delivered, Recorder
from community.outbox.recover import recover
from community.outreach.attainment import Punctuality, of_groups, of_run, of_stages
from community.outreach.plan import PlanResult, plan
from tests.integration.conftest import BOT_ID, NOON, MakeMember, past_send
from tests.integration.rows import STEP, audiences, message, one, put, with_stages

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NIGHT = datetime(2026, 3, 4, 15, tzinfo=UTC)
"""23:00 in Asia/Shanghai."""
MORNING = datetime(2026, 3, 5, 0, 30, tzinfo=UTC)
STEPS = [{**STEP, "expires_after": "2d"}]


@pytest.fixture(autouse=True)
def offers(tmp_path: Path) -> Iterator[None]:
    with audiences(tmp_path, "offer", "other_offer"):
        yield


@pytest.fixture
def offer(bundle: Bundle) -> Bundle:
    """Two stages of one promotional message for everyone, due when asked."""
    return with_stages(bundle, "offer", "other_offer", stage={"steps": STEPS}, caps={"per_day": 1, "per_week": 5})


async def planned(conn: Connection, bundle: Bundle, at: datetime = NOON, **options: Any) -> PlanResult:
    return await plan(conn, bundle, "offer", at, bot_id=BOT_ID, **options)


async def deliver(conn: Connection, bundle: Bundle, at: datetime) -> int:
    """Everything that may go at that moment goes; returns how many."""
    sent = 0
    while True:
        found = await claim(conn, BOT_ID, bundle.playbook, at, "test", 32)
        await Recorder(BOT_ID).record(conn, [Delivered(row, Outcome(Result.sent)) for row in found.rows])
        if not found.rows and not found.settled:
            return sent
        sent += len(found.rows)


async def fate(conn: Connection, bundle: Bundle, result: PlanResult, at: datetime) -> Punctuality:
    """What became of the plan's only step by the clock, without how late it was."""
    [row] = await of_run(conn, bundle.playbook, at, result.plan_id, stage="offer")
    assert row.of == "one"
    return row


def only(**counts: int) -> dict[str, int]:
    names = ("on_time", "put_off", "late", "overdue", "missed", "dropped")
    return {name: counts.get(name, 0) for name in names}


def counts(row: Punctuality) -> dict[str, int]:
    return {name: getattr(row, name) for name in only()}


@pytest.mark.parametrize(("after", "expected"), [(HOUR, only(on_time=1)), (HOUR + timedelta(seconds=1), only(late=1))])
async def test_what_leaves_within_the_playbooks_time_is_on_time(
    conn: Connection, offer: Bundle, member: MakeMember, after: timedelta, expected: dict[str, int]
) -> None:
    await member()
    result = await planned(conn, offer)
    await deliver(conn, offer, NOON + after)
    found = await fate(conn, offer, result, NOON + DAY)
    assert counts(found) == expected
    assert found.attained == expected["on_time"]
    assert found.worst_s == (after.total_seconds() if expected["late"] else None)


async def test_on_time_is_the_playbooks(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    await member()
    result = await planned(conn, offer)
    await deliver(conn, offer, NOON + 2 * HOUR)
    patient = Bundle({**offer.source, "on_time": "2h"}, offer.copy)
    assert counts(await fate(conn, patient, result, NOON + DAY)) == only(on_time=1)


async def test_quiet_hours_put_off_and_that_is_not_late(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    await member()
    result = await planned(conn, offer, NIGHT)
    assert counts(await fate(conn, offer, result, NIGHT + 2 * HOUR)) == only(), "it is not time yet"
    await deliver(conn, offer, MORNING)
    assert counts(await fate(conn, offer, result, MORNING)) == only(put_off=1)
    row = await one(await conn.execute("SELECT * FROM messages"))
    assert (row["state"], row["reason"], row["late_s"]) == ("sent", "quiet_hours", 0), "and what put it off is known"


async def test_what_was_put_off_is_late_when_it_leaves_long_after_its_morning(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    await member()
    result = await planned(conn, offer, NIGHT)
    await deliver(conn, offer, MORNING + 3 * HOUR)
    found = await fate(conn, offer, result, MORNING + DAY)
    assert counts(found) == only(late=1)
    assert found.worst_s == (3 * HOUR).total_seconds(), "the night does not count"


async def test_who_came_into_the_night_by_being_late_was_late(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    """The service was away from the afternoon until the night: the morning is not what made it late."""
    await member()
    result = await planned(conn, offer)
    assert await deliver(conn, offer, NIGHT) == 0
    assert await deliver(conn, offer, MORNING) == 1
    found = await fate(conn, offer, result, MORNING)
    assert counts(found) == only(late=1)
    assert found.worst_s == (NIGHT - NOON).total_seconds()


async def test_caps_put_off_and_that_is_not_late(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    who = await member()
    result = await planned(conn, offer)
    await past_send(conn, who, NOON - HOUR, "past")
    for hour in range(24):
        await deliver(conn, offer, NOON + timedelta(hours=hour, minutes=hour))
    assert counts(await fate(conn, offer, result, NOON + DAY)) == only(put_off=1)
    sent = await one(await conn.execute("SELECT * FROM messages WHERE stage = 'offer'"))
    assert sent["sent_at"] >= NOON + 23 * HOUR
    assert sent["late_s"] == 0, "being asked again every hour is not being late"


async def test_planned_late_is_late(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    """The runs of three hours were missed: what was due then is planned by the next, and its time was then."""
    await member(entered_at=NOON - DAY)
    late = NOON + 3 * HOUR
    result = await plan(conn, offer, "welcome_drip", late, bot_id=BOT_ID)
    await deliver(conn, offer, late)
    rows = {row.of: row for row in await of_run(conn, offer.playbook, late, result.plan_id, stage="welcome_drip")}
    assert counts(rows["day_1"]) == only(late=1), "due at ten, sent at three"
    assert rows["day_1"].median_s == rows["day_1"].worst_s == (5 * HOUR).total_seconds()


async def test_median_and_worst_are_of_what_was_late(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    for _ in range(4):
        await member()
    result = await planned(conn, offer)
    for place, hours in enumerate((0, 2, 3, 7)):
        await conn.execute(
            "UPDATE messages SET state = 'sent', sent_at = %s WHERE id = (SELECT id FROM messages ORDER BY id"
            " OFFSET %s LIMIT 1)",
            [NOON + hours * HOUR, place],
        )
    found = await fate(conn, offer, result, NOON + DAY)
    assert counts(found) == only(on_time=1, late=3)
    assert (found.median_s, found.worst_s, found.attained) == (3 * 3600, 7 * 3600, 0.25)


async def test_a_retry_is_not_counted_twice(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    await member()
    result = await planned(conn, offer)
    for minutes in (10, 20, 30):
        at = NOON + timedelta(minutes=minutes)
        found = await claim(conn, BOT_ID, offer.playbook, at, "test", 32)
        await Recorder(BOT_ID).record(conn, [Delivered(found.rows[0], Outcome(Result.later, "not_connected"))])
        await conn.execute("UPDATE messages SET not_before_wall = NULL")
        await conn.execute("DELETE FROM chat_paces")
    await deliver(conn, offer, NOON + timedelta(minutes=50))
    assert counts(await fate(conn, offer, result, NOON + DAY)) == only(on_time=1)


async def test_what_waits_too_long_is_late_before_it_is_sent(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    await member()
    result = await planned(conn, offer)
    await halt(conn, "all")
    await deliver(conn, offer, NOON + 2 * HOUR)
    found = await fate(conn, offer, result, NOON + 2 * HOUR)
    assert (counts(found), found.attained) == (only(overdue=1), 0)
    await resume(conn, "all")


async def test_expired_is_missed_unless_the_rules_held_it_back(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    for _ in range(5):
        await member()
    result = await planned(conn, offer)
    rows = await (await conn.execute("SELECT id FROM messages ORDER BY id")).fetchall()
    reasons = ("stale", "quiet_hours", "frequency_cap", "outranked", "not_connected")
    for row, reason in zip(rows, reasons, strict=True):
        await conn.execute("UPDATE messages SET state = 'expired', reason = %s WHERE id = %s", [reason, row["id"]])
    found = await fate(conn, offer, result, NOON + 3 * DAY)
    assert (counts(found), found.wanted, found.attained) == (only(missed=2, dropped=3), 2, 0)


async def test_who_waited_for_the_morning_and_was_forgotten_has_missed_it(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    await member()
    await planned(conn, offer, NIGHT)
    await recover(conn, BOT_ID, NIGHT + 3 * DAY)
    assert (await one(await conn.execute("SELECT reason FROM messages")))["reason"] == "stale"


async def test_what_nobody_wanted_any_more_does_not_count(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    await member()
    result = await planned(conn, offer)
    await conn.execute("UPDATE messages SET state = 'cancelled', reason = 'opted_out'")
    found = await fate(conn, offer, result, NOON + DAY)
    assert (counts(found), found.wanted, found.attained) == (only(), 0, None)


async def test_what_a_plan_came_too_late_for_is_missed_once(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await member(entered_at=NOON - 10 * DAY)
    first = await plan(conn, bundle, "welcome_drip", NOON - 9 * DAY, bot_id=BOT_ID)
    assert first.missed == {}
    later = await plan(conn, bundle, "welcome_drip", NOON - 4 * DAY, bot_id=BOT_ID)
    assert later.missed == {step: {"": 1} for step in ("day_2", "day_3", "day_4", "day_5")}
    again = await plan(conn, bundle, "welcome_drip", NOON - 4 * DAY + HOUR, bot_id=BOT_ID)
    assert (again.missed, again.skipped["stale"]) == ({}, 4)
    rows = {row.of: row for row in await of_stages(conn, bundle.playbook, NOON)}
    assert rows["welcome_drip"].missed == 4
    assert {row.of: row.missed for row in await of_run(
        conn, bundle.playbook, NOON, later.plan_id, stage="welcome_drip"
    ) if row.missed} == dict.fromkeys(later.missed, 1)  # fmt: skip


async def test_what_was_due_before_the_first_plan_nobody_missed(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """An installation begins with a community that is there already."""
    await member(entered_at=NOON - 10 * DAY)
    first = await plan(conn, bundle, "welcome_drip", NOON, bot_id=BOT_ID)
    assert first.skipped["stale"] > 0
    assert first.missed == {}


async def test_stages_count_the_last_seven_days_of_what_was_wanted(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    await member()
    for stage, days in (("offer", 8), ("other_offer", 6)):
        at = NOON - days * DAY
        await plan(conn, offer, stage, at, bot_id=BOT_ID)
        await deliver(conn, offer, at)
    found = {row.of: row for row in await of_stages(conn, offer.playbook, NOON)}
    assert list(found) == ["other_offer"]
    assert counts(found["other_offer"]) == only(on_time=1)


async def test_a_plan_made_ahead_counts_when_its_message_was_wanted(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    ahead = with_stages(bundle, "offer", stage={"steps": STEPS, "plan_ahead": "2d"})
    await member()
    await planned(conn, ahead, NOON - 8 * DAY)
    wanted = NOON - 6 * DAY
    assert (await one(await conn.execute("SELECT wanted_at FROM messages")))["wanted_at"] == wanted
    await deliver(conn, ahead, wanted)
    assert [row.on_time for row in await of_stages(conn, ahead.playbook, NOON)] == [1]


async def test_groups_are_those_of_the_members_and_the_worst_comes_first(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    members = [await member() for _ in range(5)]
    await conn.execute("INSERT INTO groups (chat_id, title, registered_at) VALUES (-1002, 'Cellar', now())")
    homes = {row["title"]: row["id"] for row in await (await conn.execute("SELECT * FROM groups")).fetchall()}
    for who, home in zip(members, ("Club", "Club", "Cellar", "Cellar", None), strict=True):
        await conn.execute("UPDATE members SET home_group_id = %s WHERE id = %s", [homes.get(home or ""), who])
    await planned(conn, offer, members=members[:3])
    await deliver(conn, offer, NOON)
    await planned(conn, offer, members=members[3:])
    await deliver(conn, offer, NOON + 2 * HOUR)
    found = await of_groups(conn, offer.playbook, NOON + DAY)
    assert [(row.of, row.attained) for row in found] == [("no group", 0), ("Cellar", 0.5), ("Club", 1)]


async def test_what_a_group_missed_counts_for_it(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member(entered_at=NOON - 3 * DAY)
    await conn.execute("UPDATE members SET home_group_id = (SELECT id FROM groups)")
    await plan(conn, bundle, "welcome_drip", NOON - 3 * DAY, bot_id=BOT_ID)
    await deliver(conn, bundle, NOON - 3 * DAY)
    await plan(conn, bundle, "welcome_drip", NOON, bot_id=BOT_ID)
    [club] = await of_groups(conn, bundle.playbook, NOON)
    assert (club.of, club.on_time, club.missed) == ("Club", 1, 2)


@pytest.mark.own_database
async def test_what_was_ever_sent_is_not_read(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    await member()
    await planned(conn, offer)
    await conn.execute(
        "INSERT INTO plans (id, stage, as_of_at, planned_wall, state, bundle) OVERRIDING SYSTEM VALUE"
        " VALUES (9000, 'offer', %s, now(), 'executed', '')",
        [NOON - 60 * DAY],
    )
    await conn.execute(
        "INSERT INTO messages (bot_id, chat_id, lane, stage, step, occurrence, promotional, planned_at, due_at,"
        " wanted_at, state, sent_at, plan_id) SELECT %(bot)s, i, 55, 'offer', 'old', i::text, true, %(at)s, %(at)s,"
        " %(at)s, 'sent', %(at)s, 9000 FROM generate_series(1, 20000) AS i",
        {"bot": BOT_ID, "at": NOON - 60 * DAY},
    )
    await conn.execute("ANALYZE messages")
    await conn.execute("ANALYZE plans")
    await conn.execute("SELECT pg_stat_reset_single_table_counters('messages'::regclass)")
    async with conn.transaction():
        await of_stages(conn, offer.playbook, NOON)
        await of_groups(conn, offer.playbook, NOON)
        read = await one(
            await conn.execute(
                "SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables WHERE relname = 'messages'"
            )
        )
    assert read["rows"] < 50


async def test_messages_of_no_step_have_no_time_to_keep(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    number = await put(conn)
    await deliver(conn, offer, NOON + 5 * HOUR)
    assert (await message(conn, number))["state"] == "sent"
    assert await of_stages(conn, offer.playbook, NOON + DAY) == []
