"""KPIs of growth, on small worlds counted by hand. The community's zone is Asia/Shanghai."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection
from community.groups.membership import admit, left
from community.insight import definitions
from community.insight.windows import Span, window
from community.kpis import KPIS
from community.members.people import by_id
from community.members.profile import tag
from community.playbook import Playbook
from community.privacy.personal import erase
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import ZONE, counted, day, did, groups, join, local, parts, week
from tests.integration.rows import set_member

D17 = "2026-03-17"
"""A Tuesday."""


async def entering(member: MakeMember, *at: str, **columns: Any) -> list[int]:
    return [await member(entered_at=local(each), in_group=False, left_at=None, **columns) for each in at]


async def test_new_members_are_first_admitted_on_the_local_day(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    # 00:00:00 is the day's, the next 00:00:00 is not.
    await entering(member, "2026-03-16 23:59:59", "2026-03-17 00:00:00", "2026-03-17 23:59:59", "2026-03-18 00:00:00")
    assert await counted(conn, playbook, "new_members", day(D17)) == (2, 2)
    assert await counted(conn, playbook, "new_members", week(D17)) == (4, 4)


async def test_entry_rate_is_of_decided_requests(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    # Decided on the 17th: passed, passed, failed, timed out -> 2 of 4. Withdrawn, open, and the 18th's do not count.
    ours, other = await groups(conn, 2)
    for state, decided, group in (
        ("passed", "2026-03-17 00:00", ours),
        ("passed", "2026-03-17 12:00", other),
        ("failed", "2026-03-17 12:00", ours),
        ("timed_out", "2026-03-17 23:59", ours),
        ("withdrawn", "2026-03-17 12:00", ours),
        ("asked", None, ours),
        ("passed", "2026-03-18 00:00", ours),
    ):
        await conn.execute(
            "INSERT INTO join_requests (member_id, group_id, state, requested_at, decide_by_at, decided_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [await member(), group, state, local("2026-03-17 00:00"), local("2026-03-18 00:00"),
             local(decided) if decided else None],
        )  # fmt: skip
    assert await counted(conn, playbook, "entry_rate", day(D17)) == (2, 4)
    assert await counted(conn, playbook, "entry_rate", day(D17), group_id=ours) == (1, 3)


async def test_first_day_is_24_hours_from_being_in(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    # Whose 24 hours ended on the 17th entered from 16th 00:00 to before 17th 00:00: a, b, c, d; two of them say
    # something in time. e's 24 hours are not over on the 17th.
    a, b, c, d, e = await entering(
        member, "2026-03-16 00:00", "2026-03-16 10:00", "2026-03-16 10:00", "2026-03-16 23:59", "2026-03-17 00:00"
    )
    await did(conn, a, "message", "2026-03-17 00:00")  # to the second
    await did(conn, b, "answer", "2026-03-16 10:00")  # at the gate, which let them in at that moment
    await did(conn, b, "click", "2026-03-17 10:00:01")  # a second too late
    await did(conn, c, "click", "2026-03-16 10:00:01")
    await did(conn, d, "joined", "2026-03-16 23:59:30")  # no sign
    await did(conn, e, "message", "2026-03-17 10:00")
    assert await counted(conn, playbook, "first_day", day(D17)) == (2, 4)


async def test_first_week_is_days_0_to_6(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    # Seven days before the 17th is the 10th; its days 0 to 6 are the 10th to the 16th.
    a, b, c, d, e = await entering(member, *["2026-03-10 12:00"] * 4, "2026-03-09 23:59")
    await did(conn, a, "message", "2026-03-16 23:59")  # the last moment
    await did(conn, b, "message", "2026-03-17 00:00")  # day 7
    await did(conn, c, "answer", "2026-03-10 11:59", "2026-03-10 12:00")  # before and while being let in
    await did(conn, d, "button", "2026-03-10 12:01")
    await did(conn, e, "message", "2026-03-10 12:00")  # of the 9th
    assert await counted(conn, playbook, "first_week", day(D17)) == (2, 4)


async def test_three_items_are_different_ones(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    a, b, c, d = await entering(member, *["2026-03-10 12:00"] * 4)
    for link in ("x", "y", "x", "x"):  # two links
        await did(conn, a, "click", "2026-03-11 10:00", link=link)
    for link in ("x", "y"):  # two links and a button: three
        await did(conn, b, "click", "2026-03-11 10:00", link=link)
    await did(conn, b, "button", "2026-03-16 23:59", message=5)
    await did(conn, c, "button", "2026-03-11 10:00", "2026-03-12 10:00", "2026-03-13 10:00", message=6)  # one message
    for number in (1, 2, 3):  # on day 7
        await did(conn, d, "button", "2026-03-17 00:00", message=number)
    assert await counted(conn, playbook, "three_items", day(D17)) == (1, 4)


async def test_told_interest(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    a, b, c = await entering(member, *["2026-03-10 12:00"] * 3)
    await tag(conn, a, "interest:price", local("2026-03-16 23:59"))
    await tag(conn, b, "interest:price", local("2026-03-17 00:00"))
    await tag(conn, c, "koc", local("2026-03-11 00:00"))
    assert await counted(conn, playbook, "told_interest", day(D17)) == (1, 3)


async def test_what_was_told_before_the_day_of_admission_is_not_told_in_the_first_days(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    a, b = await entering(member, *["2026-03-10 12:00"] * 2)
    await tag(conn, a, "interest:price", local("2026-03-09 23:59"))
    await tag(conn, b, "interest:price", local("2026-03-10 00:00"))
    assert await counted(conn, playbook, "told_interest", day(D17)) == (1, 2)


@pytest.mark.parametrize(
    ("kpi", "entered", "before", "first", "last", "after"),
    [
        # Two weeks before the 17th: the 3rd. Its days 7 to 13: the 10th to the 16th.
        ("retention_7", "2026-03-03 23:00", "2026-03-09 23:59", "2026-03-10 00:00", "2026-03-16 23:59",
         "2026-03-17 00:00"),
        # 37 days before the 17th of March: the 8th of February. Its days 30 to 36: the 10th to the 16th of March.
        ("retention_30", "2026-02-08 23:00", "2026-03-09 23:59", "2026-03-10 00:00", "2026-03-16 23:59",
         "2026-03-17 00:00"),
    ],
)  # fmt: skip
async def test_retention_is_a_week_after(
    conn: Connection,
    playbook: Playbook,
    member: MakeMember,
    kpi: str,
    entered: str,
    before: str,
    first: str,
    last: str,
    after: str,
) -> None:
    one_before, a_first, a_last, one_after, nothing = await entering(member, *[entered] * 5)
    for who, at in ((one_before, before), (a_first, first), (a_last, last), (one_after, after)):
        await did(conn, who, "reaction", at)
    await did(conn, nothing, "joined", first)
    assert await counted(conn, playbook, kpi, day(D17)) == (2, 5)
    assert KPIS[kpi].looks_back == (local(D17 + " 00:00").date() - local(entered).date()).days


async def test_signs_are_the_playbooks(conn: Connection, edited: Callable[..., Bundle], member: MakeMember) -> None:
    playbook = edited(signs={"activity": ["message"], "speaking": ["message"]}).playbook
    a, b = await entering(member, *["2026-03-03 12:00"] * 2)
    await did(conn, a, "click", "2026-03-12 10:00")
    await did(conn, b, "message", "2026-03-12 10:00", group_id=1)
    assert await counted(conn, playbook, "retention_7", day(D17)) == (1, 2)
    assert await counted(conn, playbook, "active", day("2026-03-12")) == (1, 1)


async def test_members_joins_leaves_of_two_groups(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    """Who was where on the 17th:

    | | first | second |
    |---|---|---|
    | a | since the 1st | since the 17th |
    | b | left on the 17th | |
    | c | came and left on the 17th | |
    | d | left on the 16th | |
    | e | | came on the 18th |
    """
    first, second = await groups(conn, 2)
    a, b, c, d, e = [await member(in_group=False) for _ in range(5)]
    await join(conn, a, first, "2026-03-01 10:00")
    await join(conn, a, second, "2026-03-17 10:00")
    await join(conn, b, first, "2026-03-01 10:00", left="2026-03-17 23:59")
    await join(conn, c, first, "2026-03-17 00:00", left="2026-03-17 12:00")
    await join(conn, d, first, "2026-03-01 10:00", left="2026-03-16 23:59")
    await join(conn, e, second, "2026-03-18 00:00")
    of = {
        kpi: [await counted(conn, playbook, kpi, day(D17), group_id=group) for group in (0, first, second)]
        for kpi in ("members", "joins", "leaves", "leave_rate")
    }
    assert of == {
        "members": [(1, 1), (1, 1), (1, 1)],  # a
        "joins": [(2, 2), (1, 1), (1, 1)],  # c; a
        "leaves": [(2, 2), (2, 2), (0, 0)],  # b, c
        "leave_rate": [(2, 3), (2, 3), (0, 1)],  # of a, b, c; in the second of a
    }


async def test_who_comes_back_later_changes_no_past_window(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    (group,) = await groups(conn, 1)
    who = await member(in_group=False)
    await join(conn, who, group, "2026-03-01 10:00")
    before = [await counted(conn, playbook, kpi, day(D17)) for kpi in ("members", "leave_rate", "active_rate")]
    assert before == [(1, 1), (0, 1), (0, 1)]
    await left(conn, who, group, local("2026-03-20 10:00"))
    await admit(conn, who, group, local("2026-03-25 10:00"), None)
    assert [await counted(conn, playbook, kpi, day(D17)) for kpi in ("members", "leave_rate", "active_rate")] == before
    assert await counted(conn, playbook, "members", day("2026-03-22")) == (0, 0)
    assert await counted(conn, playbook, "members", day("2026-03-25")) == (1, 1)


async def test_a_group_that_was_lost_counts_until_then(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    (group,) = await groups(conn, 1)
    await join(conn, await member(in_group=False), group, "2026-03-01 10:00")
    await conn.execute("UPDATE groups SET lost_at = %s WHERE id = %s", [local("2026-03-18 10:00"), group])
    assert await counted(conn, playbook, "members", day(D17)) == (1, 1)
    assert await counted(conn, playbook, "members", day("2026-03-18")) == (0, 0)
    assert await counted(conn, playbook, "leave_rate", day("2026-03-19")) == (0, 0)


async def test_invite_conversion_by_partner(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    # First seen on the 10th by a partner's link: a admitted after exactly 7 days, b a second later, c never.
    await conn.execute(
        """INSERT INTO links (token, kind, source, created_at) VALUES
        ('k', 'entry', '{"utm_source": "kol", "partner": "Ann"}', now()),
        ('l', 'entry', '{"utm_source": "kol", "partner": "Bob"}', now()),
        ('n', 'entry', '{"utm_source": "notes"}', now())"""
    )
    seen = local("2026-03-10 12:00")
    for token, entered in (
        ("k", seen + timedelta(days=7)),
        ("k", seen + timedelta(days=7, seconds=1)),
        ("l", None),
        ("n", seen),
    ):
        who = await member(in_group=False)
        await set_member(conn, who, first_seen_at=seen, entered_at=entered, link_token=token)
    assert await counted(conn, playbook, "invite_conversion", day(D17)) == (1, 3)
    assert await parts(conn, "invite_conversion", day(D17)) == {"Ann": (1, 2), "Bob": (0, 1)}


async def test_koc_share(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    first, second = await groups(conn, 2)
    a, b, c = [await member(in_group=False) for _ in range(3)]
    for who, group in ((a, first), (a, second), (b, first), (c, second)):
        await join(conn, who, group, "2026-03-01 10:00")
    await tag(conn, a, "koc", local("2026-03-17 23:59"))
    await tag(conn, b, "koc", local("2026-03-18 00:00"))
    await tag(conn, c, "interest:price", local("2026-03-01 00:00"))
    assert await counted(conn, playbook, "koc_share", day(D17)) == (1, 3)
    assert await counted(conn, playbook, "koc_share", day(D17), group_id=first) == (1, 2)


@pytest.mark.parametrize("kpi", [kpi for kpi in KPIS if kpi in ("new_members", "first_day", "first_week", "joins")])
async def test_erased_members_are_not_in_what_is_counted_anew(
    conn: Connection, playbook: Playbook, member: MakeMember, kpi: str
) -> None:
    (group,) = await groups(conn, 1)
    (who,) = await entering(member, "2026-03-16 12:00")
    await join(conn, who, group, "2026-03-16 12:00")
    await did(conn, who, "message", "2026-03-16 13:00", group_id=group)
    asked = window(Span.month, date(2026, 3, 1), ZONE)
    assert await counted(conn, playbook, kpi, asked) == (1, 1)
    found = await by_id(conn, who)
    assert found
    await erase(conn, found, "secret", local("2026-03-17 12:00"))
    assert await counted(conn, playbook, kpi, asked) == (0, 0)


async def test_a_zone_with_summer_time(conn: Connection, edited: Callable[..., Bundle], member: MakeMember) -> None:
    """New York leaps on 8 March 2026, from 02:00 to 03:00: that day has 23 hours; local midnight is 05:00, then 04:00
    UTC.
    """
    playbook = edited(community={**edited().source["community"], "zone": "America/New_York"}).playbook
    zone = "America/New_York"
    for at in ("2026-03-08T04:59:59+00:00", "2026-03-08T05:00:00+00:00", "2026-03-09T03:59:59+00:00",
               "2026-03-09T04:00:00+00:00"):  # fmt: skip
        who = await member(entered_at=datetime.fromisoformat(at), in_group=False, left_at=None)
        # In the second week, to the last second: retention over the leap counts by local days.
        last = datetime.fromisoformat("2026-03-22T03:59:59+00:00")
        await record(conn, [Activity("click", last, who)])
    assert await counted(conn, playbook, "new_members", day("2026-03-08", zone)) == (2, 2)
    # Of the 8th: days 7 to 13 are the 15th to the 21st, which ends at 04:00 UTC.
    assert await counted(conn, playbook, "retention_7", day("2026-03-22", zone)) == (2, 2)
    # Of the 7th: to the 20th; the sign is of the 21st.
    assert await counted(conn, playbook, "retention_7", day("2026-03-21", zone)) == (0, 1)


@pytest.mark.parametrize("kpi", definitions.defined())
async def test_nothing_happened(conn: Connection, playbook: Playbook, kpi: str) -> None:
    assert await counted(conn, playbook, kpi, week("2020-01-01")) == (0, 0)
