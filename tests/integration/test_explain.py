"""Explaining a stage for one member: what was recorded, what holds by today's data, and why a step is missing."""

import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.errors import UnknownStage
from community.outbox.halt import halt
from community.outreach import statements
from community.outreach.decide import decide, execute
from community.outreach.explain import Explanation, StepExplanation, explain
from community.outreach.models import Reason
from community.outreach.plan import plan, preview, tally
from community.outreach.proposals import propose_backfill, propose_send
from deployments.cli.gates import gate_of
from tasks.words import ABSENCES, REASONS
from tests.integration.conftest import BOT_ID, NOON, past_send
from tests.integration.rows import FROM_A_MOMENT, STEP, audiences, reach, with_stages

STAGE = "welcome_drip"
DAY = timedelta(days=1)
LASTING = [{"name": "day_1", "day": 1, "at": "10:00", "expires_after": "3d", "promotional": True}]
CAPS = {"per_day": 2, "per_week": 5}
OUTCOMES = ("send", "deferred", "frequency_cap", "blocked", "opted_out")
MakeMember = Callable[..., Awaitable[int]]


def step(found: Explanation, name: str) -> StepExplanation:
    return next(step for step in found.steps if step.step == name)


async def leave(conn: Connection, at: datetime) -> None:
    """Everyone leaves."""
    await conn.execute("UPDATE memberships SET left_at = %s", [at])
    await conn.execute("UPDATE members SET left_at = %s", [at])


async def everything(conn: Connection) -> list[Any]:
    """All rows that explaining might have touched."""
    tables = ("messages", "decisions", "plans", "stage_triggers", "milestones")
    return [await (await conn.execute(f"SELECT * FROM {table} ORDER BY 1")).fetchall() for table in tables]


