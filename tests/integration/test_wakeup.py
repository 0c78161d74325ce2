"""Wake-ups: bare hints between processes, on connections that come back."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from community.database import wakeup
from community.database.embedded import EmbeddedPostgres
from community.database.wakeup import OUTBOX, TRIGGERS, UPDATES, Wakeup


@asynccontextmanager
async def running(*wakeups: Wakeup) -> AsyncIterator[None]:
    """Runs them; the first event of each channel says that it listens."""
    tasks = [asyncio.create_task(one.run()) for one in wakeups]
    try:
        for one in wakeups:
            await asyncio.wait_for(one.event(OUTBOX).wait(), 10)
            for channel in wakeup.CHANNELS:
                one.event(channel).clear()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_ring_is_heard_here_at_once_and_elsewhere_soon(database_url: str) -> None:
    here, elsewhere = Wakeup(database_url), Wakeup(database_url)
    async with running(here, elsewhere):
        here.ring(UPDATES)
        assert here.event(UPDATES).is_set()
        began = time.monotonic()
        await elsewhere.wait(UPDATES, 10)
        assert time.monotonic() - began < 5
        assert not elsewhere.event(UPDATES).is_set(), "the waiter clears it"
        assert not elsewhere.event(TRIGGERS).is_set()


async def test_waiting_ends_without_a_ring(database_url: str) -> None:
    await Wakeup(database_url).wait(OUTBOX, 0.01)


async def test_ringing_often_notifies_at_most_20_times_a_second(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeup, "CHANNELS", (OUTBOX,))
    ringing = Wakeup(database_url)
    heard: list[str] = []
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener:
        await listener.execute(f"LISTEN {OUTBOX}")
        async with running(ringing):
            began = time.monotonic()
            while time.monotonic() - began < 0.5:
                ringing.ring(OUTBOX)
                await asyncio.sleep(0.001)
        async for notice in listener.notifies(timeout=0.2):
            heard.append(notice.payload)
    assert 1 <= len(heard) <= 12
    assert set(heard) == {""}


async def test_it_comes_back_after_the_database_went_away(
    postgres: EmbeddedPostgres, database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wakeup, "RECONNECT_S", 0.05)
    here, elsewhere = Wakeup(database_url), Wakeup(database_url)
    caplog.set_level(logging.WARNING)
    async with running(here, elsewhere):
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
            name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        await asyncio.wait_for(elsewhere.event(UPDATES).wait(), 10)  # what was missed meanwhile
        elsewhere.event(UPDATES).clear()
        async with asyncio.timeout(10):
            while not elsewhere.event(UPDATES).is_set():
                here.ring(UPDATES)
                await asyncio.sleep(0.05)
    assert "reconnecting" in caplog.text
