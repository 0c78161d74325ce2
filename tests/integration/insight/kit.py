"""What the tests of insight put into the database: members, and what they did."""

from datetime import UTC, datetime
from typing import Any

from community.activity.record import Activity, record
from community.database.pool import Connection
from community.insight.values import Value, values_of
from community.insight.windows import Span, Window, window

ZONE = "Asia/Shanghai"
NOW = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)
"""Wednesday, 18 March, 12:00 in the community's zone."""


def local(text: str) -> datetime:
    """`2026-03-16 10:00` of the community's zone."""
    return datetime.fromisoformat(f"{text}+08:00")


async def did(
    conn: Connection, member_id: int | None, kind: str, *at: str, group_id: int | None = None, **data: Any
) -> None:
    """A member did that at these local times."""
    await record(conn, [Activity(kind, local(each), member_id, group_id, data) for each in at])


def week(day: str) -> Window:
    """The week in which that day lies."""
    return window(Span.week, datetime.fromisoformat(day).date(), ZONE)


async def value(conn: Connection, kpi: str, asked: Window, **of: Any) -> Value:
    """The one value of a KPI in a window, of everything or one group or source."""
    assert asked.span
    found = [v for v in await values_of(conn, kpi, asked.span, asked.since, asked.until, **of) if not v.part]
    assert len(found) <= 1, found
    return found[0] if found else Value(kpi, asked.since)
