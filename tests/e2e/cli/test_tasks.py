"""`sop tasks`: what staff are to do, what of it is late, and that it is done. `sop survey`: what members answered."""

from datetime import timedelta

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.engagement.surveys import NPS, answer
from community.members.follow_ups import promise
from tests.e2e.cli.conftest import HOSTILE, NOON, MakeMember, Sop, table
from tests.integration.rows import put

HOUR = timedelta(hours=1)


@pytest.fixture
async def promised(conn: Connection, bundle: Bundle, member: MakeMember) -> list[int]:
    """Three tasks: due in an hour, late by two days and three hours, and of another kind."""
    number, found = await member(first_name=HOSTILE), []
    for kind, note, hours in (("nps", "3", 1), ("problem", "freight\nto Riga " + "x" * 200, -51), ("talk", "", 24)):
        found.append(await promise(conn, number, kind, note, NOON - 72 * HOUR, NOON + hours * HOUR))
    return [task for task in found if task is not None]


async def test_open_tasks_are_listed_by_when_they_are_due(sop: Sop, promised: list[int]) -> None:
    ran = await sop("tasks")
    assert ran.out.startswith("3 tasks open, 1 late: gave a low score 1, named a problem 1, would like to talk 1.\n")
    lines = [line for line in ran.out.splitlines() if "Eve" in line]
    assert [int(line.split()[0]) for line in lines] == [promised[1], promised[0], promised[2]]
    assert [line.rstrip().endswith("late") for line in lines] == [True, False, False]
    assert "2 d 3 h late" in lines[0]
    assert "freight to Riga" in lines[0]
    assert "2026-03-04 13:00" in lines[1]
    assert "\x1b" not in ran.out


async def test_one_kind_only(sop: Sop, promised: list[int]) -> None:
    ran = await sop("tasks", "--kind", "talk")
    assert ran.out.startswith("1 task open, 0 late: would like to talk 1.\n")
    assert "low score" not in ran.out
    assert (await sop("tasks", "--kind", "nothing")).out.strip() == "Nothing to do."
    assert len([line for line in (await sop("tasks", "--limit", 1)).out.splitlines() if "Eve" in line]) == 1


async def test_done_says_whether_in_time_and_is_closed_once(sop: Sop, conn: Connection, promised: list[int]) -> None:
    in_time, late, _ = promised
    ran = await sop("tasks", "--done", in_time, "--note", "called: will stay")
    assert ran.out == f"Task {in_time} (gave a low score, member 1) is done, on time.\n"
    assert (await sop("tasks", "--done", late)).out.endswith("is done, 2 d 3 h late.\n")
    rows = {row["id"]: row for row in await table(conn, "follow_ups")}
    assert (rows[in_time]["outcome"], rows[in_time]["done_by"], rows[in_time]["done_at"]) == (
        "called: will stay",
        "command",
        NOON,
    )
    again = await sop("tasks", "--done", in_time)
    assert (again.code, again.out) == (1, "")
    assert again.err == f"task {in_time}: none of that number is open; `sop tasks` lists those that are\n"


async def test_nothing_to_do(sop: Sop, bundle: Bundle) -> None:
    assert (await sop("tasks")).out == "Nothing to do.\n"


@pytest.mark.parametrize("arguments", [("--done", "0"), ("--done", str(2**63)), ("--done", "x"), ("--limit", "0")])
async def test_wrong_usage(sop: Sop, bundle: Bundle, arguments: tuple[str, str]) -> None:
    assert (await sop("tasks", *arguments)).code == 2


async def test_a_note_needs_its_task(sop: Sop, promised: list[int]) -> None:
    ran = await sop("tasks", "--note", "called")
    assert (ran.code, ran.out) == (1, "")
    assert "--done" in ran.err


async def test_the_survey_in_numbers(sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    for score, days in ((10, 1), (9, 1), (9, 89), (8, 3), (7, 3), (6, 3), (0, 3), (0, 91)):
        number = await member()
        await answer(conn, number, NPS, "once", score, NOON - days * 24 * HOUR)
        sent = {"stage": "member_care", "step": "nps", "member_id": number, "state": "sent"}
        await put(conn, **sent, sent_at=NOON - days * 24 * HOUR)
    ran = await sop("survey")
    assert ran.out.startswith(
        "Last 90 days: asked 7, 7 answers.\n"
        "Net promoter score +14: 3 would recommend it (9, 10), 2 are content (7, 8), 2 are not (0 to 6).\n"
    )
    scores = [line.split() for line in ran.out.splitlines()[-11:]]
    assert scores[:3] == [["10", "1"], ["9", "2"], ["8", "1"]]
    assert (await sop("survey", "--days", 2)).out.startswith(
        "Last 2 days: asked 2, 2 answers.\nNet promoter score +100"
    )


async def test_no_answers_yet(sop: Sop, bundle: Bundle) -> None:
    assert (await sop("survey")).out == "Last 90 days: asked 0, 0 answers.\n"
