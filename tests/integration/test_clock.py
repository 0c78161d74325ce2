"""A clock that jumps by an hour: nothing is sent twice, and nothing waits that hour."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from community.bundle import Bundle
from community.channels.channel import Outcome, Result
from community.channels.memory import MemoryChannel
from community.database import installation
from community.database.installation import RealTime, beat, sop_now
from community.database.pool import Connection, Pool
from community.outbox.claim import claim, ensure_budget
from community.outbox.record import Delivered, Recorder
from community.outbox.recover import recover
from deployments.service import Service
from tests.integration.conftest import BOT_ID, NOON
from tests.integration.rows import put, put_many, state, states
from tests.integration.test_delivery import delivering, make, until

HOUR = timedelta(hours=1)
SET_BACK = """
UPDATE heartbeats SET beat_wall = beat_wall + interval '1 hour';
UPDATE budgets SET next_wall = next_wall + interval '1 hour';
UPDATE chat_paces SET next_wall = next_wall + interval '1 hour';
UPDATE messages SET
    not_before_wall = not_before_wall + interval '1 hour', lease_until_wall = lease_until_wall + interval '1 hour'
"""
"""All that the database remembers lies an hour later on a clock that was set back by one."""


async def _take(conn: Connection, bundle: Bundle) -> list[dict[str, object]]:
    return (await claim(conn, BOT_ID, bundle.playbook, NOON, "test", 32)).rows


async def test_limits_pauses_and_leases_follow_the_databases_clock(
    pool: Pool, conn: Connection, bundle: Bundle
) -> None:
    await ensure_budget(conn, BOT_ID, 1000)
    await beat(conn, "test", "service")
    first, second, again = [await put(conn, chat_id=chat) for chat in (7, 7, 8)]
    vanished = await put(conn, chat_id=9, promotional=True)
    rows = {row["id"]: row for row in await _take(conn, bundle)}
    assert set(rows) == {first, again, vanished}
    lost = Outcome(Result.unknown, "timed_out")
    await Recorder(BOT_ID).record(conn, [Delivered(rows[first], Outcome(Result.sent)), Delivered(rows[again], lost)])

    for change in SET_BACK.split(";"):
        await conn.execute(change)
    assert await _take(conn, bundle) == []
    await Service._beat(SimpleNamespace(_pool=pool, _process="test"))  # type: ignore[arg-type]
    await recover(conn, BOT_ID, NOON)
    assert (await state(conn, vanished))[0] == "sending", "its lease is not over"

    for table, moment in {"budgets": "next_wall", "chat_paces": "next_wall", "messages": "not_before_wall"}.items():
        await conn.execute(f"UPDATE {table} SET {moment} = {moment} - interval '2 s'")  # a second or two later
    assert {row["id"] for row in await _take(conn, bundle)} == {second, again}
    await conn.execute("UPDATE messages SET lease_until_wall = lease_until_wall - interval '22 s' WHERE chat_id = 9")
    await recover(conn, BOT_ID, NOON)
    assert (await state(conn, vanished))[0] == "uncertain"


@pytest.mark.parametrize("jumps", [(HOUR, -HOUR), (-HOUR, HOUR)], ids=["ahead and back", "back and ahead"])
async def test_a_process_whose_clock_jumps_sends_each_once_and_at_once(
    pool: Pool, conn: Connection, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, jumps: tuple[timedelta, ...]
) -> None:
    jumped = [timedelta()]
    monkeypatch.setattr(installation, "_real_time", RealTime(lambda: datetime.now(UTC) + sum(jumped, timedelta())))
    channel = MemoryChannel()
    async with delivering(make(pool, channel)):
        for number, jump in enumerate((timedelta(), *jumps)):
            await put_many(conn, 5, stage=f"before {number}", due_at=await sop_now(conn), promotional=True)
            jumped.append(jump)
            await put_many(conn, 5, stage=f"after {number}", due_at=await sop_now(conn))
            await until(conn, sent=10 * (number + 1))
            await conn.execute("DELETE FROM chat_paces")
    assert len(channel.sent) == sum((await states(conn)).values()) == 30
