"""Activity: events appended, milestones first and last, last activity; all or nothing."""

from datetime import datetime, timedelta

import pytest

from community.activity.record import MANY, SIGNS_OF_LIFE, Activity, reach, record
from community.database.pool import Connection
from tests.integration.conftest import NOON, MakeMember
from tests.integration.rows import one

HOUR = timedelta(hours=1)


async def milestone(conn: Connection, kind: str) -> tuple[datetime, datetime]:
    row = await one(await conn.execute("SELECT first_at, last_at FROM milestones WHERE kind = %s", [kind]))
    return row["first_at"], row["last_at"]


async def last_active(conn: Connection, member_id: int) -> datetime | None:
    row = await one(await conn.execute("SELECT last_active_at FROM members WHERE id = %s", [member_id]))
    found: datetime | None = row["last_active_at"]
    return found


async def test_events_are_kept_with_their_data(conn: Connection, member: MakeMember) -> None:
    who = await member()
    await record(conn, [Activity("click", NOON, who, None, {"link": 'a"b'}), Activity("group_lost", NOON, None, 7)])
    rows = await (
        await conn.execute("SELECT kind, at, member_id, group_id, data FROM v_events ORDER BY kind")
    ).fetchall()
    assert [tuple(row.values()) for row in rows] == [
        ("click", NOON, who, None, {"link": 'a"b'}), ("group_lost", NOON, None, 7, {}),
    ]  # fmt: skip


async def test_milestones_keep_the_first_and_the_last_in_whatever_order_they_come(
    conn: Connection, member: MakeMember
) -> None:
    who = await member()
    await record(conn, [Activity("click", NOON, who), Activity("click", NOON + HOUR, who)])
    await record(conn, [Activity("click", NOON - HOUR, who)])
    assert await milestone(conn, "click") == (NOON - HOUR, NOON + HOUR)


async def test_only_signs_of_life_count_as_activity_and_it_never_goes_back(
    conn: Connection, member: MakeMember
) -> None:
    who = await member()
    for kind in ("joined", "left", "blocked", "opted_out"):
        assert kind not in SIGNS_OF_LIFE
        await record(conn, [Activity(kind, NOON, who)])
    assert await last_active(conn, who) is None
    await record(conn, [Activity("message", NOON, who)])
    await record(conn, [Activity("reaction", NOON - HOUR, who)])
    assert await last_active(conn, who) == NOON


async def test_nothing_remains_of_what_the_caller_rolled_back(conn: Connection, member: MakeMember) -> None:
    who = await member()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            async with conn.transaction():
                await record(conn, [Activity("click", NOON, who)])
                raise ZeroDivisionError
    assert await (await conn.execute("SELECT 1 FROM events UNION ALL SELECT 1 FROM milestones")).fetchall() == []
    await record(conn, [Activity("click", NOON, who)])
    await one(await conn.execute("SELECT 1 FROM events"))


async def test_no_activity_is_no_statement(conn: Connection) -> None:
    await conn.close()
    await record(conn, [])


async def test_a_batch_is_kept_as_one_by_one(conn: Connection, member: MakeMember) -> None:
    who = await member()
    await record(conn, [Activity("click", NOON + n * HOUR, who, None, {"link": f"l{n}"}) for n in range(2 * MANY)])
    row = await one(await conn.execute("SELECT count(DISTINCT data->>'link') AS links, count(*) AS n FROM v_events"))
    assert (row["links"], row["n"]) == (2 * MANY, 2 * MANY)
    last = NOON + (2 * MANY - 1) * HOUR
    assert await milestone(conn, "click") == (NOON, last)
    assert await last_active(conn, who) == last


async def test_milestones_are_reached_without_an_event(conn: Connection, member: MakeMember) -> None:
    who = await member()
    await reach(conn, who, ["purchase:month", "over:1", "over:1"], NOON)
    await reach(conn, who, ["over:1"], NOON + HOUR)
    await reach(conn, who, ["over:1"], NOON - HOUR)
    assert await milestone(conn, "over:1") == (NOON - HOUR, NOON + HOUR)
    assert await milestone(conn, "purchase:month") == (NOON, NOON)
    assert await (await conn.execute("SELECT 1 FROM events")).fetchall() == []
    assert await last_active(conn, who) is None


async def test_reaching_nothing_is_no_statement(conn: Connection) -> None:
    await conn.close()
    await reach(conn, 1, [], NOON)
