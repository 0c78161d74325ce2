"""Tasks of staff: opened once for each occasion, told together, promised and closed."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.members.follow_ups import close, how_many, promise, waiting
from community.members.people import by_id
from community.outbox.render import Renderer
from community.outreach.care import LEAD, LISTED, REVIEW, open_tasks
from community.privacy.personal import erase
from tests.integration.care_kit import DAY, STAGE, at, care, messages, tasks, term, terms_in_a_row
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.rows import one

STAFF = -4000
START = at("2026-01-10 15:00")
REVIEWED = at("2026-07-09 11:00")
NOW = at("2026-03-04 12:00")


async def opened(conn: Connection, bundle: Bundle, when: datetime, staff_chat: int | None = STAFF) -> dict[str, int]:
    return await open_tasks(conn, bundle, when, staff_chat=staff_chat, bot_id=BOT_ID)


async def told(conn: Connection) -> list[dict[str, Any]]:
    rows = await conn.execute("SELECT * FROM messages WHERE template = 'staff/care_tasks' ORDER BY id")
    return await rows.fetchall()


async def rich(conn: Connection, member: MakeMember, paid: int = 200_000, currency: str = "CNY", **columns: Any) -> int:
    """A member with one term that began lately, for so much."""
    number = await member(entered_at=NOW - 90 * DAY)
    await term(conn, number, **{"starts_at": NOW - 30 * DAY, "paid_minor": paid, "currency": currency, **columns})
    return number


# Reviews.


async def test_the_review_is_a_task_with_the_consultant_whom_the_member_is_told(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    bundle = Bundle({**bundle.source, "care": {"consultants": ["Ada"]}}, bundle.copy)
    number = await member(entered_at=START)
    await terms_in_a_row(conn, number, START, 12)
    assert await opened(conn, bundle, REVIEWED - timedelta(minutes=1)) == {}
    assert await opened(conn, bundle, REVIEWED) == {REVIEW: 1}
    [task] = await tasks(conn)
    assert (task["member_id"], task["kind"], task["occurrence"]) == (number, REVIEW, "2026-01-10:1")
    assert (task["created_at"], task["due_at"]) == (REVIEWED, REVIEWED + 7 * DAY)
    await care(conn, bundle, REVIEWED)
    [message] = await messages(conn, "mid_year_review")
    assert message["context"]["consultant"] == task["note"] == "Ada"


async def test_opened_again_nothing_is_added_also_when_it_is_done(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(entered_at=START)
    await terms_in_a_row(conn, number, START, 12)
    await opened(conn, bundle, REVIEWED)
    [task] = await tasks(conn)
    assert await opened(conn, bundle, REVIEWED) == {}
    assert await close(conn, task["id"], REVIEWED + DAY, by="test")
    assert await opened(conn, bundle, REVIEWED + 2 * DAY) == {}
    assert (len(await tasks(conn)), len(await told(conn))) == (1, 1)


async def test_staff_do_what_the_member_may_not_be_written(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """An opt-out stops messages; that somebody looks after a member of half a year is staff's own matter."""
    number = await member(entered_at=START, opted_out_at=START)
    await terms_in_a_row(conn, number, START, 12)
    assert await opened(conn, bundle, REVIEWED) == {REVIEW: 1}
    assert (await care(conn, bundle, REVIEWED)).send == 0


