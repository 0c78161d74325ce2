"""What the tests of insight put into the database: members, and what they did."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from community.activity.record import Activity, record
from community.database.pool import Connection
from community.groups.membership import admit, left as leave
from community.insight import counting
from community.insight.counting import count, count_window
from community.insight.values import Value, by, every, rows
from community.insight.windows import Span, Window, window
from community.kpis import KPIS, Keys
from community.playbook import Playbook
from tests.integration.rows import one, put

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
    found = (await every(conn, asked, **of)).get(kpi, [])
    assert len(found) <= 1, found
    return found[0] if found else Value(kpi, asked.since)


def day(text: str, zone: str = ZONE) -> Window:
    """That day."""
    return window(Span.day, date.fromisoformat(text), zone)


async def counted(conn: Connection, playbook: Playbook, kpi: str, asked: Window, **of: Any) -> tuple[int, int]:
    """Hits and base of a KPI in a window, counted just now by days that are counted just now.

    What the definition says is once, is once.
    """
    await count_days(conn, playbook, asked)
    await count_window(conn, playbook, asked, asked.until_at)
    if KPIS[kpi].keys is Keys.once:
        keys = [row["key"] for row in await rows(conn, playbook, kpi, asked)]
        assert len(keys) == len(set(keys))
    found = await value(conn, kpi, asked, **of)
    return found.hits, found.base


async def parts(conn: Connection, kpi: str, asked: Window) -> dict[str, tuple[int, int]]:
    """Hits and base of each part of a KPI, as it was counted."""
    return {each.part: (each.hits, each.base) for each in await by(conn, kpi, asked, "part")}


async def count_all(conn: Connection, playbook: Playbook, now_at: datetime = NOW) -> None:
    """Count until nothing is late."""
    while (await count(conn, playbook, now_at)).left:
        pass


async def count_days(conn: Connection, playbook: Playbook, asked: Window) -> None:
    """Count what members did on each of its days, and on those it may look back to."""
    for n in range(-45, (asked.until - asked.since).days):
        of_day = window(Span.day, asked.since + timedelta(days=n), asked.zone)
        async with conn.transaction():
            await counting._count_day(conn, playbook, of_day)


async def sent(
    conn: Connection, member_id: int, at: str, *, step: str = "day_1", state: str = "sent", **columns: Any
) -> int:
    """A message of the welcome's step to that member, due and sent at that local time; returns its number."""
    moment = local(at)
    late = {"due_at": moment, "wanted_at": moment, "sent_at": moment if state == "sent" else None}
    return await put(
        conn, member_id=member_id, stage="welcome_drip", step=step, state=state, planned_at=moment, **late | columns
    )


async def groups(conn: Connection, number: int) -> list[int]:
    """So many groups, known since the beginning of the year."""
    made = [
        await conn.execute(
            "INSERT INTO groups (chat_id, title, registered_at) VALUES (%s, %s, '2026-01-01') RETURNING id",
            [-2000 - n, f"Group {n}"],
        )
        for n in range(number)
    ]
    return [(await one(cursor))["id"] for cursor in made]


async def join(conn: Connection, member_id: int, group_id: int, at: str, *, left: str | None = None) -> None:
    """The member came into the group, and may have left it."""
    await admit(conn, member_id, group_id, local(at), None)
    if left:
        await leave(conn, member_id, group_id, local(left))
