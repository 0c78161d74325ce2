"""The installation: one bot and one mode for a database; SOP time; heartbeats."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from community.database.installation import RealTime, beat, claim, last_beat, set_back, set_virtual_now, sop_now
from community.database.pool import Connection, Pool, open_pool
from community.errors import DatabaseError
from tests.integration.conftest import NOON
from tests.integration.rows import one


@pytest.mark.parametrize(("bot_id", "mode"), [(2, "sandbox"), (1, "real"), (1, "demo"), (2, "real")])
async def test_another_bot_or_mode_is_refused(conn: Connection, bot_id: int, mode: str) -> None:
    await claim(conn, 1, "sandbox")
    await claim(conn, 1, "sandbox")
    with pytest.raises(
        DatabaseError, match=rf"bot 1 \(sandbox\), not to bot {bot_id} \({mode}\); use another database"
    ):
        await claim(conn, bot_id, mode)


async def test_sop_time_is_real_time_until_a_simulation_moves_it(conn: Connection) -> None:
    assert abs(await sop_now(conn) - datetime.now(UTC)) < timedelta(seconds=5)
    await claim(conn, 1, "demo")
    await set_virtual_now(conn, NOON)
    assert await sop_now(conn) == NOON
    await set_virtual_now(conn, None)
    assert abs(await sop_now(conn) - datetime.now(UTC)) < timedelta(seconds=5)


async def test_sop_time_of_a_real_bot_does_not_move(conn: Connection) -> None:
    await claim(conn, 1, "real")
    with pytest.raises(DatabaseError, match="demo and sandbox only"):
        await set_virtual_now(conn, NOON)
    assert abs(await sop_now(conn) - datetime.now(UTC)) < timedelta(seconds=5)


async def test_heartbeats_of_a_role_and_no_others(conn: Connection) -> None:
    assert await last_beat(conn, "service") is None
    await conn.execute("INSERT INTO heartbeats VALUES ('old', 'service', now() - interval '2 days')")
    await beat(conn, "one", "flow")
    await beat(conn, "two", "service")
    first = await last_beat(conn, "service")
    await beat(conn, "two", "service")
    second = await last_beat(conn, "service")
    assert first is not None
    assert second is not None
    assert second > first
    assert (await one(await conn.execute("SELECT count(*) AS n FROM heartbeats")))["n"] == 2


def test_real_time_never_runs_backwards_unless_it_was_far_wrong() -> None:
    clock = [NOON]
    real = RealTime(lambda: clock[0])
    seen = []
    for minutes in (1, -59, -10, 2, 600, 1):
        clock[0] = NOON + timedelta(minutes=minutes)
        seen.append((real.now() - NOON).total_seconds() / 60)
    assert seen == [1, 1, 1, 2, 600, 1]


async def test_a_clock_set_back_is_told_to_one_process(pool: Pool, conn: Connection) -> None:
    for process in ("one", "two"):
        await beat(conn, process, "service")
    assert await set_back(conn) is None
    await conn.execute("UPDATE heartbeats SET beat_wall = beat_wall + interval '1 hour'")

    async def ask() -> timedelta | None:
        async with pool.connection() as own, own.transaction():
            return await set_back(own)

    told = [back for back in await asyncio.gather(ask(), ask()) if back]
    assert len(told) == 1
    assert timedelta(minutes=59) < told[0] <= timedelta(hours=1)
    assert await set_back(conn) is None


async def test_a_pool_on_no_server_says_so_in_one_line() -> None:
    with pytest.raises(DatabaseError, match="check SOP_DATABASE_URL") as raised:
        await open_pool("postgresql://nobody:hush@127.0.0.1:1/sop")
    assert "hush" not in str(raised.value)


async def test_connections_speak_utc(conn: Connection) -> None:
    assert (await one(await conn.execute("SHOW timezone")))["TimeZone"] == "UTC"
