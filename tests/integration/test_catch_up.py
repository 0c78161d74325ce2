"""Catching up after an outage (SOP 6.3): late runs plan for their own moments, in any order; nothing stale leaves."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.bundle import Bundle
from community.channels.channel import Outcome, Result
from community.database.installation import claim as claim_installation, set_virtual_now
from community.database.pool import Connection, connect
from community.outbox.claim import claim, ensure_budget
from community.outbox.record import Delivered, Recorder
from community.outbox.recover import recover
from community.outreach.plan import PlanResult, plan
from community.outreach.proposals import propose_send
from community.outreach.statements import judged_at
from tasks import messaging
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import audiences, one, with_stages

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TEN = datetime(2026, 3, 4, 2, tzinfo=UTC)
"""10:00 in Asia/Shanghai, the day after members entered."""
BACK = TEN + timedelta(hours=5, minutes=7)
"""When the outage is over: the runs of 10:00 to 15:00 come at once."""
RUNS = [TEN + n * HOUR for n in range(6)]


@pytest.fixture(autouse=True)
def ladder(tmp_path: Path) -> Iterator[None]:
    """A stage `ladder` with steps at their local times after entry, as the welcome drip's."""
    with audiences(tmp_path):
        (tmp_path / "ladder.sql").write_text((tmp_path / "welcome_drip.sql").read_text(encoding="utf-8"))
        yield


def rungs(bundle: Bundle, late: str, *times: str, **parts: Any) -> Bundle:
    """A stage of a promotional step at each of these times of the day after entry."""
    steps = [
        {"name": f"rung_{n}", "day": 1, "at": at, "expires_after": "8h", "promotional": True, "late": late}
        for n, at in enumerate(times, 1)
    ]
    parts = {"caps": {"per_day": 9, "per_week": 99}, **parts}
    return with_stages(bundle, "ladder", stage={"class": "campaign", "steps": steps}, **parts)


async def run(conn: Connection, bundle: Bundle, as_of: datetime, ran_at: datetime = BACK) -> PlanResult:
    return await plan(conn, bundle, "ladder", as_of, bot_id=BOT_ID, ran_at=ran_at)


async def deliver(conn: Connection, bundle: Bundle, at: datetime) -> None:
    """Everything that may go at that moment goes."""
    while True:
        found = await claim(conn, BOT_ID, bundle.playbook, at, "test", 32)
        await Recorder(BOT_ID).record(conn, [Delivered(row, Outcome(Result.sent)) for row in found.rows])
        if not found.rows and not found.settled:
            return


async def fates(conn: Connection) -> dict[str, str]:
    """Step → what became of it: a message's state, or the reason of the last decision."""
    decided = await conn.execute("SELECT step, reason AS fate FROM decisions ORDER BY at, id")
    found = {row["step"]: row["fate"] for row in await decided.fetchall()}
    messages = await conn.execute("SELECT step, state AS fate FROM messages")
    return found | {row["step"]: row["fate"] for row in await messages.fetchall()}


@pytest.mark.parametrize(
    ("ran_at", "judged"),
    [
        (TEN, TEN),
        (TEN + timedelta(seconds=40), TEN),
        (TEN + timedelta(minutes=59, seconds=59.9), TEN),
        (TEN + HOUR, TEN + HOUR),
        (BACK, TEN + 5 * HOUR),
        (TEN - DAY, TEN),
        (None, TEN),
    ],
)
def test_a_run_judges_by_the_newest_time_of_the_schedule_that_has_come(
    shipped: Bundle, ran_at: datetime | None, judged: datetime
) -> None:
    assert judged_at(shipped.playbook.stage("welcome_drip").schedule, TEN, ran_at) == judged


