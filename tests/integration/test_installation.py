"""The installation: one bot and one mode for a database; SOP time; heartbeats."""

from datetime import UTC, datetime, timedelta

import pytest

from community.database.installation import beat, claim, last_beat, set_virtual_now, sop_now
from community.database.pool import Connection, open_pool
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


async def test_a_pool_on_no_server_says_so_in_one_line() -> None:
    with pytest.raises(DatabaseError, match="check SOP_DATABASE_URL") as raised:
        await open_pool("postgresql://nobody:hush@127.0.0.1:1/sop")
    assert "hush" not in str(raised.value)


async def test_connections_speak_utc(conn: Connection) -> None:
    assert (await one(await conn.execute("SHOW timezone")))["TimeZone"] == "UTC"
