"""`sop feedback`: a week in quadrants, a member's tasks, the trail of who left, and that one is done."""

from datetime import timedelta

import pytest

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection
from community.groups.membership import left
from community.members.follow_ups import promise
from tests.e2e.cli.conftest import HOSTILE, NOON, MakeMember, Sop, table
from tests.integration.rows import put

DAY = timedelta(days=1)


@pytest.fixture
async def told(conn: Connection, bundle: Bundle, member: MakeMember) -> list[int]:
    """A complaint of this week and a suggestion of the week before, by one member; and one who left."""
    number, gone = await member(first_name=HOSTILE), await member()
    tasks = [
        await promise(conn, number, "complaint", f"{HOSTILE} nobody answers", NOON - DAY, NOON),
        await promise(conn, number, "suggestion", "replays", NOON - 7 * DAY, NOON, group_id=1),
    ]
    await put(conn, member_id=gone, stage="welcome_drip", step="day_1", state="sent", sent_at=NOON - 2 * DAY)
    await record(conn, [Activity("message", NOON - 3 * DAY, gone, 1)])
    await left(conn, gone, 1, NOON - DAY)
    return [task for task in tasks if task is not None]


async def test_a_week_in_quadrants_and_its_tasks(sop: Sop, told: list[int]) -> None:
    ran = await sop("feedback")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["complaint", "1", "0", "1", "0"] in lines
    assert ["suggestion", "0", "1", "0", "0"] in lines
    assert ["left", "without", "a", "word", "1", "0", "0", "0"] in lines
    assert "nobody answers" in ran.out
    assert "replays" not in ran.out
    assert "\x1b" not in ran.out
    before = await sop("feedback", "--week", "2026-02-25")
    assert "replays" in before.out
    assert "nobody answers" not in before.out


async def test_one_quadrant_and_one_member(sop: Sop, told: list[int]) -> None:
    ran = await sop("feedback", "--quadrant", "silent_leaving")
    assert ["2", "2026-03-03", "12:00"] in [line.split() for line in ran.out.splitlines()]
    assert "No tasks." in ran.out
    both = await sop("feedback", "--member", 1)
    assert "nobody answers" in both.out
    assert "replays" in both.out


async def test_done_once(sop: Sop, conn: Connection, told: list[int]) -> None:
    ran = await sop("feedback", "done", told[0], "--note", "talked")
    assert ran.out == f"Task {told[0]} (complaint, member 1) is done, on time.\n"
    rows = {row["id"]: row for row in await table(conn, "follow_ups")}
    assert (rows[told[0]]["outcome"], rows[told[0]]["done_at"]) == ("talked", NOON)
    assert (await sop("feedback", "done", told[0])).code == 1


async def test_the_trail(sop: Sop, told: list[int]) -> None:
    ran = await sop("feedback", "trail", 2)
    assert ran.out.startswith("Member 2: left, 2026-03-03 12:00 (Asia/Shanghai).\n")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["2026-03-02", "-", "welcome_drip/day_1", "-"] in lines
    assert ["2026-03-03", "-", "-", "left"] in lines


@pytest.mark.parametrize("arguments", [("--week", "soon"), ("trail", "99"), ("done", "77")])
async def test_what_is_not_there_is_said(sop: Sop, bundle: Bundle, arguments: tuple[str, str]) -> None:
    ran = await sop("feedback", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err
