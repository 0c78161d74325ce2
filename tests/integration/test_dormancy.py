"""Who has fallen silent: by their last sign, once a spell, in their own morning; over the moment they come back."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from community.activity.record import SIGNS_OF_LIFE, Activity, record
from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.outbox.bundles import Bundles
from community.outbox.claim import claim
from community.outbox.compose import Composer
from community.outbox.stop import stop_live
from community.outreach.explain import explain
from community.outreach.plan import plan, preview
from tests.integration.conftest import BOT_ID, NOON, MakeMember, past_send
from tests.integration.rows import Edit, only_message, reach, rows_read, set_member, state

STAGE = "dormancy_reactivation"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG_AGO = NOON - 400 * DAY
SHANGHAI = "Asia/Shanghai"
Named = list[tuple[int, str]]


def ten(zone: str, on: date) -> datetime:
    return datetime.combine(on, time(10), ZoneInfo(zone)).astimezone(UTC)


async def did(conn: Connection, member_id: int, kind: str, at: datetime) -> None:
    await record(conn, [Activity(kind, at, member_id)])


async def rows(conn: Connection, bundle: Bundle, at: datetime = NOON, **options: Any) -> list[dict[str, Any]]:
    return await preview(conn, bundle, STAGE, at, **options)


async def named(conn: Connection, bundle: Bundle, at: datetime = NOON) -> Named:
    """Who would get what now."""
    return [(row["member_id"], row["step"]) for row in await rows(conn, bundle, at) if row["reason"] is None]


async def hold(conn: Connection, member_id: int, starts_at: datetime, ends_at: datetime | None, **more: Any) -> None:
    values = {"member": member_id, "starts": starts_at, "ends": ends_at, "revoked": more.get("revoked_at")}
    await conn.execute(
        "INSERT INTO terms (member_id, plan, line, starts_at, ends_at, counted_from_at, changed_at, revoked_at, source,"
        " granted_by) VALUES (%(member)s, 'month', 'membership', %(starts)s, %(ends)s, %(starts)s, %(starts)s,"
        " %(revoked)s, 'staff', 'ann')",
        values,
    )


async def live(conn: Connection, starts_at: datetime, **columns: Any) -> int:
    values = {
        "title": "Live",
        "url": "https://live.example/1",
        "announce_at": LONG_AGO,
        "starts_at": starts_at,
        "ends_at": starts_at + HOUR,
        "window_until_at": starts_at + 49 * HOUR,
        "created_at": LONG_AGO,
        **columns,
    }
    names, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    found = await conn.execute(f"INSERT INTO lives ({names}) VALUES ({places}) RETURNING id", values)
    row = await found.fetchone()
    assert row is not None
    return int(row["id"])


# Seven days without a sign of life.


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_silent_for_seven_local_days_is_asked_at_ten_of_that_day(
    conn: Connection, bundle: Bundle, member: MakeMember, zone: str
) -> None:
    who = await member(entered_at=LONG_AGO, zone=zone)
    sign = datetime(2026, 2, 25, 23, 30, tzinfo=ZoneInfo(zone))
    await did(conn, who, "click", sign)
    due = ten(zone, date(2026, 3, 4))
    assert await named(conn, bundle, due - timedelta(seconds=1)) == []
    assert await named(conn, bundle, due) == [(who, "silent")]
    [row] = await rows(conn, bundle, due)
    assert (row["due_at"], row["expires_at"]) == (due, due + 20 * HOUR)
    assert row["occurrence"] == f"silent:{sign.astimezone(UTC):%Y-%m-%d}"


async def test_an_hourly_run_meets_ten_in_zones_of_half_hours_too(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=LONG_AGO, zone="Asia/Kathmandu")
    await did(conn, who, "click", ten("Asia/Kathmandu", date(2026, 2, 25)))
    at = ten("Asia/Kathmandu", date(2026, 3, 4)).replace(minute=0) + HOUR
    assert (await plan(conn, bundle, STAGE, at, bot_id=BOT_ID)).send == 1


@pytest.mark.parametrize("kind", sorted(SIGNS_OF_LIFE))
async def test_every_sign_of_life_counts_and_the_last_of_them(
    conn: Connection, bundle: Bundle, member: MakeMember, kind: str
) -> None:
    who = await member(entered_at=LONG_AGO)
    for other in SIGNS_OF_LIFE:
        await did(conn, who, other, NOON - 7 * DAY)
    await did(conn, who, "message", NOON - 2 * DAY)
    await did(conn, who, kind, NOON - DAY)
    assert await named(conn, bundle) == []


async def test_kinds_that_are_none_do_not_count(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "click", NOON - 7 * DAY)
    for kind in ("joined", "unblocked", "opted_out", "purchase"):
        await did(conn, who, kind, NOON - DAY)
    assert await named(conn, bundle) == [(who, "silent")]


async def test_signs_of_the_same_moment_name_a_member_once(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=NOON - 60 * DAY)
    for kind in SIGNS_OF_LIFE:
        await did(conn, who, kind, NOON - 7 * DAY)
    assert len(await rows(conn, bundle)) == 1
    await set_member(conn, who, entered_at=NOON - 8 * DAY)
    await conn.execute("UPDATE milestones SET last_at = %s", [NOON - 8 * DAY])
    assert len(await rows(conn, bundle)) == 1


async def test_the_playbook_says_what_counts(
    conn: Connection, bundle: Bundle, edited: Edit, member: MakeMember
) -> None:
    strict = edited(signs={"activity": ["message"], "speaking": ["reaction"]})
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "message", NOON - 7 * DAY)
    await did(conn, who, "click", NOON - DAY)
    await did(conn, who, "reaction", NOON - 30 * DAY)
    assert sorted(await named(conn, strict)) == [(who, "silent"), (who, "unspoken")]
    assert await named(conn, bundle) == []


# Entering.


async def test_entering_is_a_sign_and_nobody_is_silent_in_the_welcome_week(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=NOON - 7 * DAY)
    assert await named(conn, bundle) == []
    assert await named(conn, bundle, NOON + DAY) == [(who, "silent")]
    [row] = await rows(conn, bundle, NOON + DAY)
    assert row["due_at"] == ten(SHANGHAI, date(2026, 3, 5))
    assert row["occurrence"] == "silent:2026-02-25"


async def test_what_was_done_before_entering_is_no_sign_of_a_member(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=NOON - 5 * DAY)
    await did(conn, who, "start", NOON - 7 * DAY)
    assert await rows(conn, bundle) == []
    assert [row["occurrence"] for row in await rows(conn, bundle, NOON + 3 * DAY)] == ["silent:2026-02-27"]


async def test_a_sign_after_entering_counts_from_itself(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member(entered_at=NOON - 9 * DAY)
    await did(conn, who, "click", NOON - 7 * DAY)
    assert [row["due_at"] for row in await rows(conn, bundle)] == [ten(SHANGHAI, date(2026, 3, 4))]


# Thirty days without speaking.


async def test_who_has_not_spoken_for_thirty_days_is_asked_though_active(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "message", NOON - 30 * DAY)
    await did(conn, who, "click", NOON - HOUR)
    assert await named(conn, bundle) == [(who, "unspoken")]
    [row] = await rows(conn, bundle)
    assert (row["occurrence"], row["due_at"]) == ("unspoken:2026-02-02", ten(SHANGHAI, date(2026, 3, 4)))
    assert await named(conn, bundle, NOON - DAY) == []


async def test_writing_to_the_bot_is_a_sign_of_life_and_no_speaking_in_a_group(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "message", NOON - 30 * DAY)
    await did(conn, who, "private", NOON - HOUR)
    assert await named(conn, bundle) == [(who, "unspoken")]


async def test_who_never_spoke_counts_from_entering(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member(entered_at=NOON - 30 * DAY)
    await did(conn, who, "reaction", NOON - HOUR)
    assert await named(conn, bundle) == [(who, "unspoken")]


async def test_both_on_one_day_and_room_for_one_the_silence_goes_first_and_the_other_when_there_is_room(
    conn: Connection, bundle: Bundle, edited: Edit, member: MakeMember
) -> None:
    tight = edited(caps={"per_day": 1, "per_week": 5})
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "message", NOON - 30 * DAY)
    await did(conn, who, "click", NOON - 7 * DAY)
    result = await plan(conn, tight, STAGE, NOON, bot_id=BOT_ID)
    assert result.steps == {"silent": {"send": 1}, "unspoken": {"frequency_cap": 1}}
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = %s", [NOON])
    result = await plan(conn, tight, STAGE, NOON + 25 * HOUR, bot_id=BOT_ID)
    assert result.steps == {"unspoken": {"send": 1}}


# A spell of silence.


async def test_a_spell_is_written_to_once_and_another_one_again(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "click", NOON - 7 * DAY)
    for hours in range(0, 30, 6):
        await plan(conn, bundle, STAGE, NOON + hours * HOUR, bot_id=BOT_ID)
    assert (await only_message(conn))["occurrence"] == "silent:2026-02-25"
    await did(conn, who, "click", NOON + 2 * DAY)
    assert await rows(conn, bundle, NOON + 8 * DAY) == []
    assert (await plan(conn, bundle, STAGE, NOON + 9 * DAY, bot_id=BOT_ID)).send == 1
    found = await (await conn.execute("SELECT occurrence FROM messages ORDER BY id")).fetchall()
    assert [row["occurrence"] for row in found] == ["silent:2026-02-25", "silent:2026-03-06"]


@pytest.mark.parametrize(
    ("step", "kind", "settled"),
    [
        ("silent", "reaction", ("cancelled", "goal_reached")),
        ("silent", "joined", ("sending", None)),
        ("unspoken", "message", ("cancelled", "goal_reached")),
        ("unspoken", "click", ("sending", None)),
        ("unspoken", "private", ("sending", None)),
        ("silent", "private", ("cancelled", "goal_reached")),
    ],
)
async def test_what_waits_is_dropped_the_moment_the_member_comes_back(
    conn: Connection, bundle: Bundle, member: MakeMember, step: str, kind: str, settled: tuple[str, str | None]
) -> None:
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "message", NOON - (7 if step == "silent" else 30) * DAY)
    if step == "unspoken":
        await did(conn, who, "click", NOON - HOUR)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    waiting = await only_message(conn, step=step)
    await did(conn, who, kind, NOON + timedelta(minutes=1))
    await claim(conn, BOT_ID, bundle.playbook, NOON + timedelta(minutes=2), "one", 32)
    assert await state(conn, waiting["id"]) == settled


async def test_the_last_sign_itself_does_not_end_the_spell(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "click", NOON - 7 * DAY)
    assert [row["reason"] for row in await rows(conn, bundle)] == [None]


async def test_the_stages_own_goal_ends_it_too(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    stages = dict(bundle.source["stages"])
    buying = Bundle({**bundle.source, "stages": {**stages, STAGE: {**stages[STAGE], "goal": "purchase"}}}, bundle.copy)
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "click", NOON - 7 * DAY)
    await reach(conn, who, "purchase", NOON - DAY)
    assert [row["reason"] for row in await rows(conn, buying)] == ["goal_reached"]


async def test_after_a_long_outage_the_useful_is_sent_the_rest_is_decided_and_the_old_left_alone(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    for days in (7, 8, 14, 20, 25):
        await did(conn, await member(entered_at=LONG_AGO), "click", NOON - days * DAY)
    result = await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    assert result.steps == {"silent": {"send": 1, "stale": 3}}


# Who.


async def test_only_members_of_a_group_are_asked(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    gone = await member(entered_at=NOON - 30 * DAY, in_group=False)
    await did(conn, gone, "click", NOON - 7 * DAY)
    await member(entered_at=NOON - 30 * DAY, in_group=False)
    assert await rows(conn, bundle) == []


async def test_who_holds_a_term_gets_a_message_without_a_pass(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    terms: list[tuple[dict[str, Any], str]] = [
        ({"starts_at": NOON - 30 * DAY, "ends_at": NOON + DAY}, "silent_holder"),
        ({"starts_at": NOON - 30 * DAY, "ends_at": None}, "silent_holder"),
        ({"starts_at": NOON - 30 * DAY, "ends_at": NOON - DAY}, "silent"),
        ({"starts_at": NOON - 30 * DAY, "ends_at": NOON + DAY, "revoked_at": NOON - DAY}, "silent"),
        ({"starts_at": NOON + DAY, "ends_at": NOON + 9 * DAY}, "silent"),
    ]
    expected = []
    for term, step in terms:
        who = await member(entered_at=LONG_AGO)
        await did(conn, who, "click", NOON - 7 * DAY)
        await hold(conn, who, **term)
        expected.append((who, step))
    assert await named(conn, bundle) == expected
    coupons = {row["step"]: row["context"].get("coupon") for row in await rows(conn, bundle)}
    assert coupons["silent_holder"] is None
    assert coupons["silent"].startswith("VIP-")


async def test_a_term_that_begins_between_two_runs_brings_no_second_message(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "click", NOON - 7 * DAY)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await hold(conn, who, NOON + HOUR, None)
    assert (await plan(conn, bundle, STAGE, NOON + 2 * HOUR, bot_id=BOT_ID)).send == 0


# The next live session.


async def test_the_next_live_session_within_two_weeks_is_named(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "click", NOON - 7 * DAY)
    await live(conn, NOON - HOUR)
    await live(conn, NOON + DAY, cancelled_at=NOON - DAY)
    await live(conn, NOON + 15 * DAY)
    [row] = await rows(conn, bundle)
    assert "next_live" not in row["context"]
    await live(conn, NOON + 14 * DAY)
    soonest = await live(conn, NOON + 2 * DAY)
    await live(conn, NOON + 3 * DAY)
    [row] = await rows(conn, bundle)
    assert row["context"]["next_live"] == soonest


async def text_of(conn: Connection, bundle: Bundle, context: dict[str, Any], template: str) -> str:
    """As it would leave now, in English."""
    composer = Composer(Bundles(), bot_id=BOT_ID, username="the_bot", links_url=None, link_secret="")
    names = {"first_name": "Ann", "last_name": "", "username": None, "group_title": "Club", "zone": SHANGHAI}
    row = {"id": 1, "chat_id": 1, "template": template, "locale": "en", "context": context, **names}
    return (await composer.render(conn, bundle, row)).text


async def test_a_session_cancelled_after_the_plan_is_not_named_any_more(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "click", NOON - 7 * DAY)
    number = await live(conn, NOON + 2 * DAY, title="Freight in December")
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    context = (await only_message(conn))["context"]
    assert "Freight in December" in await text_of(conn, bundle, context, f"{STAGE}/silent")

    await conn.execute("UPDATE lives SET cancelled_at = %s", [NOON])
    left = await text_of(conn, bundle, context, f"{STAGE}/silent")
    assert "Freight in December" not in left
    assert "Next live" not in left
    told = await text_of(conn, bundle, {"live": number}, "live_conversion/cancelled")
    assert "Freight in December" in told, "who registered is told which one"


async def test_stopping_a_sessions_messages_spares_those_that_only_mention_it(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=LONG_AGO)
    await did(conn, who, "click", NOON - 7 * DAY)
    number = await live(conn, NOON + 2 * DAY)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    assert await stop_live(conn, BOT_ID, number) == 0
    assert (await only_message(conn))["state"] == "waiting"


# Planning and explaining.


async def crowd(conn: Connection, member: MakeMember) -> None:
    for columns in ({}, {"dm": "none"}, {"opted_out_at": NOON}, {"zone": "America/Lima"}, {"zone": "Asia/Tokyo"}):
        who = await member(entered_at=LONG_AGO, **columns)
        await did(conn, who, "click", NOON - 7 * DAY - HOUR)
    await past_send(conn, who, NOON - HOUR, "a")
    await past_send(conn, who, NOON - HOUR, "b")
    await member(entered_at=NOON - 30 * DAY)


async def test_preview_is_what_the_plan_then_does_and_a_second_plan_adds_nothing(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await crowd(conn, member)
    seen = await rows(conn, bundle)
    result = await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    same = ("member_id", "step", "occurrence", "context", "expires_at", "lane")
    would = [{key: row[key] for key in same} for row in seen if not row["reason"]]
    statement = f"SELECT {', '.join(same)} FROM messages WHERE stage = %s"
    assert sorted(map(str, await (await conn.execute(statement, [STAGE])).fetchall())) == sorted(map(str, would))
    assert result.skipped == {"unreachable": 1, "opted_out": 1, "frequency_cap": 1, "quiet_hours": 1}
    again = await plan(conn, bundle, STAGE, NOON + timedelta(minutes=5), bot_id=BOT_ID)
    assert (again.send, again.already, again.decided) == (0, result.send, 0)


async def test_a_plan_for_some_and_a_shared_plan_name_the_same(pool: Pool, bundle: Bundle, member: MakeMember) -> None:
    async with pool.connection() as conn, pool.connection() as second:
        await conn.execute("SELECT setval(pg_get_serial_sequence('members', 'id'), 4090)")
        for _ in range(3):
            await crowd(conn, member)
        everyone = await rows(conn, bundle)
        numbers = sorted({row["member_id"] for row in everyone})
        assert numbers[0] < 4096 < numbers[-1]
        assert await rows(conn, bundle, members=numbers) == everyone
        assert {row["member_id"] for row in await rows(conn, bundle, members=numbers[:2])} == set(numbers[:2])
        await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID, beside=[second])
        found = await (await conn.execute("SELECT member_id FROM messages WHERE stage = %s", [STAGE])).fetchall()
        assert {row["member_id"] for row in found} == {row["member_id"] for row in everyone if not row["reason"]}


async def test_explain_names_the_gates_and_when_the_rest_would_come(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(entered_at=LONG_AGO, opted_out_at=NOON)
    await did(conn, who, "message", NOON - 7 * DAY)
    found = await explain(conn, bundle, who, STAGE, NOON)
    steps = {step.step: step for step in found.steps}
    silent, unspoken = steps["silent"].today, steps["unspoken"]
    assert silent is not None
    assert (silent.reason, silent.gates["cap_day"]) == ("opted_out", 2)
    assert unspoken.due_at == ten(SHANGHAI, date(2026, 3, 27))
    assert steps["silent_holder"].due_at is None
    assert (found.absence, found.absent_since) == ("other_step", NOON - 7 * DAY)


@pytest.mark.parametrize(
    ("entered_at", "in_group", "sign", "absence", "since"),
    [
        (None, False, None, "not_entered", None),
        (NOON + DAY, True, None, "entered_later", NOON + DAY),
        (NOON - 30 * DAY, False, None, "left", NOON - 30 * DAY),
        (LONG_AGO, True, NOON - 6 * DAY, "still_active", NOON - 6 * DAY),
        (NOON - 3 * DAY, True, NOON - 6 * DAY, "still_active", NOON - 3 * DAY),
        (LONG_AGO, True, NOON - 60 * DAY, "silent_long", NOON - 60 * DAY),
    ],
)
async def test_why_the_audience_does_not_name_a_member(
    conn: Connection,
    bundle: Bundle,
    member: MakeMember,
    entered_at: datetime | None,
    in_group: bool,
    sign: datetime | None,
    absence: str,
    since: datetime | None,
) -> None:
    who = await member(entered_at=entered_at or NOON, in_group=in_group)
    if entered_at is None:
        await set_member(conn, who, entered_at=None, left_at=None)
    if sign:
        await did(conn, who, "message", sign)
    found = await explain(conn, bundle, who, STAGE, NOON)
    assert (found.absence, found.absent_since) == (absence, since)


# Cost.


@pytest.mark.own_database
async def test_cost_follows_who_fell_silent_not_the_members_and_what_they_did(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await conn.execute(
        "INSERT INTO members (telegram_id, dm, first_seen_at, entered_at)"
        " SELECT 1000000 + i, 'open', %(at)s, %(at)s FROM generate_series(1, 10000) AS i",
        {"at": LONG_AGO},
    )
    await conn.execute(
        "INSERT INTO milestones SELECT id, kind, at, at FROM members"
        " CROSS JOIN unnest(%(kinds)s::text[]) AS kind"
        " CROSS JOIN LATERAL (SELECT CASE id %% 2 WHEN 0 THEN %(long)s ELSE %(now)s END::timestamptz) AS l (at)",
        {"kinds": sorted(SIGNS_OF_LIFE), "long": NOON - 100 * DAY, "now": NOON},
    )
    for _ in range(5):
        await did(conn, await member(entered_at=LONG_AGO), "click", NOON - 7 * DAY)
    for analysed in (False, True):
        if analysed:
            await conn.execute("ANALYZE members, milestones")
        assert 0 < await rows_read(conn, bundle, STAGE, NOON, "milestones") < 100
        assert await rows_read(conn, bundle, STAGE, NOON, "members") < 100
