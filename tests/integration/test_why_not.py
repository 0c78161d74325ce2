"""Who did not get a step, by reason: what was recorded of the last two weeks, and what a plan would stop now."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.errors import UnknownStage
from community.outbox.claim import claim
from community.outreach.plan import plan
from community.outreach.why_not import WhyNot, why_not
from tests.integration.conftest import BOT_ID, NOON, MakeMember, past_send
from tests.integration.rows import STEP, audiences, set_member, with_stages

STAGE = "welcome_drip"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def offer(tmp_path: Path) -> Iterator[None]:
    with audiences(tmp_path, "offer"):
        yield


def counted(found: WhyNot) -> dict[tuple[str, str], int]:
    return {(row["reason"], row["what"]): row["members"] for row in found.counts}


def listed(found: WhyNot) -> list[tuple[int, str, str]]:
    return [(row["member_id"], row["reason"], row["what"]) for row in found.listed]


async def test_whom_a_plan_would_stop_now(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member()
    blocked, gone = await member(dm="blocked"), await member(dm="gone")
    found = await why_not(conn, bundle, STAGE, "day_1", NOON)
    assert listed(found) == [(blocked, "blocked", "today"), (gone, "gone", "today")]
    assert found.listed[0]["gates"]["dm"] == "blocked"


async def test_whom_a_plan_stopped_though_nothing_would_stop_them_now(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """And though the stage does not name them any more: they left."""
    who, left = await member(opted_out_at=NOON), await member(dm="none")
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await set_member(conn, who, opted_out_at=None)
    await set_member(conn, left, left_at=NOON)
    found = await why_not(conn, bundle, STAGE, "day_1", NOON + HOUR)
    assert listed(found) == [(who, "opted_out", "decided"), (left, "unreachable", "decided")]
    assert [row["at"] for row in found.listed] == [NOON, NOON]


async def test_the_last_decision_counts_and_only_up_to_then(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    who = await member(opted_out_at=NOON)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await set_member(conn, who, opted_out_at=None, dm="blocked")
    await plan(conn, bundle, STAGE, NOON + HOUR, bot_id=BOT_ID)
    assert listed(await why_not(conn, bundle, STAGE, "day_1", NOON)) == [(who, "opted_out", "decided")]
    assert listed(await why_not(conn, bundle, STAGE, "day_1", NOON + HOUR)) == [(who, "blocked", "decided")]


async def test_who_got_it_in_the_end_is_not_among_them(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member(opted_out_at=NOON)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await set_member(conn, who, opted_out_at=None)
    await plan(conn, bundle, STAGE, NOON + HOUR, bot_id=BOT_ID)
    assert listed(await why_not(conn, bundle, STAGE, "day_1", NOON + HOUR)) == []


async def test_whose_message_was_stopped_on_its_way_is_among_them(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    out, late, fine, capped = [await member() for _ in range(4)]
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await set_member(conn, out, opted_out_at=NOON)
    await conn.execute("UPDATE messages SET expires_at = %s WHERE member_id = %s", [NOON, late])
    for hours in (1, 2):
        await past_send(conn, capped, NOON - hours * HOUR, "past")
    for _ in range(4):
        await claim(conn, BOT_ID, bundle.playbook, NOON, "test", 32)
        await conn.execute("UPDATE messages SET state = 'sent' WHERE state = 'sending'")
    found = await why_not(conn, bundle, STAGE, "day_1", NOON)
    assert set(listed(found)) == {
        (out, "opted_out", "cancelled"), (late, "stale", "expired"), (capped, "frequency_cap", "waiting"),
    }  # fmt: skip
    assert fine not in {row["member_id"] for row in found.listed}
    assert all(row["message_id"] for row in found.listed)


async def test_counts_are_whole_whatever_is_listed(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    blocked = [await member(dm="blocked") for _ in range(3)]
    await member(dm="gone")
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID, members=blocked[:1])
    expected = {("blocked", "decided"): 1, ("blocked", "today"): 2, ("gone", "today"): 1}
    for limit in (0, 1, 20):
        found = await why_not(conn, bundle, STAGE, "day_1", NOON, limit=limit)
        assert (counted(found), len(found.listed)) == (expected, min(limit, 4))
    narrowed = await why_not(conn, bundle, STAGE, "day_1", NOON, reason="gone")
    assert (counted(narrowed), [row["reason"] for row in narrowed.listed]) == (expected, ["gone"])


async def test_other_steps_are_another_matter(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who = await member(dm="blocked")
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    for step in ("welcome", "day_1"):
        assert listed(await why_not(conn, bundle, STAGE, step, NOON)) == [(who, "blocked", "decided")]
    assert listed(await why_not(conn, bundle, STAGE, "day_2", NOON)) == []


async def test_what_came_due_long_ago_is_left_out(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await member(dm="blocked", entered_at=NOON - 20 * DAY)
    await plan(conn, bundle, STAGE, NOON - 17 * DAY, bot_id=BOT_ID)
    found = await why_not(conn, bundle, STAGE, "day_2", NOON)
    assert (found.since, listed(found)) == (NOON - 14 * DAY, [])


async def test_who_shares_the_cap_with_other_steps_is_judged_with_them(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    steps = [{**STEP, "name": "one"}, {**STEP, "name": "two", "class": "renewal"}]
    both = with_stages(bundle, "offer", stage={"steps": steps}, caps={"per_day": 1, "per_week": 5})
    who = await member()
    assert listed(await why_not(conn, both, "offer", "one", NOON)) == [(who, "frequency_cap", "today")]
    assert listed(await why_not(conn, both, "offer", "two", NOON)) == []


@pytest.mark.parametrize(("stage", "step"), [("nope", "day_1"), (STAGE, "nope")])
async def test_unknown_names_are_told(conn: Connection, bundle: Bundle, stage: str, step: str) -> None:
    with pytest.raises(UnknownStage, match="nope"):
        await why_not(conn, bundle, stage, step, NOON)