async def test_a_late_run_is_for_the_time_it_was_scheduled_for(
    conn: Connection, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled = datetime.now(UTC) - 5 * HOUR
    monkeypatch.setattr(messaging, "flow_run", SimpleNamespace(scheduled_start_time=scheduled))
    assert await messaging.logical_date(conn) == scheduled
    await set_virtual_now(conn, NOON)
    assert await messaging.logical_date(conn) == NOON, "but in a simulation for the simulation's"


async def test_a_late_run_plans_for_its_own_moment(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member()
    stage = rungs(bundle, "send", "10:00", "12:00")
    first = await run(conn, stage, TEN)
    assert (first.steps, first.as_of) == ({"rung_1": {"send": 1}}, TEN)
    row = await one(await conn.execute("SELECT * FROM plans"))
    assert row["as_of_at"] == TEN
    assert (await run(conn, stage, TEN + 2 * HOUR)).steps == {"rung_2": {"send": 1}}
    late = await (await conn.execute("SELECT late_s FROM messages ORDER BY id")).fetchall()
    assert [row["late_s"] for row in late] == [5 * 3600, 3 * 3600], "and it is told to be late"


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ("send", {"rung_1": "sent", "rung_2": "sent", "rung_3": "sent"}),
        ("skip", {"rung_1": "stale", "rung_2": "stale", "rung_3": "sent"}),
        ("collapse", {"rung_1": "collapsed", "rung_2": "collapsed", "rung_3": "sent"}),
    ],
)
async def test_send_skip_and_collapse_decide_in_whatever_order_the_runs_come(
    conn: Connection, bundle: Bundle, member: MakeMember, late: str, expected: dict[str, str]
) -> None:
    """Steps of 10:00, 13:00 and 14:30; at 15:07 only the last is not late."""
    await member()
    stage = rungs(bundle, late, "10:00", "13:00", "14:30")
    for order in permutations([RUNS[0], RUNS[3], RUNS[5]]):
        async with conn.transaction(force_rollback=True):
            for as_of in order:
                await run(conn, stage, as_of)
            await deliver(conn, stage, BACK)
            assert await fates(conn) == expected, order


