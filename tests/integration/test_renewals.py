"""Reminders before a term ends: a ladder by plan in the member's own days, over once the end does not matter."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from community.access.grant import grant
from community.access.models import Term
from community.access.terms import cancel, revoke, set_end
from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.claim import claim
from community.outreach.explain import explain
from community.outreach.plan import plan, preview
from community.outreach.report import outcome_by_step
from community.playbook_stages import Step
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import only_message, rows_read, set_member, state, states

STAGE = "renewal_reminders"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AHEAD = DAY
"""How long before its time a rung is planned."""
SHANGHAI = "Asia/Shanghai"
LADDERS = {"month": (7, 3, 1), "quarter": (14, 7, 1), "year": (14, 7, 1), "trial_7": (3, 1)}
STAFF = {"source": "staff", "by": "ann"}


def ten(zone: str, on: date) -> datetime:
    return datetime.combine(on, time(10), ZoneInfo(zone)).astimezone(UTC)


async def rows(conn: Connection, bundle: Bundle, at: datetime, **options: Any) -> list[dict[str, Any]]:
    return await preview(conn, bundle, STAGE, at, **options)


async def sends(conn: Connection, bundle: Bundle, at: datetime) -> list[str]:
    """Steps that would be sent, or queued for their time."""
    return [row["step"] for row in await rows(conn, bundle, at) if row["reason"] is None]


async def planned(conn: Connection) -> list[tuple[str, datetime]]:
    found = await conn.execute("SELECT step, due_at FROM messages WHERE stage = %s ORDER BY due_at", [STAGE])
    return [(row["step"], row["due_at"]) for row in await found.fetchall()]


async def run(conn: Connection, bundle: Bundle, begin: datetime, end: datetime) -> None:
    """As the schedule does, and send what is due; every six hours, so that it is quick."""
    at = begin
    while at < end:
        await plan(conn, bundle, STAGE, at, bot_id=BOT_ID)
        await conn.execute("UPDATE messages SET state = 'sent', sent_at = due_at WHERE due_at <= %s", [at])
        at += 6 * HOUR


async def term(conn: Connection, member_id: int, ends_at: datetime | None, plan: str = "month", **more: Any) -> int:
    """A term as it stands in the table; returns its number."""
    values = {
        "member_id": member_id,
        "plan": plan,
        "line": "membership",
        "starts_at": (ends_at or NOON) - 30 * DAY,
        "ends_at": ends_at,
        "changed_at": (ends_at or NOON) - 30 * DAY,
        "source": "staff",
        "granted_by": "ann",
        **more,
    }
    values["counted_from_at"] = values["starts_at"]
    names, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    row = await (await conn.execute(f"INSERT INTO terms ({names}) VALUES ({places}) RETURNING id", values)).fetchone()
    assert row is not None
    return int(row["id"])


async def settle(conn: Connection, bundle: Bundle, at: datetime) -> dict[str, int]:
    """What becomes of the waiting messages when they are claimed."""
    await claim(conn, BOT_ID, bundle.playbook, at, "one", 32)
    return await states(conn)


def stage_with(bundle: Bundle, steps: list[dict[str, Any]]) -> Bundle:
    stages = dict(bundle.source["stages"])
    return Bundle({**bundle.source, "stages": {**stages, STAGE: {**stages[STAGE], "steps": steps}}}, bundle.copy)


# The ladder.


@pytest.mark.parametrize("plan_key", LADDERS)
async def test_each_plan_has_its_rungs_at_ten_of_the_members_day(
    conn: Connection, bundle: Bundle, member: MakeMember, plan_key: str
) -> None:
    zone = "America/New_York"
    who = await member(zone=zone)
    begun = datetime(2026, 3, 4, 15, tzinfo=ZoneInfo(zone))
    held = await grant(conn, bundle.playbook, who, plan_key, begun, **STAFF)
    assert held.ends_at is not None
    ends_on = held.ends_at.astimezone(ZoneInfo(zone)).date()
    await run(conn, bundle, max(begun, held.ends_at - 16 * DAY), held.ends_at + DAY)
    name = plan_key.partition("_")[0]
    assert await planned(conn) == [
        (f"{name}_{days}", ten(zone, ends_on - timedelta(days=days))) for days in LADDERS[plan_key]
    ]


def expected(
    steps: tuple[Step, ...], plan_key: str, starts_at: datetime, ends_at: datetime, zone: str, until: datetime
) -> list[tuple[str, datetime, datetime]]:
    """Step, due, expiry: reckoned in Python alone."""
    local = ZoneInfo(zone)
    begun_on, ends_on = starts_at.astimezone(local).date(), ends_at.astimezone(local).date()
    rungs = []
    for step in steps:
        on = ends_on + timedelta(days=step.day)
        assert step.at is not None
        due = datetime.combine(on, step.at, local).astimezone(UTC)
        if plan_key in step.plans and on > begun_on and (step.day > 0 or due < ends_at):
            rungs.append((step, due))
    found = []
    for step, due in rungs:
        ends = [due + step.expires_after, *(later for _, later in rungs if later > due)]
        found.append((step.name, due, min([*ends, ends_at] if step.day <= 0 else ends)))
    return [rung for rung in found if rung[1] <= until]


ZONES = (
    "Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Kiritimati",
    "Pacific/Pago_Pago", "Asia/Kathmandu", "America/Sao_Paulo", "Africa/Casablanca",
)  # fmt: skip
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
minutes = st.integers(0, 5 * 365 * 24 * 60).map(lambda number: BEGIN + timedelta(minutes=number))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan_key=st.sampled_from(list(LADDERS)),
    zone=st.sampled_from(ZONES),
    ends_at=minutes,
    length=st.integers(1, 24 * 400),
    before=st.integers(-24 * 12, 24 * 20),
)
@example("month", "Europe/Berlin", datetime(2026, 3, 30, 1, tzinfo=UTC), 24 * 31, 30)  # over the change of clocks
@example("month", "America/New_York", datetime(2026, 11, 3, 3, tzinfo=UTC), 24 * 31, 30)
@example("year", "Asia/Shanghai", datetime(2024, 2, 29, 16, tzinfo=UTC), 24 * 365, 1)  # 1 March there
@example("quarter", "Pacific/Kiritimati", datetime(2028, 2, 29, 9, 59, tzinfo=UTC), 24 * 90, 24)
@example("quarter", "Asia/Shanghai", datetime(2026, 6, 4, 15, tzinfo=UTC), 24 * 90, 373)  # its first rung, just due
@example("trial_7", "Asia/Kathmandu", datetime(2026, 1, 1, tzinfo=UTC), 25, 2)
async def test_rungs_are_by_the_members_calendar_whatever_the_zone_and_the_day(
    conn: Connection,
    bundle: Bundle,
    member: MakeMember,
    plan_key: str,
    zone: str,
    ends_at: datetime,
    length: int,
    before: int,
) -> None:
    at, starts_at = ends_at - before * HOUR, ends_at - length * HOUR
    async with conn.transaction(force_rollback=True):
        who = await member(zone=zone)
        number = await term(conn, who, ends_at, plan_key, starts_at=starts_at, changed_at=starts_at)
        found = await rows(conn, bundle, at)
    steps = bundle.playbook.stage(STAGE).steps
    assert sorted((row["step"], row["due_at"], row["expires_at"]) for row in found) == sorted(
        expected(steps, plan_key, starts_at, ends_at, zone, at + AHEAD)
    )
    assert {row["occurrence"] for row in found} <= {f"{number}:{ends_at:%Y-%m-%d}"}


async def test_rungs_fit_the_length_of_the_term(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """A seven-day trial has no seven-day rung, a trial of a day none at all."""
    rung = {"plans": ["trial_7"], "at": "10:00", "expires_after": "1d", "promotional": True}
    steps = [{**rung, "name": f"trial_{days}", "day": -days} for days in (7, 6)]
    begun = ten(SHANGHAI, date(2026, 3, 4)) - HOUR
    who = await member()
    await grant(conn, bundle.playbook, who, "trial_7", begun, **STAFF)
    assert await sends(conn, stage_with(bundle, steps), begun + 2 * HOUR) == ["trial_6"]
    short = await member()
    await term(conn, short, begun + 26 * HOUR, "trial_7", starts_at=begun)
    assert await rows(conn, bundle, begun + 25 * HOUR, members=[short]) == []


async def test_a_rung_on_the_day_of_the_end_comes_before_it_or_not_at_all(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    steps = [{"name": "month_1", "plans": ["month"], "day": 0, "at": "10:00", "expires_after": "1d",
              "promotional": True}]  # fmt: skip
    noon, nine = await member(), await member()
    await term(conn, noon, NOON)
    await term(conn, nine, NOON - 3 * HOUR)
    found = await rows(conn, stage_with(bundle, steps), NOON - 12 * HOUR)
    assert [(row["member_id"], row["expires_at"]) for row in found] == [(noon, NOON)]


async def test_a_step_without_plans_is_for_terms_of_every_plan(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    step = {"name": "month_1", "day": -1, "at": "10:00", "expires_after": "1d", "promotional": True}
    for plan_key in ("month", "trial_7", "pack"):
        await term(conn, await member(), NOON + DAY, plan_key)
    assert await sends(conn, stage_with(bundle, [step]), NOON) == ["month_1"] * 3
    assert sorted(await sends(conn, bundle, NOON)) == ["month_1", "trial_1"], "a pack has no rungs"


async def test_a_rung_is_stale_when_the_next_is_due_and_the_last_at_the_end(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    end = NOON + 7 * DAY
    await term(conn, await member(), end)
    found = {row["step"]: row["expires_at"] for row in await rows(conn, bundle, end - HOUR)}
    assert found["month_7"] == ten(SHANGHAI, date(2026, 3, 8))
    assert found["month_3"] == ten(SHANGHAI, date(2026, 3, 10))
    early = ten(SHANGHAI, date(2026, 3, 11)) + timedelta(minutes=90)
    await term(conn, await member(), early)
    [last] = [row for row in await rows(conn, bundle, early - HOUR, members=[2]) if row["step"] == "month_1"]
    assert last["expires_at"] == last["due_at"] + DAY


async def test_after_downtime_only_the_newest_rung_is_sent(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    lasting = [{**step, "expires_after": "20d"} for step in bundle.source["stages"][STAGE]["steps"]]
    patient = stage_with(bundle, lasting)
    end = NOON + 2 * DAY
    await term(conn, await member(), end)
    result = await plan(conn, patient, STAGE, NOON, bot_id=BOT_ID)
    assert result.steps == {"month_3": {"send": 1}, "month_7": {"collapsed": 1}, "month_1": {"send": 1}}
    assert dict(await planned(conn))["month_1"] > NOON, "that one is not late: it waits for its time"
    await conn.execute("DELETE FROM messages")
    after = end + 3 * DAY
    result = await plan(conn, patient, STAGE, after, bot_id=BOT_ID)
    assert result.steps == {
        "winback_3": {"send": 1}, "month_1": {"collapsed": 1}, "month_3": {"collapsed": 1}, "month_7": {"collapsed": 1},
    }  # fmt: skip


async def test_no_rung_is_sent_when_its_time_is_over(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await term(conn, await member(), NOON - HOUR)
    assert await sends(conn, bundle, NOON) == []
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    assert {row["reason"] for row in await rows(conn, bundle, NOON)} == {"collapsed", "stale"}


async def test_an_end_long_past_is_left_alone(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await term(conn, await member(), NOON - 18 * DAY - HOUR)
    assert await rows(conn, bundle, NOON - AHEAD) == []


async def test_a_rung_is_in_the_queue_a_day_before_so_that_lower_stages_leave_it_room(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    tight = Bundle({**bundle.source, "caps": {"per_day": 1, "per_week": 5}}, bundle.copy)
    who = await member(entered_at=NOON - 400 * DAY)
    await conn.execute("INSERT INTO milestones VALUES (%s, 'click', %s, %s)", [who, NOON - 7 * DAY, NOON - 7 * DAY])
    await term(conn, who, NOON + 2 * DAY, "trial_7", starts_at=NOON - DAY)
    due = ten(SHANGHAI, date(2026, 3, 5))
    assert (await plan(conn, tight, STAGE, due - AHEAD - timedelta(minutes=1), bot_id=BOT_ID)).send == 0
    assert (await plan(conn, tight, STAGE, due - AHEAD, bot_id=BOT_ID)).send == 1
    waiting = await only_message(conn)
    assert (waiting["step"], waiting["due_at"], waiting["state"]) == ("trial_1", due, "waiting")
    lower = await plan(conn, tight, "dormancy_reactivation", NOON, bot_id=BOT_ID)
    assert lower.skipped == {"outranked": 1}


async def test_who_left_is_not_reminded_and_who_never_came_in_is(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    gone, listed = await member(in_group=False), await member()
    await set_member(conn, listed, entered_at=None)
    for who in (gone, listed):
        await term(conn, who, NOON + DAY)
    due = await rows(conn, bundle, NOON)
    assert [(row["member_id"], row["step"]) for row in due if row["reason"] is None] == [(listed, "month_1")]
    assert (await explain(conn, bundle, gone, STAGE, NOON)).absence == "left"


# Which end counts.


async def test_only_the_last_end_of_a_line_counts(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member()
    await term(conn, who, NOON + DAY)
    last = await term(conn, who, NOON + 7 * DAY, starts_at=NOON - 9 * DAY)
    found = await rows(conn, bundle, NOON)
    assert [(row["step"], row["occurrence"]) for row in found] == [("month_7", f"{last}:2026-03-11")]


async def test_of_equal_ends_one_counts(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member()
    await term(conn, who, NOON + DAY)
    newest = await term(conn, who, NOON + DAY)
    found = [row for row in await rows(conn, bundle, NOON) if row["reason"] is None]
    assert [(row["step"], row["occurrence"]) for row in found] == [("month_1", f"{newest}:2026-03-05")]


async def test_lines_are_independent(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member()
    await term(conn, who, NOON + DAY)
    await term(conn, who, NOON + 80 * DAY, "pack", line="pack")
    assert "month_1" in await sends(conn, bundle, NOON)


@pytest.mark.parametrize(
    "later",
    [
        {"ends_at": None},
        {"ends_at": NOON + 30 * DAY, "plan": "year"},
        {"ends_at": NOON + 30 * DAY, "cancelled_at": NOON - DAY},
    ],
)
async def test_who_is_covered_beyond_it_is_not_reminded_of_an_end(
    conn: Connection, bundle: Bundle, member: MakeMember, later: dict[str, Any]
) -> None:
    who = await member()
    await term(conn, who, NOON + DAY)
    await term(conn, who, **later)
    assert await rows(conn, bundle, NOON) == []


async def test_a_later_term_that_was_revoked_covers_nobody(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    await term(conn, who, NOON + DAY)
    await term(conn, who, NOON + 30 * DAY, revoked_at=NOON - DAY)
    assert "month_1" in await sends(conn, bundle, NOON)


@pytest.mark.parametrize("out", ["cancelled_at", "revoked_at"])
async def test_cancelled_and_revoked_terms_have_no_rungs_and_are_not_won_back(
    conn: Connection, bundle: Bundle, member: MakeMember, out: str
) -> None:
    await term(conn, await member(), NOON + DAY, **{out: NOON - DAY})
    await term(conn, await member(), NOON - 3 * DAY, **{out: NOON - 5 * DAY})
    assert await rows(conn, bundle, NOON) == []


# What happens after planning.


async def queued(conn: Connection, bundle: Bundle, who: int, plan_key: str = "month") -> Term:
    """A term whose first rung waits; `NOON` is just after it was planned."""
    days = LADDERS[plan_key][0]
    end = NOON + timedelta(days=days) + 20 * HOUR
    held = await grant(conn, bundle.playbook, who, plan_key, NOON - 5 * DAY, **STAFF)
    held = await set_end(conn, held.id, end, NOON - 4 * DAY, by="ann", note="")
    assert (await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)).send == 1
    return held


async def test_what_waits_goes_at_its_time_if_nothing_happens(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await queued(conn, bundle, await member())
    waiting = await only_message(conn)
    assert waiting["due_at"] == ten(SHANGHAI, date(2026, 3, 5))
    assert await settle(conn, bundle, NOON + HOUR) == {"waiting": 1}
    assert await settle(conn, bundle, waiting["due_at"]) == {"sending": 1}


@pytest.mark.parametrize("event", ["renew", "cancel", "revoke", "change"])
async def test_what_waits_is_dropped_the_moment_the_end_does_not_matter(
    conn: Connection, bundle: Bundle, member: MakeMember, event: str
) -> None:
    who = await member()
    held = await queued(conn, bundle, who)
    waiting = await only_message(conn)
    at = NOON + HOUR
    assert held.ends_at is not None
    match event:
        case "renew":
            await grant(conn, bundle.playbook, who, "year", at, **STAFF)
        case "cancel":
            await cancel(conn, held.id, at, by="ann")
        case "revoke":
            await revoke(conn, held.id, at, by="ann", note="")
        case "change":
            await set_end(conn, held.id, held.ends_at + 5 * DAY, at, by="ann", note="")
    assert await settle(conn, bundle, waiting["due_at"]) == {"cancelled": 1}
    assert await state(conn, waiting["id"]) == ("cancelled", "goal_reached")
    assert await sends(conn, bundle, at) == []


async def test_an_end_that_is_changed_has_a_ladder_of_its_own(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    held = await grant(conn, bundle.playbook, who, "month", NOON - 22 * DAY, **STAFF)
    assert held.ends_at is not None
    await run(conn, bundle, NOON - 4 * DAY, NOON)
    assert [step for step, _ in await planned(conn)] == ["month_7"]
    later = held.ends_at + 10 * DAY
    await set_end(conn, held.id, later, NOON, by="ann", note="")
    await run(conn, bundle, NOON, later + HOUR)
    assert [step for step, _ in await planned(conn)] == ["month_7", "month_7", "month_3", "month_1"]
    found = await (await conn.execute("SELECT DISTINCT occurrence FROM messages")).fetchall()
    assert {row["occurrence"] for row in found} == {
        f"{held.id}:{held.ends_at:%Y-%m-%d}", f"{held.id}:{later:%Y-%m-%d}",
    }  # fmt: skip


@pytest.mark.parametrize("back", ["before the rung", "after the rung"])
async def test_an_end_that_is_changed_and_changed_back_keeps_its_ladder(
    conn: Connection, bundle: Bundle, member: MakeMember, back: str
) -> None:
    held = await queued(conn, bundle, await member())
    waiting = await only_message(conn)
    assert held.ends_at is not None
    await set_end(conn, held.id, held.ends_at + 5 * DAY, NOON + HOUR, by="ann", note="")
    at = waiting["due_at"] + (HOUR if back == "after the rung" else -HOUR)
    expected = {"cancelled": 1} if back == "after the rung" else {"waiting": 1}
    assert await settle(conn, bundle, at) == expected
    await set_end(conn, held.id, held.ends_at, at, by="ann", note="a slip")
    assert await settle(conn, bundle, at + 2 * HOUR) == {"sending": 1}

    await conn.execute("UPDATE messages SET state = 'sent', sent_at = %s", [at])
    await set_end(conn, held.id, held.ends_at + 5 * DAY, at + 3 * HOUR, by="ann", note="")
    await set_end(conn, held.id, held.ends_at, at + 4 * HOUR, by="ann", note="")
    assert await settle(conn, bundle, at + 5 * HOUR) == {"sent": 1}, "what was sent is not sent again"
    assert await sends(conn, bundle, at + 5 * HOUR) == []


async def test_an_end_changed_back_when_the_rung_is_of_no_use_any_more_does_not_send_it(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    held = await queued(conn, bundle, await member())
    waiting = await only_message(conn)
    assert held.ends_at is not None
    await set_end(conn, held.id, held.ends_at + 5 * DAY, NOON + HOUR, by="ann", note="")
    assert await settle(conn, bundle, waiting["due_at"]) == {"cancelled": 1}
    await set_end(conn, held.id, held.ends_at, waiting["expires_at"], by="ann", note="")
    assert await settle(conn, bundle, waiting["expires_at"]) == {"cancelled": 1}


async def test_an_end_corrected_within_its_day_is_told_with_its_new_time(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    held = await queued(conn, bundle, await member())
    assert held.ends_at is not None
    corrected = held.ends_at + 2 * HOUR
    await set_end(conn, held.id, corrected, NOON + HOUR, by="ann", note="")
    waiting = await only_message(conn)
    assert datetime.fromisoformat(waiting["context"]["ends_at"]) == corrected
    assert await settle(conn, bundle, waiting["due_at"]) == {"sending": 1}


async def test_an_end_set_in_the_moment_in_which_another_was_over_is_reminded_of(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    held = await grant(conn, bundle.playbook, who, "month", NOON - DAY, **STAFF)
    first, second = NOON + 2 * DAY, NOON + 3 * DAY
    await set_end(conn, held.id, first, NOON, by="ann", note="")
    await set_end(conn, held.id, second, NOON, by="ann", note="")
    await set_end(conn, held.id, first, NOON, by="ann", note="")
    assert await sends(conn, bundle, NOON + HOUR) == ["month_1"]


async def test_a_trial_that_is_followed_by_a_purchase_ends_its_ladder(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    trial = await grant(conn, bundle.playbook, who, "trial_7", NOON - 4 * DAY, **STAFF)
    assert trial.ends_at is not None
    assert (await plan(conn, bundle, STAGE, NOON - DAY, bot_id=BOT_ID)).send == 1
    bought = await grant(conn, bundle.playbook, who, "month", NOON - 20 * HOUR, source="stripe", by="x")
    assert bought.starts_at == trial.ends_at
    assert await settle(conn, bundle, ten(SHANGHAI, date(2026, 3, 4))) == {"cancelled": 1}
    await run(conn, bundle, NOON - 19 * HOUR, trial.ends_at + 5 * DAY)
    assert len(await planned(conn)) == 1


async def test_a_renewal_that_is_revoked_lets_the_former_end_matter_again(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    await grant(conn, bundle.playbook, who, "month", NOON - 26 * DAY, **STAFF)
    renewed = await grant(conn, bundle.playbook, who, "month", NOON - 10 * DAY, **STAFF)
    assert await rows(conn, bundle, NOON - 2 * DAY) == []
    await revoke(conn, renewed.id, NOON - 2 * DAY, by="ann", note="refunded")
    assert "month_3" in await sends(conn, bundle, NOON - HOUR)


async def test_the_rung_that_waited_when_a_renewal_was_refunded_goes_at_its_time(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    await queued(conn, bundle, who)
    waiting = await only_message(conn)
    renewed = await grant(conn, bundle.playbook, who, "month", NOON + HOUR, source="stripe", by="x")
    await revoke(conn, renewed.id, NOON + 2 * HOUR, by="ann", note="refunded")
    assert await settle(conn, bundle, waiting["due_at"]) == {"sending": 1}


# Winning back.


async def test_who_holds_nothing_of_the_line_is_won_back_three_days_after_the_end(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    end = NOON - 3 * DAY
    who = await member()
    await term(conn, who, end)
    for plan_key, line in (("trial_7", "membership"), ("pack", "pack")):
        await term(conn, await member(), end, plan_key, line=line)
    back = await member()
    await term(conn, back, end)
    await term(conn, back, NOON + 20 * DAY, starts_at=NOON - DAY)
    [row] = [row for row in await rows(conn, bundle, NOON) if row["step"] == "winback_3"]
    assert (row["member_id"], row["due_at"]) == (who, ten(SHANGHAI, date(2026, 3, 4)))
    assert (row["expires_at"], row["reason"]) == (row["due_at"] + 2 * DAY, None)
    assert row["context"]["coupon"].startswith("BACK-")


@pytest.mark.parametrize(("source", "plan_key"), [("staff", "month"), ("stripe", "year")])
async def test_who_came_back_meanwhile_is_not_won_back(
    conn: Connection, bundle: Bundle, member: MakeMember, source: str, plan_key: str
) -> None:
    who = await member()
    held = await grant(conn, bundle.playbook, who, "month", NOON - 30 * DAY, source="stripe", by="x")
    assert held.ends_at is not None
    due = ten(SHANGHAI, (held.ends_at.astimezone(ZoneInfo(SHANGHAI)) + 3 * DAY).date())
    await plan(conn, bundle, STAGE, due - HOUR, bot_id=BOT_ID)
    waiting = await only_message(conn, step="winback_3")
    await grant(conn, bundle.playbook, who, plan_key, due - timedelta(minutes=30), source=source, by="x")
    await claim(conn, BOT_ID, bundle.playbook, due, "one", 32)
    assert await state(conn, waiting["id"]) == ("cancelled", "goal_reached")
    assert await sends(conn, bundle, due) == []


async def test_the_purchase_of_something_else_does_not_keep_from_winning_back(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    held = await grant(conn, bundle.playbook, who, "month", NOON - 40 * DAY, source="stripe", by="x")
    assert held.ends_at is not None
    await grant(conn, bundle.playbook, who, "pack", held.ends_at + DAY, source="stripe", by="x")
    assert "winback_3" in await sends(conn, bundle, held.ends_at + 3 * DAY)


# What the copy is given.


async def test_the_copy_is_given_plan_end_and_days(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await term(conn, await member(), NOON + DAY)
    [row] = [row for row in await rows(conn, bundle, NOON) if row["step"] == "month_1"]
    coupon = row["context"].pop("coupon")
    assert coupon.startswith("RENEW-")
    assert row["context"] == {"plan": "month", "ends_at": "2026-03-05T04:00:00+00:00", "days_left": 1}


@pytest.mark.parametrize("locale", ["zh-Hans", "zh-Hant", "en"])
def test_no_copy_counts_days_as_it_may_be_sent_later(shipped: Bundle, locale: str) -> None:
    for name, text in shipped.copy[locale].items():
        if name.startswith(STAGE):
            assert "ends_at" in text, name
            assert not any(word in text for word in ("days_left", "tomorrow", "明天", "今天", "today")), name


# Planning and explaining.


async def test_preview_is_what_the_plan_then_does_and_a_second_plan_adds_nothing(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    for columns in ({}, {"dm": "none"}, {"opted_out_at": NOON}, {"zone": "America/Lima"}):
        for days in (-3, 1, 3, 7):
            await term(conn, await member(**columns), NOON + days * DAY)
    seen = await rows(conn, bundle, NOON)
    result = await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    same = ("member_id", "step", "occurrence", "context", "expires_at", "lane")
    would = [{key: row[key] for key in same} for row in seen if not row["reason"]]
    query = f"SELECT {', '.join(same)} FROM messages"
    assert sorted(map(str, await (await conn.execute(query)).fetchall())) == sorted(map(str, would))
    assert result.send == len(would) == 8
    assert {"unreachable", "opted_out"} <= result.skipped.keys()
    again = await plan(conn, bundle, STAGE, NOON + timedelta(minutes=5), bot_id=BOT_ID)
    assert (again.send, again.already, again.decided) == (0, result.send, 0)


async def test_a_plan_for_some_names_the_same_as_one_for_all(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    numbers = []
    for days in (-3, 1, 3, 7):
        numbers.append(await member())
        await term(conn, numbers[-1], NOON + days * DAY)
    everyone = await rows(conn, bundle, NOON)
    assert await rows(conn, bundle, NOON, members=numbers) == everyone
    assert {row["member_id"] for row in await rows(conn, bundle, NOON, members=numbers[:2])} == set(numbers[:2])


async def test_explain_names_the_gates_and_when_the_next_rungs_come(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(dm="blocked")
    await term(conn, who, NOON + 7 * DAY)
    found = await explain(conn, bundle, who, STAGE, NOON)
    steps = {step.step: step for step in found.steps}
    today = steps["month_7"].today
    assert today is not None
    assert (today.reason, today.gates["dm"]) == ("blocked", "blocked")
    assert [steps[name].due_at for name in ("month_3", "month_1", "winback_3")] == [
        ten(SHANGHAI, date(2026, 3, day)) for day in (8, 10, 14)
    ]
    assert steps["year_7"].today is None
    assert (found.absence, found.absent_since) == ("ends_later", NOON + 7 * DAY)


@pytest.mark.parametrize(
    ("terms", "absence", "since"),
    [
        ([], "no_term", None),
        ([{"ends_at": NOON + DAY, "revoked_at": NOON - DAY}], "revoked", NOON - DAY),
        ([{"ends_at": None, "starts_at": NOON - 9 * DAY}], "lifetime", NOON - 9 * DAY),
        ([{"ends_at": NOON + DAY, "cancelled_at": NOON - DAY}], "cancelled", NOON - DAY),
        ([{"ends_at": NOON + HOUR, "plan": "pack", "line": "pack"}], "no_rungs", NOON + HOUR),
        ([{"ends_at": NOON - 60 * DAY}], "ended", NOON - 60 * DAY),
        ([{"ends_at": NOON + 90 * DAY}], "ends_later", NOON + 90 * DAY),
        ([{"ends_at": NOON + DAY}, {"ends_at": NOON + 31 * DAY}], "term_followed", NOON + 31 * DAY),
        ([{"ends_at": NOON - 90 * DAY}, {"ends_at": NOON + 31 * DAY}], "ends_later", NOON + 31 * DAY),
        ([{"ends_at": None, "line": "pack"}, {"ends_at": NOON + 50 * DAY}], "ends_later", NOON + 50 * DAY),
    ],
)
async def test_why_the_audience_does_not_name_a_member(
    conn: Connection,
    bundle: Bundle,
    member: MakeMember,
    terms: list[dict[str, Any]],
    absence: str,
    since: datetime | None,
) -> None:
    who = await member()
    for each in terms:
        await term(conn, who, **each)
    found = await explain(conn, bundle, who, STAGE, NOON)
    assert (found.absence, found.absent_since) == (absence, since)


async def test_an_erased_zone_is_the_communitys(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member(zone="America/New_York")
    await term(conn, who, NOON + DAY)
    await set_member(conn, who, zone=None)
    due = {row["due_at"] for row in await rows(conn, bundle, NOON) if row["step"] == "month_1"}
    assert due == {ten(SHANGHAI, date(2026, 3, 4))}


# Cost.


@pytest.mark.own_database
async def test_cost_follows_the_ends_that_are_near_not_the_terms(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await conn.execute(
        "INSERT INTO members (telegram_id, dm, first_seen_at, entered_at)"
        " SELECT 1000000 + i, 'open', %(at)s, %(at)s FROM generate_series(1, 10000) AS i",
        {"at": NOON - 400 * DAY},
    )
    await conn.execute(
        "INSERT INTO terms (member_id, plan, line, starts_at, ends_at, counted_from_at, changed_at, source, granted_by)"
        " SELECT id, 'month', 'membership', e - interval '30 days', e, e, e, 'list', 'x' FROM members"
        " CROSS JOIN unnest(ARRAY[40, 70, 100, -40]) AS days"
        " CROSS JOIN LATERAL (SELECT %(at)s::timestamptz - make_interval(days => days)) AS l (e)",
        {"at": NOON},
    )
    for _ in range(5):
        await term(conn, await member(), NOON + DAY)
    for analysed in (False, True):
        if analysed:
            await conn.execute("ANALYZE members, terms")
        assert 0 < await rows_read(conn, bundle, STAGE, NOON, "terms") < 100
        assert await rows_read(conn, bundle, STAGE, NOON, "members") < 100


async def test_the_coupon_of_a_rung_is_issued_with_its_message(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    await term(conn, who, NOON + DAY + 2 * HOUR)
    result = await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    assert result.send == 1
    [row] = await (await conn.execute("SELECT context, due_at FROM messages")).fetchall()
    [coupon] = await (await conn.execute("SELECT * FROM coupons")).fetchall()
    assert row["context"]["coupon"] == coupon["code"]
    assert (coupon["member_id"], coupon["offer"], coupon["kind"]) == (who, "renewal", "percent")
    assert coupon["valid_until_at"] == row["due_at"] + bundle.playbook.offers["renewal"].valid_for


async def test_what_waits_for_its_time_is_told_so(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await term(conn, await member(), NOON + 8 * DAY)
    result = await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    assert await outcome_by_step(conn, result.plan_id) == [
        {"step": "month_7", "state": "waiting", "reason": "ahead", "messages": 1}
    ]
