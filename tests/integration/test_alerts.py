"""Alerts for staff: counted by subject, told in few messages; nothing happens that is neither told nor counted."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.bundle import Bundle
from community.channels.channel import Outcome, Result
from community.database.installation import sop_now
from community.database.pool import Connection, Pool
from community.outbox.alerts import LISTED, TOGETHER, Alert, alert, lately, tell, watch_doubtful
from community.outbox.record import Delivered, Recorder
from tests.integration.conftest import BOT_ID, NOON
from tests.integration.rows import Edit, put

STAFF = -4000
MINUTE = timedelta(minutes=1)
Said = list[dict[str, Any]]


def about(subject: str, **more: Any) -> Alert:
    return Alert(subject, f"{subject} happened", "there", "do this", **more)


async def said(conn: Connection) -> Said:
    """What every message to the staff chat says, in order."""
    rows = await (await conn.execute("SELECT context FROM messages WHERE chat_id = %s ORDER BY id", [STAFF])).fetchall()
    return [row["context"] for row in rows]


async def test_the_first_is_told_at_once_and_what_follows_shares_a_message(conn: Connection, bundle: Bundle) -> None:
    await alert(conn, about("a"), NOON)
    assert await tell(conn, bundle, BOT_ID, STAFF, NOON) == 1
    for subject in ("b", "c", "b"):
        await alert(conn, about(subject), NOON + timedelta(seconds=10))
        assert await tell(conn, bundle, BOT_ID, STAFF, NOON + timedelta(seconds=10)) == 0
    assert await tell(conn, bundle, BOT_ID, STAFF, NOON + TOGETHER) == 2

    first, second = await said(conn)
    assert first["alerts"] == [{"what": "a happened", "where": "there", "next": "do this", "times": 1}]
    assert [(told["what"], told["times"]) for told in second["alerts"]] == [("b happened", 2), ("c happened", 1)]


async def test_the_same_is_told_once_an_hour_with_how_often_it_happened(conn: Connection, bundle: Bundle) -> None:
    for minute in range(0, 61, 10):
        await alert(conn, about("a"), NOON + minute * MINUTE)
        await tell(conn, bundle, BOT_ID, STAFF, NOON + minute * MINUTE)

    assert [told["alerts"][0]["times"] for told in await said(conn)] == [1, 6]


async def test_what_lasts_counts_once(conn: Connection, bundle: Bundle) -> None:
    for minute in range(62):
        await alert(conn, about("a", lasting=True), NOON + minute * MINUTE)
        await tell(conn, bundle, BOT_ID, STAFF, NOON + minute * MINUTE)

    assert [told["alerts"][0]["times"] for told in await said(conn)] == [1, 1]


async def test_more_than_a_message_holds_is_counted_in_it_and_comes_next(conn: Connection, bundle: Bundle) -> None:
    for number in range(LISTED + 3):
        await alert(conn, about(f"s{number}"), NOON)
    assert await tell(conn, bundle, BOT_ID, STAFF, NOON) == LISTED
    assert await tell(conn, bundle, BOT_ID, STAFF, NOON + MINUTE) == 3

    assert [told["more"] for told in await said(conn)] == [3, 0]


async def test_without_a_staff_chat_it_stays_counted(conn: Connection, bundle: Bundle) -> None:
    await alert(conn, about("a\0"), NOON)
    assert await tell(conn, bundle, BOT_ID, None, NOON) == 0

    [known] = await lately(conn, NOON)
    assert (known.subject, known.times, known.told_at) == ("a", 1, None)


async def test_processes_that_tell_at_once_send_one_message(pool: Pool, conn: Connection, bundle: Bundle) -> None:
    for subject in "abc":
        await alert(conn, about(subject), NOON)

    async def tell_too() -> int:
        async with pool.connection() as other:
            return await tell(other, bundle, BOT_ID, STAFF, NOON)

    assert sorted(await asyncio.gather(tell_too(), tell_too(), tell_too())) == [0, 0, 3]
    assert len(await said(conn)) == 1


STEPS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 1500)), min_size=1, max_size=40)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
async def test_few_messages_and_nothing_uncounted(
    conn: Connection, bundle: Bundle, steps: list[tuple[str, int]]
) -> None:
    await conn.execute("DELETE FROM messages")
    await conn.execute("DELETE FROM alerts")
    at = NOON
    for subject, seconds in steps:
        at += timedelta(seconds=seconds)
        await alert(conn, about(subject), at)
        await tell(conn, bundle, BOT_ID, STAFF, at)

    told = [(told["what"], told["times"]) for message in await said(conn) for told in message["alerts"]]
    waiting = sum(known.times for known in await lately(conn, at))
    assert sum(times for _, times in told) + waiting == len(steps)
    rows = await (await conn.execute("SELECT planned_at FROM messages ORDER BY planned_at")).fetchall()
    moments = [row["planned_at"] for row in rows]
    most = bundle.playbook.alerts.per_hour
    assert all(later - earlier >= TOGETHER for earlier, later in pairwise(moments))
    assert all(late - early >= 60 * MINUTE for early, late in zip(moments, moments[most:], strict=False))


async def test_many_uncertain_within_an_hour(conn: Connection, bundle: Bundle, edited: Edit) -> None:
    strict = edited(alerts={"uncertain": 1})
    for minutes in (1, 1, 90):
        number = await put(conn, state="uncertain")
        query = "UPDATE messages SET settled_wall = clock_timestamp() - make_interval(mins => %s) WHERE id = %s"
        await conn.execute(query, [minutes, number])
    await watch_doubtful(conn, bundle, BOT_ID, NOON)
    assert await lately(conn, NOON) == []
    await watch_doubtful(conn, strict, BOT_ID, NOON)

    assert "2 messages of the last hour are uncertain" in (await lately(conn, NOON))[0].what


@pytest.mark.parametrize(("freezes", "pause_s", "alerts"), [(2, 1, 0), (3, 1, 1), (1, 90, 1)])
async def test_a_storm_of_429_is_told(
    conn: Connection, bundle: Bundle, freezes: int, pause_s: float, alerts: int
) -> None:
    recorder = Recorder(BOT_ID)
    for _ in range(freezes):
        batch = []
        for _ in range(3):
            number = await put(conn, state="sending", attempts=1)
            row = await (await conn.execute("SELECT * FROM messages WHERE id = %s", [number])).fetchone()
            assert row is not None
            outcome = Outcome(Result.later, "too_many_requests", retry_after_s=pause_s, flooded=True)
            batch.append(Delivered(row, outcome))
        await recorder.record(conn, batch)
        await conn.execute("UPDATE budgets SET frozen_until_wall = clock_timestamp() - interval '1 second'")

    assert len(await lately(conn, await sop_now(conn))) == alerts
