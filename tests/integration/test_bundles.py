"""Bundles: published by hash, in force in every process within seconds, old ones kept for what they pinned."""

import asyncio
import time

import pytest

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.errors import PlaybookError
from community.outbox.bundles import Bundles, publish
from tests.integration.rows import Edit, one


async def test_a_publication_is_in_force_elsewhere_within_5_seconds(pool: Pool, bundle: Bundle, edited: Edit) -> None:
    elsewhere = Bundles()
    async with pool.connection() as conn, pool.connection() as other:
        assert (await elsewhere.current(other)).hash == bundle.hash
        began = time.monotonic()
        new = await publish(conn, edited(caps={"per_day": 1, "per_week": 1}), "fewer")
        while (await elsewhere.current(other)).hash != new:
            await asyncio.sleep(0.02)
        assert time.monotonic() - began < 5
        assert (await elsewhere.current(other)).playbook.caps.per_day == 1


async def test_asking_often_does_not_ask_the_database(pool: Pool, bundle: Bundle) -> None:
    bundles = Bundles()
    async with pool.connection() as conn:
        first = await bundles.current(conn)
    closed = conn  # back in the pool: a query on it now would be seen as misuse by the next user
    await closed.close()
    assert await bundles.current(closed) is first


async def test_old_bundles_stay_readable(conn: Connection, bundle: Bundle, edited: Edit) -> None:
    await publish(conn, edited(enabled=False), "off")
    old = await Bundles().get(conn, bundle.hash)
    assert (old.hash, old.to_json()) == (bundle.hash, bundle.to_json())


async def test_publishing_the_same_again_stores_it_once_and_notes_both(conn: Connection, bundle: Bundle) -> None:
    assert await publish(conn, bundle, "again") == bundle.hash
    row = await one(
        await conn.execute("SELECT count(*) AS n, (SELECT count(*) FROM bundles) AS stored FROM publications")
    )
    assert (row["n"], row["stored"]) == (2, 1)


async def test_a_publication_comes_whole_or_not_at_all(conn: Connection, bundle: Bundle, edited: Edit) -> None:
    with pytest.raises(ZeroDivisionError):
        async with conn.transaction():
            await publish(conn, edited(enabled=False), "off")
            raise ZeroDivisionError
    assert (await Bundles().current(conn)).hash == bundle.hash
    assert await (await conn.execute("SELECT 1 FROM halts")).fetchall() == []


async def test_what_is_missing_says_what_to_do(conn: Connection) -> None:
    with pytest.raises(PlaybookError, match="sop publish"):
        await Bundles().current(conn)
    with pytest.raises(PlaybookError, match=r"abcabc.*publish the playbook again"):
        await Bundles().get(conn, "abc" * 20)