async def test_all_late_together_only_the_newest_is_sent(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member()
    stage = rungs(bundle, "collapse", "10:00", "11:00", "12:00")
    for as_of in RUNS[:3]:
        await run(conn, stage, as_of)
    await deliver(conn, stage, BACK)
    assert await fates(conn) == {"rung_1": "collapsed", "rung_2": "collapsed", "rung_3": "sent"}


async def test_in_time_nothing_is_late(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """Runs that take some seconds to begin, and steps between two times of the schedule."""
    for late in ("skip", "collapse"):
        async with conn.transaction(force_rollback=True):
            await member()
            stage = rungs(bundle, late, "10:00", "10:30", "12:00")
            for as_of in RUNS[:3]:
                await run(conn, stage, as_of, ran_at=as_of + timedelta(seconds=50))
                await deliver(conn, stage, as_of + timedelta(minutes=1))
            assert await fates(conn) == dict.fromkeys(("rung_1", "rung_2", "rung_3"), "sent")


async def test_what_expired_during_the_outage_is_not_sent(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member()
    stage = rungs(bundle, "send", "07:00", "12:00")
    for as_of in reversed(RUNS):
        await run(conn, stage, as_of)
    await deliver(conn, stage, BACK)
    assert await fates(conn) == {"rung_1": "stale", "rung_2": "sent"}


async def test_what_expired_in_the_queue_is_not_sent(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """Planned in time, then the service was away."""
    await member()
    stage = rungs(bundle, "send", "10:00", "13:00")
    for as_of in RUNS[:4]:
        await run(conn, stage, as_of, ran_at=as_of)
    await deliver(conn, stage, TEN + 9 * HOUR)
    assert await fates(conn) == {"rung_1": "expired", "rung_2": "sent"}
    assert (await one(await conn.execute("SELECT reason FROM messages WHERE step = 'rung_1'")))["reason"] == "stale"


async def test_a_large_late_send_is_frozen_as_it_is_now(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """With the time to decide counted from now, not from the moment that is long over."""
    await member()
    skipping = rungs(bundle, "skip", "10:00")
    options: dict[str, Any] = {"bot_id": BOT_ID, "run_id": None}
    proposal = await propose_send(conn, skipping, "ladder", TEN, ran_at=BACK, **options)
    assert (proposal.send, proposal.counts["skipped"]) == (0, {"stale": 1})
    assert proposal.as_of_at == TEN
    assert proposal.decide_by_at == RUNS[5] + skipping.playbook.approval.wait


async def test_decisions_of_a_burst_are_of_one_mind(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member(opted_out_at=NOON - DAY)
    stage = rungs(bundle, "send", "10:00")
    results = [await run(conn, stage, as_of) for as_of in (RUNS[5], RUNS[0], RUNS[3])]
    assert [(result.skipped, result.decided) for result in results] == [
        ({"opted_out": 1}, 1), ({"opted_out": 1}, 0), ({"opted_out": 1}, 0),
    ]  # fmt: skip


# The welcome drip through outages of any length.


async def play(url: str, bundle: Bundle, gone_after: int, gone: int, order: Sequence[int], service: bool) -> None:
    """Run hourly from a day before entry; away for some hours; then the missed runs at once in that order."""
    entered = datetime(2026, 3, 2, 3, 20, tzinfo=UTC)
    start = entered.replace(minute=0) - HOUR
    async with await connect(url) as conn:
        for table in ("messages", "decisions", "plans", "members"):
            await conn.execute(f"DELETE FROM {table}")
        await claim_installation(conn, BOT_ID, "sandbox")
        await ensure_budget(conn, BOT_ID, None)
        await conn.execute(
            "INSERT INTO members (telegram_id, dm, first_seen_at, entered_at) VALUES (1, 'open', %(at)s, %(at)s)",
            {"at": entered},
        )
        back = start + (gone_after + gone) * HOUR + timedelta(minutes=3)
        missed = [start + (gone_after + n % gone) * HOUR for n in order]
        for as_of in (start + n * HOUR for n in range(0, 24 * 9, 4)):
            if start + gone_after * HOUR <= as_of < back:
                if service:
                    await deliver(conn, bundle, as_of)
                continue
            if as_of >= back:
                for late in missed:
                    await plan(conn, bundle, "welcome_drip", late, bot_id=BOT_ID, ran_at=back)
                await deliver(conn, bundle, back)
                missed = []
            await plan(conn, bundle, "welcome_drip", as_of, bot_id=BOT_ID, ran_at=as_of + timedelta(seconds=20))
            await deliver(conn, bundle, as_of + timedelta(minutes=1))
        await recover(conn, BOT_ID, start + 10 * DAY)
        await check(conn, bundle)


async def check(conn: Connection, bundle: Bundle) -> None:
    """Every step was sent in its time, or has a reason."""
    rows = await (await conn.execute("SELECT * FROM messages")).fetchall()
    decided = await (await conn.execute("SELECT DISTINCT step FROM decisions")).fetchall()
    assert all(row["sent_at"] < row["expires_at"] and row["sent_at"] >= row["wanted_at"] for row in rows
               if row["state"] == "sent")  # fmt: skip
    assert {row["state"] for row in rows} <= {"sent", "expired"}
    assert all(row["reason"] for row in rows if row["state"] == "expired")
    steps = {row["step"] for row in [*rows, *decided]}
    assert steps == {step.name for step in bundle.playbook.stage("welcome_drip").steps}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gone_after=st.integers(1, 60),
    gone=st.integers(2, 100),
    order=st.lists(st.integers(0, 99), max_size=5),
    late=st.sampled_from(["send", "skip", "collapse"]),
    service=st.booleans(),
)
def test_after_any_outage_each_step_is_sent_in_its_time_or_has_a_reason(
    database_url: str, shipped: Bundle, gone_after: int, gone: int, order: list[int], late: str, service: bool
) -> None:
    steps = [{**step, "late": late} for step in shipped.source["stages"]["welcome_drip"]["steps"]]
    stages = {"welcome_drip": {**shipped.source["stages"]["welcome_drip"], "steps": steps}}
    drip = Bundle({**shipped.source, "stages": stages}, shipped.copy)
    asyncio.run(play(database_url, drip, gone_after, gone, order, service))
