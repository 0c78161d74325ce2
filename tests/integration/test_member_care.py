"""The stage member_care: who is asked, offered, told and reviewed when, and when not; nothing twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.access.calendar import plus_months
from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.claim import claim
from community.outreach.explain import explain
from community.outreach.plan import settings_of_planner
from community.outreach.statements import parameters, statement
from community.playbook_stages import MessageClass
from tests.integration.care_kit import (
    DAY,
    HOUR,
    STAGE,
    active,
    at,
    care,
    messages,
    named,
    term,
    terms_in_a_row,
    who,
)
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.rows import reach, set_member

START = at("2026-01-10 15:00")
DUE = at("2026-02-09 11:00")
"""30 days after START, at eleven."""
LONG_AGO = at("2024-01-01 12:00")


def on(bundle: Bundle, step: str, **changes: Any) -> Bundle:
    """The playbook with the step changed."""
    source = {**bundle.source, "stages": {**bundle.source["stages"]}}
    stage = source["stages"][STAGE]
    steps = [{**each, **changes} if each["name"] == step else each for each in stage["steps"]]
    source["stages"][STAGE] = {**stage, "steps": steps}
    return Bundle(source, bundle.copy)


async def payer(conn: Connection, member: MakeMember, months: int = 12, **columns: Any) -> int:
    """A member who pays month after month since START."""
    number = await member(entered_at=START - DAY, **columns)
    await terms_in_a_row(conn, number, START, months)
    return number


# The survey.


async def test_the_survey_comes_after_thirty_days_and_then_every_ninety(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await payer(conn, member)
    assert await who(conn, bundle, DUE - timedelta(minutes=1), "nps") == []
    for turn in range(4):
        due = DUE + turn * 90 * DAY
        [row] = await named(conn, bundle, due, "nps")
        assert (row["member_id"], row["occurrence"], row["due_at"]) == (number, f"2026-01-10:{turn + 1}", due)
        assert (row["expires_at"], row["promotional"], row["lane"]) == (due + 3 * DAY, True, 57)
        assert await who(conn, bundle, due - HOUR, "nps") == []


async def test_by_the_clock_on_the_members_wall(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await payer(conn, member, zone="America/Lima")
    [row] = await named(conn, bundle, DUE + DAY, "nps")
    assert row["due_at"] == at("2026-02-09 11:00", "America/Lima")


async def test_summer_time_moves_no_asking(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """The clocks go forward on 29 March: the second asking is 90 days less an hour after the first, and still comes."""
    await payer(conn, member, zone="Europe/Berlin")
    first, second = at("2026-02-09 11:00", "Europe/Berlin"), at("2026-05-10 11:00", "Europe/Berlin")
    assert (await care(conn, bundle, first)).steps["nps"] == {"send": 1}
    assert second.astimezone(UTC) - first.astimezone(UTC) == 90 * DAY - HOUR
    assert (await care(conn, bundle, second)).steps["nps"] == {"send": 1}


async def test_planned_again_late_or_in_part_it_is_asked_once(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    numbers = [await payer(conn, member), await payer(conn, member)]
    assert (await care(conn, bundle, DUE, members=numbers[:1])).send == 1
    assert (await care(conn, bundle, DUE)).send == 1
    for later in (DUE, DUE + HOUR, DUE + 2 * DAY):
        again = await care(conn, bundle, later)
        assert (again.steps.get("nps"), again.already >= 2) == (None, True)
    assert sorted(row["member_id"] for row in await messages(conn, "nps")) == numbers


async def test_a_trial_does_not_count_and_what_follows_it_does(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(entered_at=LONG_AGO)
    await term(conn, number, START - 7 * DAY, START, plan="trial_7", trial=True)
    assert await who(conn, bundle, DUE - 7 * DAY, "nps") == []
    await terms_in_a_row(conn, number, START, 2)
    assert await who(conn, bundle, DUE, "nps") == [(number, "2026-01-10:1")]


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        ({"revoked_at": DUE - DAY}, False),
        ({"cancelled_at": DUE - DAY}, True),
        ({"ends_at": DUE - HOUR}, False),
        ({"for_life": True}, True),
    ],
    ids=["revoked", "cancelled but running", "ended", "for life"],
)
async def test_only_who_pays_is_asked(
    conn: Connection, bundle: Bundle, member: MakeMember, columns: dict[str, Any], asked: bool
) -> None:
    number = await member(entered_at=LONG_AGO)
    await term(conn, number, START, plan="quarter", **columns)
    assert await who(conn, bundle, DUE, "nps") == ([(number, "2026-01-10:1")] if asked else [])


async def test_who_has_left_is_asked_nothing(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await set_member(conn, await payer(conn, member), left_at=DUE - DAY)
    assert await named(conn, bundle, DUE) == []


async def test_a_payment_that_is_days_late_breaks_nothing_and_a_longer_break_begins_anew(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    late, away = await member(entered_at=LONG_AGO), await member(entered_at=LONG_AGO)
    for number, pause in ((late, 2 * DAY), (away, 8 * DAY)):
        await term(conn, number, START, START + 20 * DAY)
        await term(conn, number, START + 20 * DAY + pause, START + 100 * DAY)
    assert await who(conn, bundle, DUE, "nps") == [(late, "2026-01-10:1")]
    assert await who(conn, bundle, DUE + 28 * DAY, "nps") == [(away, "2026-02-07:1")]


async def test_a_new_beginning_is_not_asked_again_within_ninety_days(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(entered_at=LONG_AGO)
    await term(conn, number, START, START + 31 * DAY)
    await term(conn, number, START + 40 * DAY, START + 300 * DAY)
    assert (await care(conn, bundle, DUE)).steps["nps"] == {"send": 1}
    first, second = DUE + 40 * DAY, DUE + 130 * DAY
    assert await who(conn, bundle, first, "nps") == []
    assert await who(conn, bundle, second, "nps") == [(number, "2026-02-19:2")]


async def test_two_memberships_at_once_are_asked_once(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await payer(conn, member)
    await term(conn, number, START + DAY, plan="quarter", line="pack")
    assert await who(conn, bundle, DUE, "nps") == [(number, "2026-01-10:1")]


@given(
    days=st.integers(-40, 800),
    gaps=st.lists(st.integers(0, 7), min_size=4, max_size=4),
    minute=st.integers(0, 1439),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_the_terms_the_survey_follows_the_run_of_paying(
    conn: Connection, bundle: Bundle, member: MakeMember, days: int, gaps: list[int], minute: int
) -> None:
    """Against the rule written another way: walk the terms, then count from the beginning of the run."""
    number = await member(entered_at=LONG_AGO)
    start = START + timedelta(minutes=minute)
    runs: list[tuple[datetime, datetime]] = []
    for gap in gaps:
        end = plus_months(start, 3, "Asia/Shanghai")
        await term(conn, number, start, end, plan="quarter")
        if runs and start - runs[-1][1] <= 3 * DAY:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
        start = end + gap * DAY
    moment = START + days * DAY
    expected = set()
    for begun, ended in runs:
        due = begun.astimezone(START.tzinfo).replace(hour=11, minute=0) + 30 * DAY
        turns = [due + turn * 90 * DAY for turn in range(30) if due + turn * 90 * DAY <= moment]
        if turns and moment - turns[-1] < 15 * DAY and begun <= turns[-1] < ended:
            expected.add(turns[-1])
    found = await named(conn, bundle, moment, "nps")
    assert {row["due_at"] for row in found if row["member_id"] == number} == expected
    await conn.execute("DELETE FROM members")


# A longer term.


async def test_in_the_middle_of_the_second_month_a_quarter_is_offered(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(entered_at=LONG_AGO)
    await terms_in_a_row(conn, number, START, 1)
    second = plus_months(START, 1, "Asia/Shanghai")
    middle = at("2026-02-24 19:30")
    assert await who(conn, bundle, at("2026-01-26 19:30"), "upgrade_month") == [], "the first month is no habit"
    key = await term(conn, number, second)
    assert await who(conn, bundle, middle - HOUR, "upgrade_month") == []
    [row] = await named(conn, bundle, middle, "upgrade_month")
    assert (row["member_id"], row["occurrence"], row["due_at"], row["reason"]) == (number, str(key), middle, None)
    assert row["context"]["plan"] == "quarter"
    assert datetime.fromisoformat(row["context"]["ends_at"]) == plus_months(START, 2, "Asia/Shanghai")
    assert row["context"]["coupon"].startswith("UP-")


async def test_after_two_quarters_a_year_is_offered(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await member(entered_at=LONG_AGO)
    await terms_in_a_row(conn, number, START, 2, plan="quarter")
    second = plus_months(START, 3, "Asia/Shanghai")
    middle = (second + (plus_months(second, 3, "Asia/Shanghai") - second) / 2).astimezone(START.tzinfo)
    [row] = [row for row in await named(conn, bundle, middle + DAY) if row["step"].startswith("upgrade")]
    assert (row["step"], row["context"]["plan"]) == ("upgrade_quarter", "year")
    assert row["due_at"] == middle.replace(hour=19, minute=30, second=0, microsecond=0)


MIDDLE = at("2026-02-24 20:00")


@pytest.mark.parametrize(
    "spoiled",
    [
        {"before": {"plan": "quarter"}},
        {"before": {"trial": True}},
        {"before": {"revoked_at": START}},
        {"before": {"ends_at": START + 20 * DAY}},
        {"now": {"cancelled_at": START}},
        {"now": {"revoked_at": START}},
        {"beyond": {"plan": "quarter"}},
    ],
    ids=["another plan", "a trial", "refunded", "a break", "cancelled", "revoked", "bought already"],
)
async def test_no_offer_to(
    conn: Connection, bundle: Bundle, member: MakeMember, spoiled: dict[str, dict[str, Any]]
) -> None:
    second = plus_months(START, 1, "Asia/Shanghai")
    for spoil in ({}, spoiled):
        number = await member(entered_at=LONG_AGO)
        before = {"ends_at": second} | spoil.get("before", {})
        await term(conn, number, START, **before)
        await term(conn, number, second, **spoil.get("now", {}))
        if "beyond" in spoil:
            await term(conn, number, plus_months(second, 1, "Asia/Shanghai"), **spoil["beyond"])
    assert [found for found, _ in await who(conn, bundle, MIDDLE, "upgrade_month")] == [number - 1]


async def test_not_again_for_ninety_days(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """Offered in the second month, and by the day not before the fifth."""
    number = await member(entered_at=LONG_AGO)
    offered = []
    for month in range(1, 7):
        await conn.execute("DELETE FROM terms")
        await terms_in_a_row(conn, number, START, month)
        start = plus_months(START, month - 1, "Asia/Shanghai")
        middle = start + (plus_months(start, 1, "Asia/Shanghai") - start) / 2
        if (await care(conn, bundle, middle + DAY)).steps.get("upgrade_month"):
            offered.append(month)
    assert offered == [2, 5]


async def test_buying_the_longer_term_drops_the_offer_that_waits(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(entered_at=LONG_AGO)
    await terms_in_a_row(conn, number, START, 2)
    await care(conn, bundle, MIDDLE)
    [offer] = await messages(conn, "upgrade_month")
    assert offer["goals"] == ["purchase:quarter"]
    await reach(conn, number, "purchase:month", MIDDLE)
    await conn.execute("UPDATE messages SET state = 'sent' WHERE step <> 'upgrade_month'")
    await reach(conn, number, "purchase:quarter", MIDDLE)
    claimed = await claim(conn, BOT_ID, bundle.playbook, MIDDLE + HOUR, "test", 10)
    assert claimed.rows == []
    [offer] = await messages(conn, "upgrade_month")
    assert (offer["state"], offer["reason"]) == ("cancelled", "goal_reached")


# Benefits.


async def test_benefits_come_once_a_month_on_their_day(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await payer(conn, member)
    assert await who(conn, bundle, at("2026-03-05 10:59"), "benefits") == []
    for month in ("2026-03", "2026-04"):
        assert (await care(conn, bundle, at(f"{month}-05 11:00"))).steps["benefits"] == {"send": 1}
        assert "benefits" not in (await care(conn, bundle, at(f"{month}-06 11:00"))).steps
    assert [(row["member_id"], row["occurrence"]) for row in await messages(conn, "benefits")] == [
        (number, "2026-03"),
        (number, "2026-04"),
    ]


async def test_the_day_is_the_playbooks(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await payer(conn, member)
    later = on(bundle, "benefits", day=28)
    [row] = await named(conn, later, at("2026-03-28 11:00"), "benefits")
    assert row["due_at"] == at("2026-03-28 11:00")
    assert await named(conn, on(bundle, "benefits", day=1), at("2026-02-28 23:00"), "benefits") == []


async def test_benefits_go_to_who_pays_on_that_day(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    new, gone, trial = [await member(entered_at=LONG_AGO) for _ in range(3)]
    await term(conn, new, at("2026-03-05 11:30"))
    await term(conn, gone, at("2026-02-01 00:00"), at("2026-03-05 10:00"))
    await term(conn, trial, at("2026-03-04 00:00"), at("2026-03-11 00:00"), plan="trial_7", trial=True)
    assert await who(conn, bundle, at("2026-03-06 11:00"), "benefits") == []


async def test_far_ahead_of_utc_the_month_begins_earlier(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await payer(conn, member, zone="Pacific/Kiritimati")
    first = on(bundle, "benefits", day=1, at="01:00")
    due = at("2026-04-01 01:00", "Pacific/Kiritimati")
    assert due < at("2026-03-31 20:00", "UTC")
    [row] = await named(conn, first, due, "benefits")
    assert (row["due_at"], row["occurrence"]) == (due, "2026-04")


# The review.


async def test_after_half_a_year_of_paying_the_review_names_the_consultant(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    bundle = Bundle({**bundle.source, "care": {"consultants": ["Ada"]}}, bundle.copy)
    number = await payer(conn, member, months=30)
    due = at("2026-07-09 11:00")
    assert await who(conn, bundle, due - HOUR, "mid_year_review") == []
    [row] = await named(conn, bundle, due, "mid_year_review")
    assert (row["occurrence"], row["promotional"]) == ("2026-01-10:1", False)
    assert row["context"]["consultant"] == "Ada"
    assert datetime.fromisoformat(row["context"]["since_at"]) == START
    assert await who(conn, bundle, due + 365 * DAY, "mid_year_review") == [(number, "2026-01-10:2")]


async def test_a_consultant_who_leaves_gives_away_only_their_own_members(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    numbers = [await payer(conn, member) for _ in range(12)]
    due = at("2026-07-09 11:00")

    async def consultants(*names: str) -> dict[int, str | None]:
        staffed = Bundle({**bundle.source, "care": {"consultants": list(names)}}, bundle.copy)
        rows = await named(conn, staffed, due, "mid_year_review")
        return {row["member_id"]: row["context"]["consultant"] for row in rows}

    before, after = await consultants("Ada", "Bob", "Cleo"), await consultants("Ada", "Cleo")
    assert set(before) == set(numbers)
    assert set(before.values()) == {"Ada", "Bob", "Cleo"}
    assert all(after[number] == name for number, name in before.items() if name != "Bob")
    assert set((await consultants()).values()) == {None}


# An offer to who never paid.

ENTERED = at("2026-01-01 12:00")
OFFER = at("2026-01-15 19:30")


async def test_after_two_weeks_and_every_thirty_days_who_is_about_gets_an_offer(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(entered_at=ENTERED)
    for turn in range(3):
        due = OFFER + turn * 30 * DAY
        await active(conn, number, due - 3 * DAY)
        assert await who(conn, bundle, due - HOUR, "free_offer") == []
        [row] = await named(conn, bundle, due, "free_offer")
        assert (row["member_id"], row["due_at"], row["context"]["plan"]) == (number, due, "month")
        assert row["occurrence"] == f"2026-01-01:{turn + 1}"
        assert row["context"]["coupon"].startswith("NEW-")
        assert (await care(conn, bundle, due)).steps["free_offer"] == {"send": 1}


@pytest.mark.parametrize("away", [15, 40])
async def test_no_offer_to_who_is_silent(conn: Connection, bundle: Bundle, member: MakeMember, away: int) -> None:
    number = await member(entered_at=ENTERED)
    assert await who(conn, bundle, OFFER, "free_offer") == []
    await active(conn, number, OFFER - away * DAY)
    assert await who(conn, bundle, OFFER, "free_offer") == []
    await active(conn, number, OFFER - 13 * DAY, "click")
    assert await who(conn, bundle, OFFER, "free_offer") == [(number, "2026-01-01:1")]


async def test_what_counts_as_being_about_is_the_playbooks(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(entered_at=ENTERED)
    await active(conn, number, OFFER - DAY, "click")
    spoken = Bundle({**bundle.source, "signs": {"activity": ["message"], "speaking": ["message"]}}, bundle.copy)
    assert await who(conn, spoken, OFFER, "free_offer") == []
    await active(conn, number, OFFER - DAY, "message")
    assert await who(conn, spoken, OFFER, "free_offer") == [(number, "2026-01-01:1")]


@pytest.mark.parametrize(
    ("columns", "offered"),
    [
        ({}, False),
        ({"revoked_at": ENTERED}, False),
        ({"trial": True}, False),
        ({"trial": True, "ends_at": OFFER - DAY}, True),
        ({"trial": True, "revoked_at": ENTERED}, True),
    ],
    ids=["pays", "paid once", "on trial", "trial over", "trial revoked"],
)
async def test_the_offer_is_for_who_never_paid(
    conn: Connection, bundle: Bundle, member: MakeMember, columns: dict[str, Any], offered: bool
) -> None:
    number = await member(entered_at=ENTERED)
    await active(conn, number, OFFER - DAY)
    await term(conn, number, ENTERED, **columns)
    assert (await who(conn, bundle, OFFER, "free_offer") != []) is offered


async def test_a_purchase_drops_the_offer_that_waits(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await member(entered_at=ENTERED)
    await active(conn, number, OFFER - DAY)
    await care(conn, bundle, OFFER)
    await reach(conn, number, "purchase", OFFER)
    assert (await claim(conn, BOT_ID, bundle.playbook, OFFER + HOUR, "test", 10)).rows == []
    [offer] = await messages(conn, "free_offer")
    assert (offer["state"], offer["reason"]) == ("cancelled", "goal_reached")


async def test_who_left_or_never_came_gets_no_offer(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    left, stranger = await member(entered_at=ENTERED, in_group=False), await member(entered_at=ENTERED)
    await set_member(conn, stranger, entered_at=None)
    for number in (left, stranger):
        await active(conn, number, OFFER - DAY)
    assert await named(conn, bundle, OFFER) == []


# All of them.


async def test_preview_equals_plan(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    moment = at("2026-03-05 20:00")
    for columns in ({}, {"dm": "blocked"}, {"opted_out_at": START}, {"zone": "America/Lima"}):
        await payer(conn, member, **columns)
        free = await member(entered_at=moment - 14 * DAY, **columns)
        await active(conn, free, moment - DAY)
    rows = await named(conn, bundle, moment)
    assert await messages(conn) == []
    result = await care(conn, bundle, moment)
    would = [(r["member_id"], r["step"], r["occurrence"], r["send_at"]) for r in rows if r["reason"] is None]
    did = [(r["member_id"], r["step"], r["occurrence"], r["due_at"]) for r in await messages(conn)]
    assert sorted(did) == sorted(would)
    assert {step for _, step, _, _ in did} >= {"benefits", "free_offer"}
    assert result.send == len(would)
    assert sum(result.skipped.values()) == len(rows) - len(would) > 0


async def test_surveys_and_benefits_count_towards_the_caps_and_the_review_does_not(bundle: Bundle) -> None:
    stage = bundle.playbook.stage(STAGE)
    assert {step.name for step in stage.steps if not step.promotional} == {"mid_year_review"}
    assert {stage.lane(step) for step in stage.steps} == {MessageClass.campaign.lane(7)}
    assert not any(step.exempt for step in stage.steps)


async def test_long_after_its_time_a_step_leaves_a_decision_and_no_message(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await payer(conn, member)
    assert (await care(conn, bundle, DUE + 10 * DAY)).steps["nps"] == {"stale": 1}
    assert await named(conn, bundle, DUE + 16 * DAY, "nps") == []


async def test_the_stages_own_goal_ends_it_too(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await payer(conn, member)
    stages = {**bundle.source["stages"], STAGE: {**bundle.source["stages"][STAGE], "goal": "joined_board"}}
    ending = Bundle({**bundle.source, "stages": stages}, bundle.copy)
    await reach(conn, number, "joined_board", DUE)
    [row] = await named(conn, ending, DUE, "nps")
    assert row["reason"] == "goal_reached"


@pytest.mark.parametrize(
    ("case", "absence"),
    [
        ("pays", "pays"),
        ("on_trial", "on_trial"),
        ("lapsed", "lapsed"),
        ("left", "left"),
        ("not_entered", "not_entered"),
        ("entered_later", "entered_later"),
        ("silent", "not_engaged"),
        ("about", "free"),
    ],
)
async def test_explain_says_why_nothing_is_due(
    conn: Connection, bundle: Bundle, member: MakeMember, case: str, absence: str
) -> None:
    moment, since = at("2026-05-20 12:00"), None
    number = await member(entered_at=ENTERED)
    match case:
        case "pays":
            since = START
            await terms_in_a_row(conn, number, START, 12)
        case "on_trial":
            since = moment - DAY
            await term(conn, number, moment - DAY, moment + DAY, trial=True)
        case "lapsed":
            since = moment - 20 * DAY
            await term(conn, number, START, moment - 20 * DAY)
        case "left":
            since = moment - DAY
            await set_member(conn, number, left_at=since)
        case "not_entered":
            await set_member(conn, number, entered_at=None)
        case "entered_later":
            since = moment + DAY
            await set_member(conn, number, entered_at=since)
        case "silent":
            since = moment - 20 * DAY
            await active(conn, number, since)
        case "about":
            since = ENTERED
            await active(conn, number, moment - DAY)
    found = await explain(conn, bundle, number, STAGE, moment)
    assert (found.absence, found.absent_since) == (absence, since)


async def test_explain_tells_what_will_come(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await payer(conn, member)
    found = await explain(conn, bundle, number, STAGE, START + 10 * DAY)
    due = {step.step: step.due_at for step in found.steps}
    assert due["nps"] == DUE
    assert due["benefits"] == at("2026-02-05 11:00")
    assert due["mid_year_review"] == at("2026-07-09 11:00")


@pytest.mark.own_database
async def test_what_lies_behind_costs_nothing(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """Thousands who paid once, whose turn for an offer is not near, are not looked at, whatever is due for a payer."""
    await payer(conn, member)
    entered_at = at("2026-03-06 12:00") - (14 + 20 * 30 + 22) * DAY  # the next turn is in eight days
    await conn.execute(
        "INSERT INTO members (telegram_id, dm, first_seen_at, entered_at)"
        " SELECT 1000000 + i, 'open', %(then)s, %(then)s FROM generate_series(1, 5000) AS i",
        {"then": entered_at},
    )
    await conn.execute(
        "INSERT INTO milestones SELECT id, 'message', %(then)s, %(then)s FROM members WHERE telegram_id > 1000000",
        {"then": entered_at},
    )
    await conn.execute(
        "INSERT INTO terms (member_id, plan, line, starts_at, ends_at, counted_from_at, changed_at, source, granted_by)"
        " SELECT id, 'month', 'membership', %(then)s, %(end)s, %(then)s, %(then)s, 'staff', 'x' FROM members"
        " WHERE telegram_id > 1000000",
        {"then": entered_at, "end": entered_at + 30 * DAY},
    )
    await conn.execute("VACUUM (ANALYZE) members, milestones, terms")
    values = parameters(bundle.playbook, STAGE, bundle.playbook.stage(STAGE).steps, at("2026-03-06 12:00"), None)
    async with conn.transaction():
        await settings_of_planner(conn, everyone=True)
        plan = await (
            await conn.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement("tally", values), values)
        ).fetchone()
    assert plan is not None
    assert most_rows(plan["QUERY PLAN"][0]["Plan"]) < 1000


def most_rows(node: dict[str, Any]) -> float:
    """The most rows any part of a plan read, those it threw away included."""
    own = float(node["Actual Rows"]) + float(node.get("Rows Removed by Filter", 0))
    parts: list[dict[str, Any]] = node.get("Plans", [])
    return max([own * float(node["Actual Loops"]), *map(most_rows, parts)])