async def test_without_the_step_or_the_stage_there_are_no_tasks(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await terms_in_a_row(conn, await member(entered_at=START), START, 12)
    stage = bundle.source["stages"][STAGE]
    kept = [step for step in stage["steps"] if step["name"] != REVIEW]
    for changed in ({**stage, "steps": kept}, {**stage, "enabled": False}, None):
        stages = {name: each for name, each in bundle.source["stages"].items() if name != STAGE}
        stages |= {STAGE: changed} if changed else {}
        assert await opened(conn, Bundle({**bundle.source, "stages": stages}, bundle.copy), REVIEWED) == {}


# Leads.


async def test_who_paid_so_much_in_a_year_becomes_a_lead(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await rich(conn, member)
    assert await opened(conn, bundle, NOW) == {LEAD: 1}
    [task] = await tasks(conn)
    assert (task["member_id"], task["kind"], task["note"]) == (number, LEAD, "2000.00 CNY")
    assert task["due_at"] == NOW + 3 * DAY
    assert await messages(conn) == [], "the member gets nothing"


async def test_sums_are_of_all_terms_of_the_year_in_that_currency(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await rich(conn, member, 150_000)
    for paid, currency, starts_at in (
        (49_999, "CNY", NOW - DAY),
        (90_000, "USD", NOW - DAY),
        (90_000, "CNY", NOW - 366 * DAY),
        (90_000, "CNY", NOW + DAY),
    ):
        await term(conn, number, starts_at, paid_minor=paid, currency=currency)
    assert await opened(conn, bundle, NOW) == {}
    await term(conn, number, NOW - 364 * DAY, paid_minor=1, currency="CNY")
    assert await opened(conn, bundle, NOW) == {LEAD: 1}


@pytest.mark.parametrize("spoiled", [{"revoked_at": NOW}, {"paid": 199_999}, {"paid": 0}])
async def test_no_lead(conn: Connection, bundle: Bundle, member: MakeMember, spoiled: dict[str, Any]) -> None:
    await rich(conn, member, **spoiled)
    await term(conn, await member(), NOW - DAY)
    assert await opened(conn, bundle, NOW) == {}


async def test_a_deleted_account_is_no_lead(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await rich(conn, member)
    await conn.execute("UPDATE members SET dm = 'gone' WHERE id = %s", [number])
    assert await opened(conn, bundle, NOW) == {}


async def test_a_lead_once_a_year(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await rich(conn, member)
    assert await opened(conn, bundle, NOW) == {LEAD: 1}
    await close(conn, (await tasks(conn))[0]["id"], NOW + DAY, by="test")
    await term(conn, number, NOW + 300 * DAY, paid_minor=300_000, currency="CNY")
    assert await opened(conn, bundle, NOW + 364 * DAY) == {}
    assert await opened(conn, bundle, NOW + 366 * DAY) == {LEAD: 1}


async def test_the_playbook_sets_the_sum_or_wants_none(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await rich(conn, member, 5_000, "JPY")
    for above, found in ((None, {}), ("5001 JPY", {}), ("5000 JPY", {LEAD: 1})):
        care_of = {**bundle.source["care"], "lead_above": above}
        assert await opened(conn, Bundle({**bundle.source, "care": care_of}, bundle.copy), NOW) == found
    assert (await tasks(conn))[0]["note"] == "5000 JPY"


async def test_two_runs_at_once_open_it_once(pool: Pool, bundle: Bundle, member: MakeMember) -> None:
    async with pool.connection() as conn:
        for _ in range(3):
            await rich(conn, member)

    async def run(when: datetime) -> dict[str, int]:
        async with pool.connection() as conn:
            return await opened(conn, bundle, when)

    results = await asyncio.gather(*(run(NOW + turn * DAY) for turn in range(4)))
    assert sorted(result.get(LEAD, 0) for result in results) == [0, 0, 0, 3]
    async with pool.connection() as conn:
        assert len(await told(conn)) == 1


# What staff are told.


async def test_staff_are_told_in_one_message(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    for _ in range(LISTED + 2):
        await rich(conn, member)
    await terms_in_a_row(conn, await member(entered_at=START), START - 180 * DAY, 12)
    assert await opened(conn, bundle, at("2026-01-10 11:00") + 60 * DAY) == {LEAD: LISTED + 2}
    [message] = await told(conn)
    assert (message["chat_id"], message["member_id"], message["lane"]) == (STAFF, None, 25)
    assert [task["kind"] for task in message["context"]["tasks"]] == [LEAD] * LISTED
    assert message["context"]["more"] == 2


async def test_names_are_escaped(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await rich(conn, member)
    await conn.execute("UPDATE members SET first_name = '<b>Eve{{7*7}}' WHERE id = %s", [number])
    await opened(conn, bundle, NOW)
    [message] = await told(conn)
    for locale in ("zh-Hans", "zh-Hant", "en"):
        text = Renderer(bundle).render("staff/care_tasks", locale, {**message["context"], "message_id": 1}).text
        assert "&lt;b&gt;Eve{{7*7}}" in text
        assert f"#{number}" in text


async def test_without_a_staff_chat_the_tasks_are_there(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await rich(conn, member)
    assert await opened(conn, bundle, NOW, staff_chat=None) == {LEAD: 1}
    assert await told(conn) == []


async def test_an_erased_member_is_named_to_staff_no_more(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    gone, stays = await rich(conn, member), await rich(conn, member)
    await opened(conn, bundle, NOW)
    erased = await by_id(conn, gone)
    assert erased is not None
    await erase(conn, erased, "secret", NOW)
    [message] = await told(conn)
    assert [task["number"] for task in message["context"]["tasks"]] == [stays]
    assert [task["member_id"] for task in await tasks(conn)] == [stays]


# Promises.


async def test_the_same_words_are_promised_once_until_done(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member()
    first = await promise(conn, number, "problem", "price", NOW, NOW + DAY)
    assert first is not None
    assert await promise(conn, number, "problem", "price", NOW, NOW + DAY) is None
    assert await promise(conn, number, "problem", "freight", NOW, NOW + DAY) is not None
    await close(conn, first, NOW, by="test")
    assert await promise(conn, number, "problem", "price", NOW, NOW + DAY) is not None


async def test_an_occasion_is_promised_once_for_all(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    number = await member()
    first = await promise(conn, number, "nps", "3", NOW, NOW + DAY, occurrence="a")
    assert first is not None
    await close(conn, first, NOW, by="test")
    assert await promise(conn, number, "nps", "2", NOW, NOW + DAY, occurrence="a") is None
    assert await promise(conn, number, "nps", "3", NOW, NOW + DAY, occurrence="b") is not None


async def test_open_tasks_by_when_they_are_due_and_late_ones_counted(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(first_name="<b>Eve")
    for kind, days in (("nps", 3), ("talk", -1), ("nps", -2)):
        await promise(conn, number, kind, f"{days}", NOW - 5 * DAY, NOW + days * DAY)
    assert [task.note for task in await waiting(conn, None, 10)] == ["-2", "-1", "3"]
    assert [task.note for task in await waiting(conn, "nps", 10)] == ["-2", "3"]
    assert [(row.kind, row.waiting, row.late) for row in await how_many(conn, NOW)] == [("nps", 2, 1), ("talk", 1, 1)]
    done = (await waiting(conn, None, 1))[0]
    assert done.name == "<b>Eve"
    assert await close(conn, done.id, NOW, by="command", outcome="called\0, will stay") == done
    assert await close(conn, done.id, NOW, by="command") is None, "who was first stands"
    row = await one(await conn.execute("SELECT * FROM follow_ups WHERE id = %s", [done.id]))
    assert (row["done_at"], row["done_by"], row["outcome"]) == (NOW, "command", "called, will stay")
    assert len(await waiting(conn, None, 10)) == 2
