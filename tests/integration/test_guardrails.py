"""Guardrails: who gets nothing, or gets it later, and why; judged on the rows that `preview` returns."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from psycopg.rows import dict_row

from community.bundle import Bundle
from community.database.embedded import EmbeddedPostgres
from community.database.migrate import migrate
from community.database.pool import Connection
from community.database.queries import Queries
from community.outbox.guardrails import GATED, gate_parameters
from community.outbox.halt import halt, resume
from community.outreach import statements as planning
from community.outreach.plan import preview
from community.playbook_types import _zones
from tests.integration.conftest import NOON, MakeMember, past_send
from tests.integration.rows import STEP, audiences, put, reach, with_stages

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def second_stage(tmp_path: Path) -> Iterator[None]:
    with audiences(tmp_path, "offer", "other_offer"):
        yield


@pytest.fixture
def offer(bundle: Bundle) -> Bundle:
    """A stage `offer`: one promotional message for everyone, due now; two a day, five a week."""
    return with_stages(bundle, "offer", caps={"per_day": 2, "per_week": 5})


async def judge(conn: Connection, bundle: Bundle, at: datetime = NOON, stage: str = "offer") -> dict[str, Any]:
    rows = await preview(conn, bundle, stage, at)
    assert len(rows) == 1, rows
    return rows[0]


async def reason(conn: Connection, bundle: Bundle, at: datetime = NOON, stage: str = "offer") -> str | None:
    return (await judge(conn, bundle, at, stage))["reason"]


async def test_a_reachable_member_passes(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    await member()
    assert (await judge(conn, offer))["reason"] is None
    assert (await judge(conn, offer))["send_at"] == NOON


async def test_opted_out(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    await member(opted_out_at=NOON - DAY)
    assert await reason(conn, offer) == "opted_out"


async def reasons(conn: Connection, bundle: Bundle, at: datetime = NOON) -> dict[int, str | None]:
    return {row["member_id"]: row["reason"] for row in await preview(conn, bundle, "offer", at)}


async def test_permission_to_write(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    cases: list[tuple[str, datetime | None, str | None]] = [
        ("none", None, "unreachable"),
        ("temporary", NOON + timedelta(seconds=1), None),
        ("temporary", NOON, "unreachable"),
        ("temporary", NOON - HOUR, "unreachable"),
        ("temporary", None, "unreachable"),
        ("open", None, None),
        ("blocked", None, "blocked"),
        ("gone", None, "gone"),
    ]
    expected = {await member(dm=dm, dm_until_at=until): reason for dm, until, reason in cases}
    assert await reasons(conn, offer) == expected


async def test_cap_counts_what_was_really_sent_over_all_stages(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    cases: list[tuple[list[float], str | None]] = [
        ([], None),
        ([1], None),
        ([1, 23.9], "frequency_cap"),
        ([1, 24], None),
        ([30, 40, 50, 60], None),
        ([30, 40, 50, 60, 167.9], "frequency_cap"),
        ([30, 40, 50, 60, 168], None),
    ]
    expected = {}
    for ages_h, reason in cases:
        who = await member()
        expected[who] = reason
        for age in ages_h:
            await past_send(conn, who, NOON - timedelta(hours=age), "old")
    assert await reasons(conn, offer) == expected


async def test_cap_counts_uncertain_but_neither_failed_nor_transactional(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    who = await member()
    await put(conn, member_id=who, promotional=True, state="uncertain", sent_at=NOON - HOUR)
    await put(conn, member_id=who, promotional=True, state="failed", sent_at=None)
    await put(conn, member_id=who, promotional=False, state="sent", sent_at=NOON - HOUR)
    assert await reason(conn, offer) is None
    await past_send(conn, who, NOON - HOUR, "second")
    assert await reason(conn, offer) == "frequency_cap"


async def test_cap_leaves_room_for_what_is_promised_with_the_same_or_a_better_priority(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    who = await member()
    await put(conn, member_id=who, promotional=True, lane=55, due_at=NOON + HOUR)
    assert await reason(conn, offer) is None
    await put(conn, member_id=who, promotional=True, lane=45, due_at=NOON - HOUR)
    assert await reason(conn, offer) == "outranked"


async def test_what_is_promised_within_the_week_counts_against_the_weeks_cap(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    weekly = with_stages(bundle, "offer", caps={"per_day": 2, "per_week": 2})
    who = await member()
    await past_send(conn, who, NOON - 3 * DAY, "old")
    assert await reason(conn, weekly) is None
    await put(conn, member_id=who, promotional=True, lane=55, due_at=NOON + 3 * DAY)
    assert await reason(conn, weekly) == "outranked"


async def test_cap_is_not_held_by_what_is_promised_with_a_worse_priority(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    for _ in range(9):
        await put(conn, member_id=who, promotional=True, lane=55, due_at=NOON + HOUR)
    assert await reason(conn, with_stages(bundle, "offer", stage={"class": "renewal"})) is None


async def test_quiet_hours_run_over_midnight_in_the_members_own_day(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    day = date(2026, 1, 20)
    cases = [
        (time(21, 59), None),
        (time(22), (1, time(8, 30))),
        (time(23, 59), (1, time(8, 30))),
        (time(0), (0, time(8, 30))),
        (time(8, 29), (0, time(8, 30))),
        (time(8, 30), None),
    ]
    for name in ("Asia/Shanghai", "America/Los_Angeles", "Asia/Kathmandu"):
        zone = ZoneInfo(name)
        await member(zone=name)
        for local, expected in cases:
            at = datetime.combine(day, local, zone).astimezone(UTC)
            row = next(row for row in await preview(conn, offer, "offer", at) if row["gates"]["zone"] == name)
            morning = expected and datetime.combine(day + expected[0] * DAY, expected[1], zone)
            assert (row["reason"], row["send_at"]) == (None, morning or at), (name, local)


async def test_quiet_hours_within_one_day(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    siesta = with_stages(bundle, "offer", quiet_hours={"from": "13:00", "to": "15:00"})
    await member()
    for hour, deferred in ((12, False), (13, True), (14, True), (15, False)):
        at = datetime(2026, 1, 20, hour - 8, tzinfo=UTC)
        assert (await judge(conn, siesta, at))["send_at"] == (datetime(2026, 1, 20, 7, tzinfo=UTC) if deferred else at)


async def test_zone_is_the_members_else_the_groups_else_the_communitys(
    conn: Connection, offer: Bundle, member: MakeMember
) -> None:
    who = await member()
    assert (await judge(conn, offer))["gates"]["zone"] == "Asia/Shanghai"
    await conn.execute("UPDATE groups SET zone = 'Europe/Berlin'")
    await conn.execute("UPDATE members SET home_group_id = (SELECT id FROM groups)")
    assert (await judge(conn, offer))["gates"]["zone"] == "Europe/Berlin"
    await conn.execute("UPDATE members SET zone = 'America/Lima' WHERE id = %s", [who])
    assert (await judge(conn, offer))["gates"]["zone"] == "America/Lima"


async def test_no_quiet_hours(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member()
    at = datetime(2026, 1, 20, 18, tzinfo=UTC)
    assert (await judge(conn, with_stages(bundle, "offer", quiet_hours=None), at))["send_at"] == at


async def test_a_message_that_expires_before_the_morning_names_quiet_hours(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await member()
    short = with_stages(bundle, "offer", stage={"steps": [{**STEP, "expires_after": "2h"}]})
    assert await reason(conn, short, datetime(2026, 1, 20, 16, tzinfo=UTC)) == "quiet_hours"


async def test_goal_counts_from_when_the_member_came(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    stage = with_stages(bundle, "offer", stage={"goal": "purchase"})
    who = await member(entered_at=NOON - DAY)
    await reach(conn, who, "replied", NOON)
    await reach(conn, who, "purchase", NOON - DAY - HOUR)
    assert await reason(conn, stage) is None
    await conn.execute("UPDATE milestones SET last_at = %s WHERE kind = 'purchase'", [NOON - HOUR])
    assert await reason(conn, stage) == "goal_reached"


async def test_stale(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member(entered_at=NOON - timedelta(days=3))
    rows = {row["step"]: row["reason"] for row in await preview(conn, bundle, "welcome_drip", NOON)}
    assert rows == {"welcome": "stale", "day_1": "stale", "day_2": "stale", "day_3": None}


async def test_halts_of_all_the_stage_and_the_chat(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    await member()
    for scope, expected in (
        ("stage:other", None),
        ("chat:99", None),
        ("all", "halted"),
        ("stage:offer", "halted"),
        ("chat:10001", "halted"),
    ):
        await halt(conn, scope)
        assert await reason(conn, offer) == expected, scope
        await resume(conn, scope)


async def test_precedence_of_reasons(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """All gates closed at once; they are opened from the first to the last, and each names itself in turn."""
    steps = [{**STEP, "expires_after": "1s"}]
    everything = with_stages(
        bundle,
        "offer",
        stage={"goal": "purchase", "holdout": "100%", "steps": steps},
        caps={"per_day": 0, "per_week": 0},
    )
    night = datetime(2026, 3, 4, 16, tzinfo=UTC)
    who = await member(opted_out_at=NOON, dm="none")
    await reach(conn, who, "purchase", NOON)
    await halt(conn, "all")
    seen = [await reason(conn, everything, night)]
    for opening in (
        "DELETE FROM halts",
        "UPDATE members SET opted_out_at = NULL",
        "UPDATE members SET dm = 'open'",
        "DELETE FROM milestones",
    ):
        await conn.execute(opening)
        seen.append(await reason(conn, everything, night))
    without_holdout = with_stages(bundle, "offer", stage={"steps": steps}, caps={"per_day": 0, "per_week": 0})
    seen.append(await reason(conn, without_holdout, night))
    seen.append(await reason(conn, with_stages(bundle, "offer", caps={"per_day": 0, "per_week": 0}), night))
    assert seen == ["halted", "opted_out", "unreachable", "goal_reached", "holdout", "quiet_hours", "frequency_cap"]


async def test_exempt_ignores_cap_quiet_hours_and_opt_out_but_not_permission_and_halt(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    night = datetime(2026, 3, 4, 16, tzinfo=UTC)
    step = {"name": "one", "immediately": True, "expires_after": "20h", "promotional": False, "exempt": True}
    answer = with_stages(
        bundle, "offer", stage={"steps": [step], "holdout": "100%"}, caps={"per_day": 0, "per_week": 0}
    )
    who = await member(opted_out_at=NOON)
    row = await judge(conn, answer, night)
    assert (row["reason"], row["send_at"]) == (None, night)
    await conn.execute("UPDATE members SET dm = 'none' WHERE id = %s", [who])
    assert await reason(conn, answer, night) == "unreachable"
    await halt(conn, "stage:offer")
    assert await reason(conn, answer, night) == "halted"


async def test_every_gate_has_its_value_in_the_decision(conn: Connection, offer: Bundle, member: MakeMember) -> None:
    await member()
    gates = (await judge(conn, offer))["gates"]
    for gate in ("halted", "opted_out", "dm", "goal_reached", "stale", "quiet_hours", "zone", "exempt", "promotional"):
        assert gate in gates
    assert (gates["cap_day"], gates["cap_week"], gates["global_holdout"], gates["stage_holdout"]) == (2, 5, 0, 0)
    assert gates["sent_day"] == gates["sent_week"] == gates["promised_day"] == gates["promised_week"] == 0
    assert 0 <= gates["global_bucket"] < 10_000


# Holdout: over ten thousand members at once.


@pytest.fixture
async def crowd(conn: Connection, bundle: Bundle) -> int:
    await conn.execute(
        "INSERT INTO members (telegram_id, dm, first_seen_at, entered_at)"
        " SELECT 7000000000 + i * 7, 'open', %(at)s, %(at)s FROM generate_series(1, 10000) AS i",
        {"at": NOON - DAY},
    )
    return 10_000


async def held_out(conn: Connection, bundle: Bundle, stage: str, at: datetime = NOON) -> set[int]:
    values = planning.parameters(bundle.playbook, stage, bundle.playbook.stage(stage).steps, at, None)
    audience = planning.ASKED_FOR.sub("true", Queries(planning.AUDIENCES / f"{stage}.sql").audience)
    parts = {
        "audience": audience,
        "newest": "NULL::timestamptz",
        "proposed": "",
        "window": "",
        "variant": "NULL::text",
        "added": "NULL",
    }
    parts |= {"of_step": "USING (step)", "gated": GATED}
    judged = planning.candidate_queries.fill("candidates", **parts) + "SELECT member_id, reason FROM gated"
    async with conn.transaction():
        await conn.execute(planning.queries.planner_settings, {"everyone": True})
        rows = await (await conn.execute(judged, values)).fetchall()
    assert len(rows) == 10_000
    return {row["member_id"] for row in rows if row["reason"] == "holdout"}


def holding(bundle: Bundle, of_all: float = 0, of_stage: float = 0, salt: str = "2026") -> Bundle:
    return with_stages(
        bundle,
        "offer",
        "other_offer",
        stage={"holdout": f"{of_stage}%"},
        holdout={"global": f"{of_all}%", "salt": salt},
    )


async def test_holdout_is_sticky_nested_and_of_the_right_size(conn: Connection, bundle: Bundle, crowd: int) -> None:
    five = await held_out(conn, holding(bundle, of_stage=5), "offer")
    ten = await held_out(conn, holding(bundle, of_stage=10), "offer")
    assert five == await held_out(conn, holding(bundle, of_stage=5), "offer", NOON + 30 * DAY)
    assert five < ten
    assert abs(len(five) - 500) < 100
    assert abs(len(ten) - 1000) < 130
    assert not await held_out(conn, holding(bundle), "offer")
    assert len(await held_out(conn, holding(bundle, of_stage=100), "offer")) == crowd


async def test_global_and_stage_holdouts_are_independent(conn: Connection, bundle: Bundle, crowd: int) -> None:
    of_all = await held_out(conn, holding(bundle, of_all=20), "offer")
    assert of_all == await held_out(conn, holding(bundle, of_all=20), "other_offer")
    of_one = await held_out(conn, holding(bundle, of_stage=20), "offer")
    of_other = await held_out(conn, holding(bundle, of_stage=20), "other_offer")
    resalted = await held_out(conn, holding(bundle, of_all=20, salt="another"), "offer")
    for first, second in ((of_all, of_one), (of_one, of_other), (of_all, resalted)):
        assert abs(len(first & second) - 400) < 100  # a fifth of a fifth of ten thousand


# Quiet hours against zoneinfo, around clock changes, for all zones that a playbook accepts.


def history(zone: str) -> tuple[object, ...]:
    """What tells zones apart: their offsets since 2011, month by month."""
    months = (datetime(year, month, 1, tzinfo=UTC) for year in range(2011, 2028) for month in range(1, 13))
    return tuple(month.astimezone(ZoneInfo(zone)).utcoffset() for month in months)


ZONES = sorted({history(zone): zone for zone in sorted(_zones())}.values())
JUDGED = f"""
WITH candidates AS (
    SELECT -m.id AS key, m.id AS member_id, m.telegram_id AS chat_id, 's' AS stage, %(now_at)s AS due_at,
        NULL::timestamptz AS expires_at, false AS promotional, false AS exempt, NULL::text[] AS goals,
        NULL::timestamptz AS goal_since_at, 55 AS reserve_lane, NULL::text AS barred
    FROM members m
),
{GATED}
SELECT zone, send_at, local_from, send_at AT TIME ZONE zone AS local_send FROM gated
"""


@pytest.fixture(scope="module")
def zoned(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A database with one member in each zone."""
    url = postgres.ensure_database("zoned")
    migrate(url)
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as conn:
        for number, zone in enumerate(ZONES):
            conn.execute(
                "INSERT INTO members (telegram_id, dm, zone, first_seen_at) VALUES (%s, 'open', %s, now())",
                [number, zone],
            )
        yield conn


