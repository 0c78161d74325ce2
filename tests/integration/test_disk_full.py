"""The database's disk is full: what was acknowledged is stored, the rest is refused, and it works again with room."""

import asyncio
import os
from pathlib import Path

import pytest
from psycopg import OperationalError

from community.bot.inbox import store
from community.database.embedded import EmbeddedPostgres
from community.database.migrate import migrate
from community.database.pool import open_pool
from tests.chaos.database import fill_up, kept_up, small_disk

BOT_ID, SIZE = 1, 20_000


def _update(number: int) -> dict[str, object]:
    """One that compression makes no shorter."""
    return {"update_id": number, "message": {"text": os.urandom(SIZE).hex()}}


async def test_what_was_acknowledged_is_stored_and_it_works_again_with_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deployments.processes.LOOK_S", 0.1)
    monkeypatch.setattr("deployments.processes.RETRY_S", 0.1)
    with small_disk(megabytes=110) as (folder, why):
        if why:
            pytest.skip(why)
        with EmbeddedPostgres(folder / "postgres", durable=False) as postgres:
            url = postgres.ensure_database("full")
            migrate(url)
            async with kept_up(postgres):
                await _store_until_refused_and_after(url, folder)


async def _store_until_refused_and_after(url: str, folder: Path) -> None:
    pool = await open_pool(url, size=2)
    acknowledged: set[int] = set()
    ballast = fill_up(folder)

    async def take(number: int) -> None:
        async with pool.connection(timeout=2) as conn:
            await store(conn, BOT_ID, [_update(number)])
        acknowledged.add(number)

    refused = 0
    async with asyncio.timeout(60):
        for number in range(1, 100_000):
            try:
                await take(number)
            except OperationalError:  # what the webhook answers 503 to
                refused += 1
                if refused == 3:
                    ballast.unlink()
                await asyncio.sleep(0.05)
            if refused >= 3 and number in acknowledged:
                break
    async with pool.connection() as conn:
        rows = await (await conn.execute("SELECT update_id FROM updates")).fetchall()
    await pool.close()
    assert refused >= 3
    assert {row["update_id"] for row in rows} >= acknowledged
