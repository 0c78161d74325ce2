"""A publication while others are at work: another publication, a run, a sweep of the outbox."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

import community
from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.database.queries import Queries
from community.errors import VersionChanged
from community.outbox.bundles import publish
from community.outbox.recover import recover
from community.outbox.settle import LANES, cancel_waiting
from community.outreach import publishing
from community.outreach.plan import change_over, one_planner, plan
from community.outreach.publishing import put_into_force
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import one, put
from tests.integration.test_in_flight import DAY, MORNING, ONE_TO_THREE, STAGE, got, step, version
from tests.integration.test_publishing import half_way, without


async def blocked(conn: Connection) -> None:
    """Return once somebody waits for a lock."""
    while not (await one(await conn.execute("SELECT count(*) AS n FROM pg_locks WHERE NOT granted")))["n"]:
        await asyncio.sleep(0.01)


async def test_of_two_publications_at_once_the_newer_one_holds(
    conn: Connection, pool: Pool, bundle: Bundle, member: MakeMember
) -> None:
    """The other has looked, and waits for the planner, when the newer one takes over."""
    old, slow, newest = (version(bundle, *ONE_TO_THREE, words=words, plan_ahead="3d") for words in ("a", "b", "c"))
    person = await half_way(conn, old, member)
    async with pool.connection() as other:
        async with other.transaction():
            await one_planner(other, BOT_ID)
            await publish(conn, slow, "slow")
            waits = asyncio.create_task(change_over(conn, slow, STAGE, MORNING, bot_id=BOT_ID))
            await blocked(other)
            await publish(other, newest, "newest")
            await change_over(other, newest, STAGE, MORNING + timedelta(minutes=1), bot_id=BOT_ID)
        await waits
    assert await got(conn, person) == {"day_1": "a", "day_2": "c", "day_3": "c"}


async def test_a_run_that_waits_behind_a_publication_does_not_go_on_by_the_version_before(
    conn: Connection, pool: Pool, bundle: Bundle, member: MakeMember
) -> None:
    """It read that version, and would plan what was just dropped."""
    old, new = version(bundle, *ONE_TO_THREE), version(bundle, step("day_1", 1))
    person = await half_way(conn, old, member)
    async with pool.connection() as other:
        async with other.transaction():
            await one_planner(other, BOT_ID)
            late = asyncio.create_task(plan(conn, old, STAGE, MORNING + DAY, bot_id=BOT_ID))
            await blocked(other)
            await publish(other, new, "new")
            await change_over(other, new, STAGE, MORNING + DAY, bot_id=BOT_ID)
        with pytest.raises(VersionChanged):
            await late
    assert list(await got(conn, person)) == ["day_1"]


async def test_a_run_cannot_come_between_the_end_of_its_stage_and_the_publication(
    conn: Connection, pool: Pool, bundle: Bundle, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the stage over again, and bring back what was dropped."""
    old = version(bundle, *ONE_TO_THREE, plan_ahead="3d")
    person = await half_way(conn, old, member)
    runs: list[asyncio.Task[object]] = []

    async def run() -> None:
        async with pool.connection() as other:
            await plan(other, old, STAGE, MORNING, bot_id=BOT_ID)

    async def slowly(*args: Any, **how: Any) -> str:
        runs.append(asyncio.create_task(run()))
        await asyncio.wait(runs, timeout=0.3)
        return await publish(*args, **how)

    monkeypatch.setattr(publishing, "publish", slowly)
    await put_into_force(conn, without(old), "without", MORNING, bot_id=BOT_ID)
    with pytest.raises(VersionChanged):
        await runs[0]
    assert list(await got(conn, person)) == ["day_1"]


async def test_a_member_who_leaves_meanwhile_is_no_deadlock(
    conn: Connection, pool: Pool, bundle: Bundle, member: MakeMember
) -> None:
    """What waits is taken over in one order: nothing of theirs is held while something of theirs is waited for."""
    old, new = version(bundle, *ONE_TO_THREE, plan_ahead="3d"), version(bundle, step("day_2", 2), words="new")
    person = await half_way(conn, old, member)
    async with pool.connection() as other:
        async with other.transaction():
            await other.execute("SELECT FROM messages WHERE step = 'day_2' FOR UPDATE")
            late = asyncio.create_task(put_into_force(conn, new, "new", MORNING, bot_id=BOT_ID))
            await blocked(other)
            assert await cancel_waiting(other, person, "left") == 2
        await late


Query = tuple[str, dict[str, Any]]
CANCELLING: dict[str, Query] = {
    "cancel_waiting": ("outbox/settle.sql", {"reason": "left"}),
    "cancel_occurrences": (
        "outbox/settle.sql",
        {"stage": "test", "occurrences": ["x"], "reason": "x", "lanes": LANES},
    ),
    "cancel_offers": ("outbox/settle.sql", {"code": "C"}),
    "cancel_offers_of_stage": ("outbox/settle.sql", {"code": "C", "stage": "test", "lanes": LANES}),
    "count_anew": ("outbox/settle.sql", {"goal": "g", "at": NOON, "context": Jsonb({})}),
    "stop": ("outbox/stop.sql", {}),
    "erase_messages": ("outbox/privacy.sql", {"telegram_id": 0}),
}


@pytest.mark.parametrize("name", CANCELLING)
async def test_whoever_cancels_several_locks_them_in_one_order(
    conn: Connection, pool: Pool, bundle: Bundle, member: MakeMember, name: str
) -> None:
    """The one by which a version takes over, however the rows lie: the first is waited for, the other left free."""
    person = await member()
    common = {"member_id": person, "occurrence": "x", "promotional": True, "exempt": False, "goals": ["g"]}
    common |= {"context": {"coupon": "C"}, "expires_at": NOON + DAY}
    ids = [await put(conn, step=step, due_at=at, **common) for step, at in (("b", NOON + DAY / 2), ("a", NOON))]
    await conn.execute("UPDATE messages SET chat_id = chat_id + 1 WHERE id = %s", ids[:1])
    path, values = CANCELLING[name]
    text = getattr(Queries(Path(community.__file__).parent / path), name)
    values = {"bot_id": BOT_ID, "member_id": person, "id": person, "ids": ids[::-1], **values}
    async with pool.connection() as other:
        async with other.transaction():
            await other.execute("SELECT FROM messages WHERE id = %s FOR UPDATE", ids[:1])
            late = asyncio.create_task(conn.execute(text, values))
            await blocked(other)
            await other.execute("SELECT FROM messages WHERE id = %s FOR UPDATE NOWAIT", ids[1:])
        assert (await late).rowcount == 2


async def test_a_sweep_waits_for_nobody(conn: Connection, pool: Pool, bundle: Bundle) -> None:
    held, _ = [await put(conn, due_at=NOON, expires_at=NOON) for _ in range(2)]
    async with pool.connection() as other, other.transaction():
        await other.execute("SELECT FROM messages WHERE id = %s FOR UPDATE", [held])
        assert (await recover(conn, BOT_ID, NOON)).expired == 1
    assert (await recover(conn, BOT_ID, NOON)).expired == 1
