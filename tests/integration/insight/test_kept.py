"""Days of members go, figures stay: what is counted anew is never less than what was counted."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from community.activity.counted import count_before, mark_days_late
from community.activity.record import Activity, record
from community.database.pool import Connection
from community.insight.counting import count, count_window
from community.insight.retention import forget_days, kept_from
from community.playbook import Playbook, Retention
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import NOW, ZONE, day, did, local, value, week

KEEP = Retention(events_months=3)
"""At NOW, 18 March 2026: from 1 December 2025."""


@given(st.datetimes().filter(lambda at: at.year > 1200), st.integers(3, 1200))
def test_kept_are_whole_months_beside_the_current_one(at: datetime, months: int) -> None:
    first = kept_from(Retention(events_months=months), "UTC", at.replace(tzinfo=NOW.tzinfo))
    assert first.day == 1
    assert (at.year - first.year) * 12 + at.month - first.month == months


async def test_old_days_go(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    who = await member()
    for on in ("2025-11-30", "2025-12-01", "2026-03-01"):
        await conn.execute(
            "INSERT INTO member_days (day, member_id, group_id, message) VALUES (%s, %s, 1, 1)", [on, who]
        )
    assert await forget_days(conn, KEEP, ZONE, NOW) == 1
    assert await forget_days(conn, KEEP, ZONE, NOW) == 0
    left = await (await conn.execute("SELECT day FROM member_days ORDER BY day")).fetchall()
    assert [row["day"] for row in left] == [date(2025, 12, 1), date(2026, 3, 1)]


async def test_what_is_gone_is_not_counted_anew(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    playbook = playbook.model_copy(update={"retention": KEEP})
    gone, kept = date(2025, 10, 10), date(2026, 3, 2)
    await did(conn, await member(), "message", "2025-10-10 12:00", "2026-03-02 12:00", group_id=1)
    await count_before(conn, ZONE, NOW.date())
    for again in range(2):
        for on in (gone, kept):
            await mark_days_late(conn, on, on + timedelta(days=1))
        assert (await count(conn, playbook, NOW)).left == []
        assert (await value(conn, "active", day("2025-10-10"))).hits == 1, "as it was counted"
        assert (await value(conn, "active", day("2026-03-02"))).hits == 1 + again, "counted anew"
        await conn.execute("DELETE FROM events WHERE at < %s", [local("2025-12-01 00:00")])
        await forget_days(conn, KEEP, ZONE, NOW)
        await record(conn, [Activity("message", local("2026-03-02 13:00"), await member(), 1)])


@pytest.mark.parametrize(
    ("keep", "as_it_was"),
    [(KEEP, True), (Retention(events_months=36, decisions_months=3), True), (Retention(events_months=6), False)],
)
async def test_a_window_that_is_gone_is_not_counted_anew(
    conn: Connection, playbook: Playbook, member: MakeMember, keep: Retention, as_it_was: bool
) -> None:
    """Also one that itself is kept, but looks at what is not."""
    playbook = playbook.model_copy(update={"retention": keep})
    await did(conn, await member(), "message", "2025-11-10 12:00", "2025-12-22 12:00", group_id=1)
    asked = week("2025-11-10"), week("2025-12-22")
    for each in asked:
        await count_window(conn, playbook, each, NOW)
        assert (await value(conn, "messages", each)).number == 1, "what was never counted is"
    await conn.execute("DELETE FROM events")
    for each in asked:
        await count_window(conn, playbook, each, NOW)
        assert (await value(conn, "messages", each)).number == int(as_it_was)


async def test_what_was_never_counted_is(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    playbook = playbook.model_copy(update={"retention": KEEP})
    await count(conn, playbook, NOW)
    await did(conn, await member(), "message", "2025-05-10 12:00", group_id=1)
    while (await count(conn, playbook, NOW + timedelta(minutes=1))).left:
        pass
    assert (await value(conn, "active", day("2025-05-10"))).hits == 1
