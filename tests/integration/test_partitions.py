"""Monthly partitions: made by whoever writes first, by two at once, and again after a rollback."""

import asyncio
from datetime import UTC, datetime

import pytest

from community.activity.record import Activity, record
from community.database import partitions as partitions_module
from community.database.partitions import ensure_months
from community.database.pool import Connection, Pool


@pytest.fixture
def database_url(pristine_url: str) -> str:
    """No month has been made yet."""
    return pristine_url


async def partitions(conn: Connection, table: str = "events") -> list[str]:
    rows = await (
        await conn.execute(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = %s::regclass", [table]
        )
    ).fetchall()
    return sorted(row["name"] for row in rows)


async def test_a_month_is_made_when_it_is_first_needed(conn: Connection) -> None:
    at = datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    await record(conn, [Activity("x", at, None), Activity("x", at.replace(year=2030, month=1), None)])
    await ensure_months(conn, "decisions", [at])
    assert await partitions(conn) == ["events_p2026_12", "events_p2030_01"]
    assert await partitions(conn, "decisions") == ["decisions_p2026_12"]


async def test_months_begin_and_end_in_utc(conn: Connection) -> None:
    shanghai = datetime.fromisoformat("2027-01-01T07:59:59+08:00")
    await record(conn, [Activity("x", shanghai, None)])
    await record(conn, [Activity("x", datetime.fromisoformat("2027-01-01T08:00:00+08:00"), None)])
    assert await partitions(conn) == ["events_p2026_12", "events_p2027_01"]


async def test_many_writers_at_once_make_it_once(pool: Pool) -> None:
    async def write(day: int) -> None:
        async with pool.connection() as conn:
            await record(conn, [Activity("x", datetime(2027, 5, day, tzinfo=UTC), None)])

    await asyncio.gather(*(write(day) for day in range(1, 21)))
    async with pool.connection() as conn:
        assert await partitions(conn) == ["events_p2027_05"]
        assert len(await (await conn.execute("SELECT 1 FROM events")).fetchall()) == 20


async def test_a_rolled_back_month_is_made_again(conn: Connection) -> None:
    at = datetime(2027, 6, 1, tzinfo=UTC)
    with pytest.raises(ZeroDivisionError):
        async with conn.transaction():
            await ensure_months(conn, "events", [at])
            raise ZeroDivisionError
    assert await partitions(conn) == []
    await record(conn, [Activity("x", at, None)])
    assert await partitions(conn) == ["events_p2027_06"]


async def test_a_known_month_costs_no_statement(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2027, 7, 1, tzinfo=UTC)
    await ensure_months(conn, "events", [at])
    monkeypatch.setattr(partitions_module, "_create", None)
    await ensure_months(conn, "events", [at])
