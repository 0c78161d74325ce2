"""Who goes first (SOP 6.9): of several stages that want one member, under the caps, the playbook decides."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.bundle import Bundle
from community.channels.channel import Outcome, Result
from community.database.installation import claim as claim_installation
from community.database.pool import Connection, connect
from community.outbox.claim import claim, ensure_budget
from community.outbox.record import Delivered, Recorder
from community.outreach.explain import explain
from community.outreach.plan import plan
from community.playbook_stages import MessageClass
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import audiences, message, one, put, reach, with_stages

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MORNING = datetime(2026, 3, 4, 0, 30, tzinfo=UTC)
"""08:30 in Asia/Shanghai, the day after members entered."""
ONE = {"per_day": 1, "per_week": 5}


@pytest.fixture(autouse=True)
def ladders(tmp_path: Path) -> Iterator[None]:
    """Stages `first`, `second` with steps at their local times after entry, as the welcome drip's."""
    with audiences(tmp_path):
        for name in ("first", "second"):
            (tmp_path / f"{name}.sql").write_text((tmp_path / "welcome_drip.sql").read_text(encoding="utf-8"))
        yield


def stage(at: str, *, expires: str = "3d", **columns: Any) -> dict[str, Any]:
    """A stage of one promotional step, the day after entry."""
    step = {"name": "one", "day": 1, "at": at, "expires_after": expires, "promotional": True}
    return {"class": "campaign", "steps": [step], **columns}


def two(bundle: Bundle, first: dict[str, Any], second: dict[str, Any], **parts: Any) -> Bundle:
    """The playbook with both stages, and one promotional message a day."""
    parts = {"caps": ONE, "quiet_hours": None, **parts}
    return with_stages(with_stages(bundle, "first", stage=first), "second", stage=second, **parts)


async def deliver(conn: Connection, bundle: Bundle, at: datetime) -> None:
    """Everything that may go at that moment goes."""
    while True:
        found = await claim(conn, BOT_ID, bundle.playbook, at, "test", 32)
        await Recorder(BOT_ID).record(conn, [Delivered(row, Outcome(Result.sent)) for row in found.rows])
        if not found.rows and not found.settled:
            return


async def live(
    conn: Connection, bundle: Bundle, *stages: str, since: datetime = MORNING, until: timedelta = 35 * HOUR
) -> dict[str, datetime]:
    """Plan the stages in this order and deliver, hour by hour; returns stage → when its message was sent."""
    for hour in range(int(until / HOUR)):
        for name in stages:
            await plan(conn, bundle, name, since + hour * HOUR, bot_id=BOT_ID)
        await deliver(conn, bundle, since + hour * HOUR)
    rows = await (await conn.execute("SELECT stage, sent_at FROM messages WHERE state = 'sent'")).fetchall()
    assert len(rows) == len({row["stage"] for row in rows})
    return {row["stage"]: row["sent_at"] for row in rows}


def local(hour: int, minute: int = 0, *, day: int = 4) -> datetime:
    """A time of a day of March in Asia/Shanghai."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC) - 8 * HOUR


async def reasons(conn: Connection, name: str) -> list[str]:
    """Why plans did not send the stage's message, in order."""
    rows = await conn.execute("SELECT reason FROM decisions WHERE stage = %s ORDER BY at, id", [name])
    return [row["reason"] for row in await rows.fetchall()]


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
async def test_a_renewal_goes_before_a_campaign_that_is_due_earlier_that_day(
    conn: Connection, bundle: Bundle, member: MakeMember, order: tuple[str, str]
) -> None:
    """And the campaign's message goes as soon as the cap has room again."""
    await member()
    both = two(bundle, stage("14:00"), stage("18:00", **{"class": "renewal"}, plan_ahead="24h"))
    assert await live(conn, both, *order) == {"second": local(18, 30), "first": local(18, 30, day=5)}
    assert (await reasons(conn, "first"))[0] == "outranked"


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
async def test_within_a_class_the_stages_priority_decides(
    conn: Connection, bundle: Bundle, member: MakeMember, order: tuple[str, str]
) -> None:
    await member()
    both = two(bundle, stage("10:00", priority=7), stage("16:00", priority=3, plan_ahead="24h"))
    assert await live(conn, both, *order) == {"second": local(16, 30), "first": local(16, 30, day=5)}


