"""The four quadrants, by hand: who is in which, what tasks come of it, the trail of who left, the report's section."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.bundle import Bundle
from community.database.pool import Connection
from community.engagement.surveys import NPS, answer
from community.insight.feedback import Quadrant, members_of, open_tasks, quadrants, trail
from community.insight.report import make, window_for
from community.insight.report_pages import ReportPages
from community.insight.sheets import workbook
from community.members.follow_ups import close, promise
from community.playbook import Playbook
from tests.integration.care_kit import term
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.insight.kit import ZONE, groups, join, local, sent, week
from tests.integration.insight.report_kit import insert
from tests.shipped import TEMPLATES

WEEK = week("2026-03-09")
"""Monday, 9, to Sunday, 15 March."""
MONDAY = local("2026-03-16 09:00")
STAFF = -4000


async def said(conn: Connection, who: int, at: str, kind: str = "complaint") -> int:
    task = await promise(conn, who, kind, f"{at} {kind}", local(at), local(at) + timedelta(days=1))
    assert task is not None
    return task


async def there(conn: Connection, who: int, *days: str, **of: int) -> None:
    for each in days:
        await insert(
            conn, "member_days", day=date.fromisoformat(each), member_id=who, group_id=0, **(of or {"message": 1})
        )


async def where(conn: Connection, playbook: Playbook, asked: Any = WEEK) -> dict[int, str]:
    return {p.member_id: p.quadrant.value for p in await members_of(conn, playbook, asked, None, 100, asked.until_at)}


THREE = ("2026-03-09", "2026-03-12", "2026-03-15")


async def test_each_quadrant(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    angry, kind, silent, busy, quiet, low = [await member(in_group=False) for _ in range(6)]
    (club,) = await groups(conn, 1)
    await said(conn, angry, "2026-03-09 00:00")
    await said(conn, kind, "2026-03-15 23:59", "suggestion")
    await join(conn, silent, club, "2026-02-01 10:00", left="2026-03-11 10:00")
    await there(conn, busy, *THREE)
    await there(conn, quiet, *THREE[:2])
    await promise(conn, low, NPS, "3", local("2026-03-10 09:00"), MONDAY, occurrence="x")
    await answer(conn, low, NPS, "x", 3, local("2026-03-10 09:00"))
    assert await where(conn, playbook) == {
        angry: "complaint", kind: "suggestion", silent: "silent_leaving", busy: "active", low: "complaint"
    }  # fmt: skip
    assert await where(conn, playbook, WEEK.before()) == {}
    counts = await quadrants(conn, playbook, WEEK)
    assert [(c.members, c.opened, c.done) for c in counts.values()] == [(2, 2, 0), (1, 1, 0), (1, 0, 0), (1, 0, 0)]
    await answer(conn, low, NPS, "x", 9, local("2026-03-10 09:01"))
    assert low not in await where(conn, playbook), "the score that stands is no complaint"


async def test_who_fits_several_is_in_the_first(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    (club,) = await groups(conn, 1)
    ann, bob, eve = [await member(in_group=False) for _ in range(3)]
    for who in (ann, bob, eve):
        await there(conn, who, *THREE)
    for who in (ann, bob):
        await said(conn, who, "2026-03-10 10:00", "suggestion")
    await said(conn, ann, "2026-03-14 10:00")
    await join(conn, ann, club, "2026-02-01 10:00", left="2026-03-09 10:00")
    await join(conn, eve, club, "2026-02-01 10:00", left="2026-03-15 10:00")
    assert await where(conn, playbook) == {ann: "complaint", bob: "suggestion", eve: "silent_leaving"}


@pytest.mark.parametrize(
    ("words", "silent"),
    [("2026-02-09 10:00", True), ("2026-02-09 10:01", False), ("2026-03-11 10:00", False), ("2026-03-17 10:00", True)],
)
async def test_silent_is_who_said_nothing_in_the_30_days_before(
    conn: Connection, playbook: Playbook, member: MakeMember, words: str, silent: bool
) -> None:
    who, (club,) = await member(in_group=False), await groups(conn, 1)
    await join(conn, who, club, "2026-02-01 10:00", left="2026-03-11 10:00")
    await said(conn, who, words, "suggestion")
    assert ((await where(conn, playbook)).get(who) == "silent_leaving") is silent


async def test_who_is_in_another_group_or_came_back_has_not_left(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    one, other = await groups(conn, 2)
    ann, bob = [await member(in_group=False) for _ in range(2)]
    for who in (ann, bob):
        await join(conn, who, one, "2026-02-01 10:00", left="2026-03-11 10:00")
    await join(conn, ann, other, "2026-02-01 10:00")
    await join(conn, bob, one, "2026-03-12 10:00")
    assert await where(conn, playbook) == {}


async def test_a_term_that_ended_counts_three_days_later_if_none_follows(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    gone, renewed, late, trial, refunded, life = [await member() for _ in range(6)]
    start, end = local("2026-02-06 10:00"), local("2026-03-06 10:00")
    for who in (gone, renewed, late, life):
        await term(conn, who, start, end)
    await term(conn, renewed, end)
    await term(conn, late, end + timedelta(days=3))
    await term(conn, life, start, for_life=True)
    await term(conn, trial, start, end, trial=True)
    await term(conn, refunded, start, end, revoked_at=end)
    assert await where(conn, playbook) == {gone: "silent_leaving"}
    (place,) = await members_of(conn, playbook, WEEK, Quadrant.silent_leaving, 5, WEEK.until_at)
    assert place.at == local("2026-03-09 10:00")
    assert await where(conn, playbook, WEEK.before()) == {}


async def test_a_term_that_is_not_over_for_three_days_yet_is_no_leaving(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    await term(conn, await member(), local("2026-02-10 10:00"), local("2026-03-10 10:00"))
    for at, many in (("2026-03-09 12:00", 0), ("2026-03-13 09:00", 0), ("2026-03-13 11:00", 1)):
        assert len(await members_of(conn, playbook, WEEK, None, 5, local(at))) == many
        assert (await quadrants(conn, playbook, WEEK, local(at)))[Quadrant.silent_leaving].members == many


async def test_active_is_by_the_playbooks_signs_and_days(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    who, playbook = await member(), bundle.playbook
    await there(conn, who, *THREE, click=5)
    assert await where(conn, playbook) == {who: "active"}
    deaf = playbook.model_copy(update={"signs": playbook.signs.model_copy(update={"activity": ("message",)})})
    assert await where(conn, deaf) == {}
    harder = playbook.model_copy(update={"feedback": playbook.feedback.model_copy(update={"active_days": 4})})
    assert await where(conn, harder) == {}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(marks=st.lists(st.sets(st.sampled_from(["complaint", "suggestion", "left", "active"])), max_size=4))
async def test_each_member_is_in_one_by_the_stated_order(
    conn: Connection, playbook: Playbook, marks: list[set[str]]
) -> None:
    await conn.execute("TRUNCATE members, groups, follow_ups, member_days, memberships, events CASCADE")
    (club,) = await groups(conn, 1)
    wanted = {}
    for number, of in enumerate(marks, 1):
        await conn.execute(
            "INSERT INTO members (id, telegram_id, first_seen_at) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s)",
            [number, number, local("2026-01-01 10:00")],
        )
        if "left" in of:
            await join(conn, number, club, "2026-02-01 10:00", left="2026-03-09 09:00")
        for kind in of & {"complaint", "suggestion"}:
            await said(conn, number, "2026-03-10 10:00", kind)
        if "active" in of:
            await there(conn, number, *THREE)
        order = [
            ("complaint", "complaint"),
            ("suggestion", "suggestion"),
            ("left", "silent_leaving"),
            ("active", "active"),
        ]
        if first := [quadrant for mark, quadrant in order if mark in of]:
            wanted[number] = first[0]
    assert await where(conn, playbook) == wanted


# Tasks.


async def opened(conn: Connection, bundle: Bundle, at: datetime = MONDAY) -> dict[str, int]:
    return await open_tasks(conn, bundle, at, staff_chat=STAFF, bot_id=BOT_ID)


async def told(conn: Connection) -> list[dict[str, Any]]:
    rows = await conn.execute("SELECT context, occurrence FROM messages WHERE chat_id = %s ORDER BY id", [STAFF])
    return [row["context"] for row in await rows.fetchall()]


async def test_silent_leavers_are_told_once_each_and_not_many_a_day(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    (club,) = await groups(conn, 1)
    most = bundle.playbook.feedback.leavers_per_day
    who = [await member(in_group=False) for _ in range(most + 2)]
    for each in who:
        await join(conn, each, club, "2026-02-01 10:00", left="2026-03-14 10:00")
    await term(conn, who[-1], local("2026-02-11 10:00"), local("2026-03-11 10:00"))
    assert await opened(conn, bundle) == {"silent_leaving": most}
    assert await opened(conn, bundle) == {}
    messages = await told(conn)
    assert len(messages) == most
    assert messages[0]["kind"] == "silent_leaving"
    assert who[-1] in {message["number"] for message in messages}
    assert await opened(conn, bundle, MONDAY + timedelta(days=2)) == {"silent_leaving": 2}
    assert await opened(conn, bundle, MONDAY + timedelta(days=4)) == {}


async def test_the_most_active_are_thanked_each_once_in_90_days(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    most = bundle.playbook.feedback.thanks_per_week
    who = [await member() for _ in range(most + 2)]
    for number, each in enumerate(who):
        await there(conn, each, *THREE, message=number + 1)
    await there(conn, who[0], "2026-03-10")
    assert await opened(conn, bundle) == {"thanks": most}
    assert {message["number"] for message in await told(conn)} == {who[0], *who[-most + 1 :]}
    assert await opened(conn, bundle, MONDAY + timedelta(days=3)) == {}
    for each in who:
        await there(conn, each, "2026-03-16", "2026-03-17", "2026-03-18")
    assert await opened(conn, bundle, MONDAY + timedelta(days=7)) == {"thanks": 2}


# The trail.


async def test_the_trail_of_the_30_days_before(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    who, (club,) = await member(in_group=False), await groups(conn, 1)
    await join(conn, who, club, "2026-02-20 10:00", left="2026-03-11 10:00")
    await conn.execute("UPDATE members SET left_at = %s WHERE id = %s", [local("2026-03-11 10:00"), who])
    await there(conn, who, "2026-01-05", "2026-02-09")
    await there(conn, who, "2026-02-10", click=2)
    await there(conn, who, "2026-03-12")
    await sent(conn, who, "2026-02-09 23:59")
    await sent(conn, who, "2026-02-10 00:00", step="day_2")
    await sent(conn, who, "2026-03-01 10:00", state="failed")
    found = await trail(conn, who, MONDAY, ZONE)
    assert (found.why, found.at, found.last_words) == ("left", local("2026-03-11 10:00"), date(2026, 2, 9))
    shown = {f"{day}": (of.did, of.sent, of.happened) for day, of in found.days.items()}
    assert shown == {
        "2026-02-10": ({"click": 2}, ["welcome_drip/day_2"], []),
        "2026-02-20": ({}, [], ["joined"]),
        "2026-03-11": ({}, [], ["left"]),
    }


async def test_the_trail_of_who_is_here_or_whose_term_ended(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    here, ended = await member(), await member()
    end = local("2026-03-06 10:00")
    await term(conn, ended, local("2026-02-06 10:00"), end)
    assert (await trail(conn, here, MONDAY, ZONE)).why == "still_here"
    found = await trail(conn, ended, MONDAY, ZONE)
    assert (found.why, found.at, found.last_words) == ("ended", end, None)
    await conn.execute("UPDATE members SET left_at = %s WHERE id = %s", [end - timedelta(days=20), ended])
    assert (await trail(conn, ended, MONDAY, ZONE)).at == end, "the last that happened"
    await conn.execute("UPDATE members SET left_at = NULL WHERE id = %s", [ended])
    await term(conn, ended, end)
    assert (await trail(conn, ended, MONDAY, ZONE)).why == "still_here"


# The report.


async def test_the_weekly_report_has_it_in_every_form(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    ann, bob = await member(), await member()
    task = await said(conn, ann, "2026-03-10 10:00")
    await said(conn, bob, "2026-03-03 10:00", "suggestion")
    await close(conn, task, local("2026-03-10 12:00"), by="x")
    report = await make(conn, bundle, "weekly", window_for("weekly", date(2026, 3, 16), ZONE), MONDAY)
    (table,) = report.section("feedback").tables
    assert table.rows == [["complaint", 1, 0, 1, 1], ["suggestion", 0, 1, 0, 0],
                          ["silent_leaving", 0, 0, 0, 0], ["active", 0, 0, 0, 0]]  # fmt: skip
    pages = ReportPages(TEMPLATES)
    for locale, shown in {"zh-Hans": "默默离开", "zh-Hant": "默默離開", "en": "Left without a word"}.items():
        assert shown in pages.html(report, locale)
        assert shown in pages.markdown(report, locale)
        assert workbook(report, pages.words(locale, report.locale))
