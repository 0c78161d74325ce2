"""The triangle of retention, on a small world counted by hand."""

from datetime import date

from community.database.pool import Connection
from community.insight.cohorts import count_cohorts, triangle
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import ZONE, local, week
from tests.integration.insight.report_kit import insert

FIRST = date(2026, 3, 2)


async def test_a_sign_is_what_the_playbook_calls_one(conn: Connection, member: MakeMember) -> None:
    """Two came in one week. In the next one wrote, the other only pressed a button; counted again, by other signs."""
    ann, bob = [await member(entered_at=local("2026-03-03 10:00")) for _ in range(2)]
    for who, sign in ((ann, "message"), (bob, "button")):
        await insert(conn, "member_days", day=date(2026, 3, 10), member_id=who, group_id=0, **{sign: 1})
    for signs, active in ((["message", "button"], 2), (["message"], 1)):
        await count_cohorts(conn, week("2026-03-10"), signs)
        [cohort] = await triangle(conn, FIRST, date(2026, 3, 9), ZONE)
        assert (cohort.entered, cohort.size, cohort.active) == (FIRST, 2, {1: active})