async def test_planned_first_but_with_less_priority_it_loses_at_the_claim(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await member()
    both = two(bundle, stage("10:00", priority=7, plan_ahead="24h"), stage("16:00", priority=3, plan_ahead="24h"))
    early = NOON - DAY
    assert (await plan(conn, both, "first", early, bot_id=BOT_ID)).send == 1
    assert await live(conn, both, "second", "first") == {"second": local(16, 30), "first": local(16, 30, day=5)}
    lost = await one(await conn.execute("SELECT * FROM messages WHERE stage = 'first'"))
    assert (lost["planned_at"], lost["reason"]) == (early, "outranked"), "and that is still to be seen"


@pytest.mark.parametrize("ahead", [None, "24h"])
async def test_the_loser_is_dropped_with_that_reason_if_it_expires_first(
    conn: Connection, bundle: Bundle, member: MakeMember, ahead: str | None
) -> None:
    """Whether it had its message already, or was stopped at planning: not as stale, and not as capped."""
    who = await member()
    loser = stage("10:00", expires="20h", plan_ahead=ahead)
    both = two(bundle, loser, stage("16:00", **{"class": "renewal"}, plan_ahead="24h"))
    await plan(conn, both, "first", NOON - DAY, bot_id=BOT_ID)
    assert await live(conn, both, "second", "first") == {"second": local(16, 30)}
    if ahead:
        lost = await one(await conn.execute("SELECT * FROM messages WHERE stage = 'first'"))
        assert (lost["state"], lost["reason"]) == ("expired", "outranked")
    else:
        assert "stale" not in await reasons(conn, "first")
        [step] = (await explain(conn, both, who, "first", local(20, day=6))).steps
        assert step.decision is not None
        assert step.decision.reason in ("outranked", "frequency_cap")
        assert step.today is not None
        assert step.today.reason == "stale"


@pytest.mark.parametrize(("order", "winner"), [(("first", "second"), "first"), (("second", "first"), "second")])
async def test_with_equal_priority_whichever_was_planned_first(
    conn: Connection, bundle: Bundle, member: MakeMember, order: tuple[str, str], winner: str
) -> None:
    await member()
    both = two(bundle, stage("12:00", plan_ahead="24h"), stage("14:00", plan_ahead="24h"))
    sent = await live(conn, both, *order, since=NOON - 6 * HOUR)
    assert min(sent, key=lambda name: sent[name]) == winner
    loser = "second" if winner == "first" else "first"
    assert (await reasons(conn, loser))[0] == "outranked"
    assert sent[loser] - sent[winner] == DAY


async def test_without_planning_ahead_nothing_is_known_and_the_earlier_goes(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """The class decides between what is known; a stage that is to win against earlier ones plans ahead."""
    await member()
    both = two(bundle, stage("14:00"), stage("18:00", **{"class": "renewal"}))
    assert await live(conn, both, "first", "second") == {"first": local(14, 30), "second": local(14, 30, day=5)}
    assert (await reasons(conn, "second"))[0] == "frequency_cap"


async def test_due_at_once_the_better_class_goes_first(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member()
    chat = (await one(await conn.execute("SELECT telegram_id FROM members")))["telegram_id"]
    values = {"member_id": who, "chat_id": chat, "promotional": True, "exempt": False, "expires_at": NOON + 3 * DAY}
    campaign = await put(conn, lane=MessageClass.campaign.lane(), due_at=NOON - 2 * HOUR, **values)
    renewal = await put(conn, lane=MessageClass.renewal.lane(), due_at=NOON, **values)
    capped = two(bundle, stage("10:00"), stage("10:00"))
    await deliver(conn, capped, NOON)
    assert (await message(conn, renewal))["state"] == "sent"
    assert (await message(conn, campaign))["state"] == "waiting"


async def test_who_is_two_days_ahead_holds_no_place_of_today(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await member(entered_at=NOON - 2 * DAY)
    step = {"name": "one", "day": 4, "at": "18:00", "expires_after": "3d", "promotional": True}
    far = {"class": "renewal", "plan_ahead": "7d", "steps": [step]}
    near = {"class": "campaign", "steps": [{**step, "day": 2, "at": "10:00"}]}
    both = two(bundle, near, far)
    sent = await live(conn, both, "second", "first", until=60 * HOUR)
    assert sent == {"first": local(10, 30), "second": local(18, 30, day=6)}


async def test_a_long_plan_ahead_does_not_take_its_own_days_for_one(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """Of two steps three days apart, both known now, the waiting first takes no room of the second's day."""
    await member()
    steps = [
        {"name": name, "day": day, "at": "10:00", "expires_after": "1d", "promotional": True}
        for name, day in (("one", 1), ("two", 4))
    ]
    ahead = two(bundle, {"class": "campaign", "plan_ahead": "7d", "steps": steps}, stage("10:00"))
    for hour in range(2):
        await plan(conn, ahead, "first", MORNING + hour * HOUR, bot_id=BOT_ID)
    rows = await (await conn.execute("SELECT step FROM messages ORDER BY due_at")).fetchall()
    assert [row["step"] for row in rows] == ["one", "two"]


async def test_a_winner_that_is_not_sent_leaves_the_place_to_the_loser(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member()
    renewal = stage("18:00", **{"class": "renewal"}, plan_ahead="24h", goal="purchase")
    both = two(bundle, stage("14:00"), renewal)
    await live(conn, both, "second", "first", until=7 * HOUR)
    await reach(conn, who, "purchase", NOON)
    sent = await live(conn, both, "second", "first", since=MORNING + 7 * HOUR, until=DAY)
    assert sent == {"first": local(19, 30)}, "settled at its time, and found so by the next run"


async def test_explain_names_what_goes_first(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member()
    both = two(bundle, stage("11:00"), stage("18:00", **{"class": "renewal"}, plan_ahead="24h"))
    await plan(conn, both, "second", NOON, bot_id=BOT_ID)
    [step] = (await explain(conn, both, who, "first", NOON)).steps
    assert step.today is not None
    assert step.today.reason == "outranked"
    assert [(other.stage, other.step, other.due_at) for other in step.today.outranked_by] == [
        ("second", "one", local(18))
    ]
    await put(conn, member_id=who, promotional=True, exempt=False, lane=55, stage="first", step="one", occurrence="x",
              due_at=NOON, expires_at=NOON + DAY)  # fmt: skip
    waiting = next(s for s in (await explain(conn, both, who, "first", NOON)).steps if s.occurrence == "x")
    assert waiting.today is not None
    assert [other.stage for other in waiting.today.outranked_by] == ["second"], "as its claim will find"


# Whatever the mix.


@dataclass(frozen=True, slots=True)
class Wish:
    """A message that a stage wants to send to the member."""

    lane: int
    due: timedelta
    known: timedelta
    """From when it waits in the outbox."""
    lasts: timedelta


LANES = [message_class.lane(priority) for message_class in ("renewal", "campaign") for priority in (2, 5, 8)
         for message_class in [MessageClass(message_class)]]  # fmt: skip
hours = st.integers(0, 48).map(lambda number: timedelta(hours=number))
wishes = st.builds(
    Wish,
    lane=st.sampled_from(LANES),
    due=hours,
    known=hours,
    lasts=st.integers(2, 36).map(lambda number: timedelta(hours=number)),
)


async def play(url: str, bundle: Bundle, mix: Sequence[Wish]) -> None:
    """Live through the mix, from one moment at which something is due to the next; check caps and order on the way."""
    async with await connect(url) as conn:
        await conn.execute("DELETE FROM messages")
        await conn.execute("DELETE FROM members")
        await claim_installation(conn, BOT_ID, "sandbox")
        await ensure_budget(conn, BOT_ID, None)
        who = await one(await conn.execute(
            "INSERT INTO members (telegram_id, dm, first_seen_at, entered_at) VALUES (1, 'open', %(at)s, %(at)s)"
            " RETURNING id", {"at": NOON},
        ))  # fmt: skip
        coming = sorted(mix, key=lambda wish: min(wish.known, wish.due))
        at = NOON
        while at is not None:
            while coming and NOON + min(coming[0].known, coming[0].due) <= at:
                wish = coming.pop(0)
                due = NOON + wish.due
                await put(conn, member_id=who["id"], chat_id=1, promotional=True, exempt=False, lane=wish.lane,
                          due_at=due, wanted_at=due, expires_at=due + wish.lasts, planned_at=at)  # fmt: skip
            await deliver(conn, bundle, at)
            rows = await (await conn.execute("SELECT * FROM messages ORDER BY id")).fetchall()
            check(bundle, rows, at)
            known = [NOON + min(coming[0].known, coming[0].due)] if coming else []
            at = min([row["due_at"] for row in rows if row["state"] == "waiting"] + known, default=None)
        assert {row["state"] for row in rows} <= {"sent", "expired"}
        assert all(row["reason"] in ("outranked", "frequency_cap") for row in rows if row["state"] == "expired")


def check(bundle: Bundle, rows: Sequence[dict[str, Any]], at: datetime) -> None:
    """The caps hold, and what is put off is put off by what goes before it, or was sent before it was known."""
    caps = bundle.playbook.caps
    sent = [row for row in rows if row["sent_at"] is not None]
    assert all(row["sent_at"] < row["expires_at"] for row in sent), "nothing stale"
    for span, most in ((DAY, caps.per_day), (7 * DAY, caps.per_week)):
        within = [row for row in sent if row["sent_at"] > at - span]
        assert len(within) <= most
        if len(within) < most:
            continue
        for row in rows:
            if row["state"] != "waiting" or row["wanted_at"] > at:
                continue
            last = max((other["sent_at"] for other in within if other["lane"] > row["lane"]), default=None)
            later = [o for o in rows if o["lane"] <= row["lane"] and last and o["planned_at"] > last]
            assert last is None or last < row["planned_at"] or later, "a better one is not starved by a worse one"


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mix=st.lists(wishes, min_size=2, max_size=8), per_day=st.integers(1, 3), per_week=st.integers(1, 6))
def test_whatever_the_mix_caps_hold_and_no_better_message_is_starved_by_a_worse_one(
    database_url: str, shipped: Bundle, mix: list[Wish], per_day: int, per_week: int
) -> None:
    capped = Bundle(
        {**shipped.source, "caps": {"per_day": per_day, "per_week": per_week}, "quiet_hours": None}, shipped.copy
    )
    asyncio.run(play(database_url, capped, mix))