def test_postgresql_knows_every_zone_a_playbook_accepts(zoned: psycopg.Connection[dict[str, Any]]) -> None:
    rows = zoned.execute("SELECT name FROM pg_timezone_names").fetchall()
    assert _zones() <= {row["name"] for row in rows}


def is_quiet(local: time, start: time, end: time) -> bool:
    return start <= local < end if start < end else local >= start or local < end


def exists(local: datetime, zone: ZoneInfo) -> bool:
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local


def waking_hours(start: time, end: time) -> float:
    return ((start.hour * 60 + start.minute) - (end.hour * 60 + end.minute)) % 1440 / 60


CHANGES = [
    datetime(year, month, day, hour, tzinfo=UTC)
    for year, month, day, hour in (
        (2026, 3, 8, 10), (2026, 11, 1, 9), (2026, 3, 29, 1), (2026, 10, 25, 1), (2026, 4, 4, 15), (2026, 10, 3, 15),
        (2024, 10, 6, 4), (2024, 4, 7, 3), (2011, 12, 30, 10), (2018, 11, 4, 3), (2018, 2, 18, 2), (2025, 4, 24, 22),
    )
]  # fmt: skip
"""North America, Europe, Australia, Chile, Samoa's lost day, Brazil, Egypt: near their clock changes (UTC)."""
TEN_YEARS = 10 * 365 * 24 * 60
moments = st.builds(
    lambda start, minutes: start + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-26 * 60, 26 * 60),
) | st.builds(lambda minutes: datetime(2016, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes), st.integers(0, TEN_YEARS))
clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
night_clocks = st.builds(time, st.integers(0, 4), st.sampled_from([0, 15, 30, 59]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=moments, start=clocks, end=clocks | night_clocks)
def test_the_morning_is_right_in_every_zone_around_clock_changes(
    zoned: psycopg.Connection[dict[str, Any]], shipped: Bundle, at: datetime, start: time, end: time
) -> None:
    if waking_hours(start, end) < 1.25:  # clocks skip an hour: with less than that awake there may be no morning
        return
    quiet = {"from": f"{start:%H:%M}", "to": f"{end:%H:%M}"}
    playbook = Bundle({**shipped.source, "quiet_hours": quiet}, {}).playbook
    for row in zoned.execute(JUDGED, gate_parameters(playbook, at)).fetchall():
        zone = ZoneInfo(row["zone"])
        now = at.astimezone(zone).replace(tzinfo=None)
        morning = row["send_at"].astimezone(zone).replace(tzinfo=None)
        if row["local_from"] != now or row["local_send"] != morning:
            continue  # the two have different editions of the zone's history
        if not is_quiet(now.time(), start, end):
            assert row["send_at"] == at, row
            continue
        assert row["send_at"] > at, row
        assert not is_quiet(morning.time(), start, end), row
        wanted = datetime.combine(now.date() + DAY * (start > end and now.time() >= start), end)
        assert morning == wanted or not exists(wanted, zone), row