async def test_each_step_of_the_playbook_is_explained_in_its_order(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    found = await explain(conn, bundle, await member(), STAGE, NOON)
    assert [s.step for s in found.steps] == [s.name for s in bundle.playbook.stage(STAGE).steps]
    assert (found.bundle, found.enabled) == (bundle.hash, True)


async def test_without_a_record_the_gates_by_todays_data_are_told(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(opted_out_at=NOON - DAY)
    today = step(await explain(conn, bundle, number, STAGE, NOON), "day_1")
    assert today.message is None
    assert today.decision is None
    assert today.today is not None
    assert today.today.reason == "opted_out"
    assert datetime.fromisoformat(today.today.gates["opted_out"]) == NOON - DAY
    assert today.today.gates["cap_day"] == bundle.playbook.caps.per_day


async def test_a_recorded_decision_stays_what_it_was_when_the_member_changes(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(dm="none")
    planned = await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await conn.execute("UPDATE members SET dm = 'open' WHERE id = %s", [number])
    found = step(await explain(conn, bundle, number, STAGE, NOON + timedelta(hours=1)), "day_1")
    assert found.decision is not None
    assert (found.decision.reason, found.decision.at, found.decision.plan_id, found.decision.bundle) == (
        "unreachable",
        NOON,
        planned.plan_id,
        bundle.hash,
    )
    assert found.decision.gates["dm"] == "none"
    assert found.today is not None
    assert found.today.reason is None


async def test_a_decision_after_the_moment_asked_about_is_not_shown(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(dm="blocked")
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    found = step(await explain(conn, bundle, number, STAGE, NOON - timedelta(hours=1)), "day_1")
    assert found.decision is None
    assert found.today is not None
    assert found.today.reason == "blocked"


async def test_a_message_is_explained_by_its_record(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await member()
    planned = await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = %s", [NOON])
    found = step(await explain(conn, bundle, number, STAGE, NOON), "day_1")
    assert found.message is not None
    assert (found.message.state, found.message.sent_at, found.message.plan_id) == ("sent", NOON, planned.plan_id)
    assert found.message.bundle == bundle.hash
    assert found.today is None, "nothing is left to decide"


async def test_a_message_that_waits_shows_the_gates_its_claim_will_meet(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member()
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await halt(conn, f"stage:{STAGE}")
    found = step(await explain(conn, bundle, number, STAGE, NOON), "day_1")
    assert found.message is not None
    assert found.message.state == "waiting"
    assert found.today is not None
    assert found.today.reason == "halted"


async def test_a_waiting_message_does_not_count_itself_against_the_cap(
    conn: Connection, edited: Callable[..., Bundle], bundle: Bundle, member: MakeMember
) -> None:
    tight = edited(caps={"per_day": 1, "per_week": 1})
    number = await member()
    await plan(conn, tight, STAGE, NOON, bot_id=BOT_ID)
    found = step(await explain(conn, tight, number, STAGE, NOON), "day_1")
    assert found.today is not None
    assert found.today.reason is None


async def test_a_step_that_is_not_due_tells_when_it_will_be(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    found = await explain(conn, bundle, await member(entered_at=NOON - DAY, zone="Europe/Berlin"), STAGE, NOON)
    assert step(found, "day_7").due_at == datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
    assert step(found, "day_2").today is not None


@pytest.mark.parametrize("day", [2, 20, 40])
async def test_a_step_far_ahead_is_found_however_long_the_stage(
    conn: Connection, edited: Callable[..., Bundle], bundle: Bundle, member: MakeMember, day: int
) -> None:
    steps = [
        {"name": "day_1", "day": 1, "at": "10:00", "expires_after": "20h", "promotional": True},
        {"name": "day_2", "day": day, "at": "10:00", "expires_after": "20h", "promotional": True},
    ]
    long = edited(steps=steps)
    number = await member(entered_at=NOON - (day - 1) * DAY)
    assert step(await explain(conn, long, number, STAGE, NOON), "day_2").due_at == datetime(
        2026, 3, 5, 2, 0, tzinfo=UTC
    )


async def test_a_step_to_come_is_not_called_late(
    conn: Connection, edited: Callable[..., Bundle], bundle: Bundle, member: MakeMember
) -> None:
    steps = [{"name": "day_2", "day": 2, "at": "10:00", "expires_after": "20h", "promotional": True, "late": "skip"}]
    skipping = edited(steps=steps)
    found = step(await explain(conn, skipping, await member(entered_at=NOON - DAY), STAGE, NOON), "day_2")
    assert found.today is not None
    assert found.today.reason is None


@pytest.mark.parametrize(
    ("absence", "entered_at", "in_group"),
    [
        ("not_entered", None, False),
        ("left", NOON - DAY, False),
        ("over", NOON - 200 * DAY, True),
        ("entered_later", NOON + DAY, True),
    ],
)
async def test_why_the_audience_does_not_name_a_member(
    conn: Connection,
    bundle: Bundle,
    member: MakeMember,
    absence: str,
    entered_at: datetime | None,
    in_group: bool,
) -> None:
    number = await member(entered_at=entered_at or NOON)
    if entered_at is None:
        await conn.execute("DELETE FROM memberships")
        await conn.execute("UPDATE members SET entered_at = NULL")
    if not in_group:
        await leave(conn, NOON - timedelta(hours=1))
    found = await explain(conn, bundle, number, STAGE, NOON)
    assert found.absence == absence
    since = {"not_entered": None, "left": NOON - timedelta(hours=1)}.get(absence, entered_at)
    assert found.absent_since == since
    if absence != "entered_later":
        assert all(s == StepExplanation(s.step) for s in found.steps)


async def test_a_step_that_a_former_playbook_had_is_still_explained(
    conn: Connection, edited: Callable[..., Bundle], bundle: Bundle, member: MakeMember
) -> None:
    number = await member()
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    shorter = edited(steps=[dict(s) for s in bundle.source["stages"][STAGE]["steps"] if s["name"] != "day_1"])
    found = await explain(conn, shorter, number, STAGE, NOON)
    assert found.steps[-1].step == "day_1"
    assert found.steps[-1].message is not None


async def test_explaining_and_counting_write_nothing(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await member()
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    before = await everything(conn)
    await explain(conn, bundle, number, STAGE, NOON + 3 * DAY)
    await tally(conn, bundle, STAGE, NOON + 3 * DAY)
    assert await everything(conn) == before


async def test_an_unknown_stage_is_named(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    with pytest.raises(UnknownStage, match="nope"):
        await explain(conn, bundle, await member(), "nope", NOON)


async def test_quiet_hours_tell_the_morning_they_defer_to(
    conn: Connection, edited: Callable[..., Bundle], bundle: Bundle, member: MakeMember
) -> None:
    patient = edited(steps=LASTING, caps=CAPS)
    number = await member(zone="America/New_York")  # 23:00 there
    found = step(await explain(conn, patient, number, STAGE, NOON), "day_1")
    assert found.today is not None
    assert (found.today.reason, found.today.send_at) == (None, datetime(2026, 3, 4, 13, 30, tzinfo=UTC))


async def test_the_tally_is_what_the_plan_then_does(
    conn: Connection, edited: Callable[..., Bundle], bundle: Bundle, member: MakeMember
) -> None:
    patient = edited(steps=LASTING, caps=CAPS)
    crowded = await member()
    await past_send(conn, crowded, NOON - timedelta(hours=2), "one")
    await past_send(conn, crowded, NOON - timedelta(hours=3), "two")
    for columns in ({}, {"dm": "blocked"}, {"opted_out_at": NOON}, {"zone": "America/New_York"}):
        await member(**columns)
    await plan(conn, patient, STAGE, NOON, bot_id=BOT_ID, members=[await member()])
    rows = await tally(conn, patient, STAGE, NOON)
    listed = await preview(conn, patient, STAGE, NOON)
    planned = await plan(conn, patient, STAGE, NOON, bot_id=BOT_ID)
    assert planned.steps == {"day_1": dict.fromkeys(OUTCOMES, 1)}
    told: dict[str, dict[str, int]] = {}
    for row in rows:
        if row["step"]:
            told.setdefault(row["step"], {})[row["outcome"]] = row["members"]
    assert told == planned.steps
    assert [row["members"] for row in rows if row["step"] is None] == [planned.already]
    assert len(listed) == sum(sum(outcomes.values()) for outcomes in told.values())


# Stages that count from a moment to come, are planned ahead, or say themselves whom they hold back.


@pytest.fixture
def term(tmp_path: Path) -> Iterator[None]:
    with audiences(tmp_path, "term", text=FROM_A_MOMENT):
        yield


BEFORE = [
    {**STEP, "name": "week_before", "day": -7},
    {"name": "hour_before", "after": "-1h", "expires_after": "1h", "promotional": True},
    {"name": "day_after", "after": "24h", "expires_after": "1d", "promotional": True},
]
END = NOON + 299 * DAY
"""Of members who entered yesterday."""


@pytest.mark.usefixtures("term")
async def test_steps_before_and_after_a_moment_far_ahead_are_found(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    stage = with_stages(bundle, "term", stage={"steps": BEFORE, "plan_ahead": "24h"})
    found = await explain(conn, stage, await member(), "term", NOON)
    ten_oclock = END.replace(hour=2) - 7 * DAY
    assert [(s.step, s.due_at) for s in found.steps] == [
        ("week_before", ten_oclock),
        ("hour_before", END - timedelta(hours=1)),
        ("day_after", END + DAY),
    ]
    assert all(s.today is not None and s.today.reason is None for s in found.steps)


@pytest.mark.usefixtures("term")
async def test_what_a_plan_ahead_would_take_up_now_is_explained_once(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    stage = with_stages(bundle, "term", stage={"steps": BEFORE, "plan_ahead": "24h"})
    number, at = await member(), END - timedelta(hours=10)
    found = await explain(conn, stage, number, "term", at)
    assert [s.step for s in found.steps] == ["week_before", "hour_before", "day_after"]
    coming = step(found, "hour_before")
    assert coming.due_at == END - timedelta(hours=1)
    assert coming.today is not None
    assert (coming.today.reason, coming.today.from_at) == (None, coming.due_at)
    assert (await plan(conn, stage, "term", at, bot_id=BOT_ID)).steps == {
        "week_before": {"stale": 1}, "hour_before": {"send": 1}
    }  # fmt: skip
    waiting = step(await explain(conn, stage, number, "term", at), "hour_before")
    assert waiting.message is not None
    assert waiting.message.state == "waiting"


@pytest.mark.usefixtures("term")
async def test_what_the_stage_itself_holds_back_is_told(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    stage = with_stages(bundle, "term", stage={"steps": BEFORE})
    number = await member(locale="en")
    found = step(await explain(conn, stage, number, "term", END - timedelta(minutes=30)), "hour_before")
    assert found.today is not None
    assert (found.today.reason, found.today.gates["barred"]) == ("sold_out", "sold_out")
    far = step(await explain(conn, stage, number, "term", NOON), "hour_before")
    assert far.today is not None
    assert far.today.reason == "sold_out"


@pytest.mark.parametrize("late", ["send", "skip", "collapse"])
async def test_whether_a_step_is_late_is_told(
    conn: Connection, edited: Callable[..., Bundle], bundle: Bundle, member: MakeMember, late: str
) -> None:
    steps = [{**LASTING[0], "late": late}, {**LASTING[0], "name": "day_2", "at": "11:00", "late": late}]
    number = await member()
    found = await explain(conn, edited(steps=steps), number, STAGE, NOON)
    assert found.late_at == NOON - timedelta(hours=1)
    assert [s.due_at is not None and s.due_at <= found.late_at for s in found.steps] == [True, True]
    expected = {"send": [None, None], "skip": ["stale", "stale"], "collapse": ["collapsed", None]}[late]
    assert [s.today and s.today.reason for s in found.steps] == expected


async def test_the_milestone_that_was_reached_is_named(
    conn: Connection, edited: Callable[..., Bundle], bundle: Bundle, member: MakeMember
) -> None:
    wanting = edited(goal="purchase")
    number = await member()
    before = step(await explain(conn, wanting, number, STAGE, NOON), "day_1")
    assert before.today is not None
    assert (before.today.gates["goals"], before.today.gates["goal"]) == (["purchase"], None)
    await reach(conn, number, "purchase", NOON)
    after = step(await explain(conn, wanting, number, STAGE, NOON), "day_1")
    assert after.today is not None
    assert after.today.reason == "goal_reached"
    assert after.today.gates["goal"] == "purchase"
    assert datetime.fromisoformat(after.today.gates["goal_reached"]) == NOON


async def test_when_a_message_was_wanted_is_told(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await member()
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    found = step(await explain(conn, bundle, number, STAGE, NOON), "day_1").message
    assert found is not None
    assert (found.wanted_at, found.late_s) == (NOON - timedelta(hours=2), 2 * 3600)


async def test_every_shipped_stage_is_explained_to_who_is_in_it_and_to_who_is_not(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """Looks into the future ask each audience as of many moments in one statement."""
    active, unknown = await member(entered_at=NOON - 40 * DAY), await member(in_group=False)
    await reach(conn, active, "message", NOON - 3 * DAY)
    await conn.execute(
        "INSERT INTO terms (member_id, plan, line, starts_at, ends_at, counted_from_at, changed_at, source, granted_by)"
        " VALUES (%s, 'month', 'membership', %s, %s, %s, %s, 'test', 'test')",
        [active, NOON - 10 * DAY, NOON + 20 * DAY, NOON - 10 * DAY, NOON - 10 * DAY],
    )
    coming = {}
    for stage in bundle.playbook.stages:
        found = await explain(conn, bundle, active, stage, NOON)
        coming |= {s.step: s.due_at for s in found.steps if s.due_at}
        absent = await explain(conn, bundle, unknown, stage, NOON)
        assert absent.absence != "unknown"
    ends_on = datetime(2026, 3, 24, 2, tzinfo=UTC)
    assert coming["month_7"] == ends_on - 7 * DAY
    assert coming["winback_3"] == ends_on + 3 * DAY
    assert coming["silent_holder"] == datetime(2026, 3, 8, 2, tzinfo=UTC)
    assert coming["nps"] == datetime(2026, 3, 24, 3, tzinfo=UTC)


def test_every_code_of_an_audience_has_its_words() -> None:
    for path in statements.AUDIENCES.glob("*.sql"):
        audience, _, absence = path.read_text(encoding="utf-8").partition("-- name: absence")
        codes = re.findall(r"(?:THEN|ELSE|SELECT) '(\w+)'", absence)
        assert codes, path
        assert set(codes) <= set(ABSENCES), path
        barred = re.findall(r"CASE WHEN [^']* THEN '(\w+)' END AS barred", audience)
        assert set(barred) <= set(REASONS), path


@pytest.mark.parametrize("reason", [reason.value for reason in Reason])
def test_every_reason_has_its_words_and_its_gate(reason: str) -> None:
    assert reason in REASONS
    barred = reason if reason in ("collapsed", "sold_out", "left", "superseded") else None
    assert gate_of({"barred": barred}, reason) is not None


async def test_what_waits_in_a_proposal_is_said_to_until_it_is_decided(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number, other = await member(), await member(entered_at=NOON - 3 * DAY)
    asked = await propose_send(conn, bundle, STAGE, NOON, bot_id=BOT_ID, run_id=None)
    waits = step(await explain(conn, bundle, number, STAGE, NOON), "day_1").waits_in
    assert waits is not None
    assert (waits.hash, waits.kind, waits.state, waits.decide_by_at) == (
        asked.hash,
        "approval",
        "proposed",
        asked.decide_by_at,
    )
    assert step(await explain(conn, bundle, other, STAGE, NOON), "day_1").waits_in is None, "stale: not among them"
    await decide(conn, asked.id, "send", NOON, by="Ada", how="command", note="", bot_id=BOT_ID)
    approved = step(await explain(conn, bundle, number, STAGE, NOON), "day_1").waits_in
    assert approved is not None
    assert approved.state == "approved"
    await execute(conn, bundle, bundle, asked.id, NOON, bot_id=BOT_ID)
    done = step(await explain(conn, bundle, number, STAGE, NOON), "day_1")
    assert (done.waits_in, done.message is not None) == (None, True)


async def test_waiting_for_approval_goes_before_waiting_in_a_backfill(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member()
    asked = await propose_send(conn, bundle, STAGE, NOON, bot_id=BOT_ID, run_id=None)
    today = NOON.date()
    await propose_backfill(conn, bundle, STAGE, today, today, NOON, bot_id=BOT_ID)
    waits = step(await explain(conn, bundle, number, STAGE, NOON), "day_1").waits_in
    assert waits is not None
    assert waits.hash == asked.hash
