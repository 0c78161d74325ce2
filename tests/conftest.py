"""Fixtures of all tests: one embedded PostgreSQL a session, its database emptied after each test.

`make test` runs them in two processes, each with a session of its own: a file's tests stay together in one, and so do
those of flows; the longest come first.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpcore._async.connection
import psycopg
import pytest
import uvicorn.server
from hypothesis import settings
from psycopg.pq import TransactionStatus

from community.bundle import Bundle
from community.database.embedded import EmbeddedPostgres, temporary_postgres
from community.database.migrate import migrate
from community.database.pool import Connection, Pool, connect, open_pool
from tests.shipped import shipped_bundle

settings.register_profile("short", max_examples=25, deadline=None)
settings.register_profile("long", max_examples=1_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))

LEFT_OVER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid NOT IN (pg_backend_pid(), %s)
"""
EMPTY = """
DO $$
DECLARE name text;
BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);  -- without triggers: the ledger is append-only
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
        AND relnamespace = 'public'::regnamespace AND relname NOT IN ('alembic_version', 'bundles')
    LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
    PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
END $$
"""
OTHER_BUNDLES = "DELETE FROM bundles WHERE hash <> %s"
"""That of the playbook as shipped is in force only where a test publishes it, and takes 10 ms to store."""
AS_NEW = """
CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all();
DISCARD SEQUENCES; DISCARD TEMP
"""
"""DISCARD ALL without DEALLOCATE ALL and DISCARD PLANS."""

LONGEST = (
    "flows",
    "e2e/test_stack.py",
    "integration/dashboard/test_in_the_browser.py",
    *("unit/test_hostile_copy.py", "unit/test_render.py", "e2e/cli/test_plans.py", "sandbox/test_page.py"),
)
"""What takes longest, the longest first: it shall not be what one process still runs while the other has nothing."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Several processes share the tests by groups. (Groups of marks, xdist's own, are lost on pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return ByGroup(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several processes begin with what takes longest."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: [*LONGEST, _group(item.nodeid)].index(_group(item.nodeid)))


def pytest_collection_finish() -> None:
    """What was imported stays: without a look at it, a full collection of garbage takes 50 ms instead of 400."""
    gc.collect()
    gc.freeze()


def _group(nodeid: str) -> str:
    """The tests of a file share what it set up; all of flows share a Prefect server."""
    file = nodeid.partition("::")[0].removeprefix("tests/")
    return "flows" if file.startswith("flows/") else file


@pytest.fixture(scope="session", autouse=True)
def impatient() -> Iterator[None]:
    """Libraries rest less.

    uvicorn looks every 0.1 s whether it shall end, and rests as long when it does. Where nobody answers, Prefect's
    client connects again after 0.5 and 1 s.
    """
    prompt = SimpleNamespace(**vars(asyncio) | {"sleep": lambda seconds: asyncio.sleep(seconds / 10)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.server, "asyncio", prompt)
        patch.setattr(httpcore._async.connection, "RETRIES_BACKOFF_FACTOR", 0.02)
        yield


@pytest.fixture(scope="session")
def shipped() -> Bundle:
    """The playbook and copy as shipped."""
    return shipped_bundle()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The session's own PostgreSQL."""
    with temporary_postgres() as server:
        yield server


class Lasting:
    """The session's database, and the connections to it that outlive a test.

    Each new connection costs PostgreSQL 20 ms: for itself, and for planning anew what all tests ask. What a test left
    of its own in a connection goes, all but the plans.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._admin: psycopg.Connection | None = None
        self._conn: Connection | None = None

    async def conn(self) -> Connection:
        """One connection for the tests, one after the other."""
        if self._conn:
            await self.give_back(self._conn)  # a test that had no use for it may have ended it
        if self._conn is None or self._conn.closed:
            self._conn = await connect(self.url)
        return self._conn

    async def give_back(self, conn: Connection) -> None:
        """As it was when it was new; else the next test gets another."""
        try:
            if conn.info.transaction_status != TransactionStatus.IDLE:
                raise psycopg.OperationalError("a test left a transaction open")
            await conn.execute(AS_NEW, prepare=False)
        except psycopg.Error:
            await conn.close()

    def empty(self) -> None:
        """End all other connections and delete all rows; 3 ms, where a clone of a template takes 50."""
        try:
            self._empty()
        except psycopg.OperationalError:  # the test ended all connections, or the server
            self._admin = None
            self._empty()

    async def close(self) -> None:
        """End both."""
        if self._admin:
            self._admin.close()
        if self._conn:
            await self._conn.close()

    def _empty(self) -> None:
        if self._admin is None:
            self._admin = psycopg.connect(self.url, autocommit=True)
        kept = self._conn.info.backend_pid if self._conn and not self._conn.closed else 0
        self._admin.execute(LEFT_OVER, [kept])
        self._admin.execute(EMPTY)
        self._admin.execute(OTHER_BUNDLES, [shipped_bundle().hash])


@pytest.fixture(scope="session")
async def lasting(postgres: EmbeddedPostgres) -> AsyncIterator[Lasting]:
    """The session's one migrated database."""
    url = postgres.ensure_database("test")
    migrate(url)
    lasting = Lasting(url)
    yield lasting
    await lasting.close()


@pytest.fixture
def database_url(lasting: Lasting, request: pytest.FixtureRequest) -> Iterator[str]:
    """The migrated database, empty. Marked `own_database`, a test gets one that has no past."""
    if request.node.get_closest_marker("own_database"):
        yield request.getfixturevalue("pristine_url")
    else:
        yield lasting.url
        lasting.empty()


@pytest.fixture(scope="session")
def migrated_template(postgres: EmbeddedPostgres) -> str:
    """Name of a migrated database that nobody connects to: a copy of it takes 40 ms where migrating takes 400."""
    name = "template_migrated"
    migrate(postgres.ensure_database(name))
    return name


@pytest.fixture
def pristine_url(postgres: EmbeddedPostgres, migrated_template: str) -> str:
    """A database that no test has written to, for tests of the schema itself."""
    name = f"pristine_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template} STRATEGY file_copy")
    return postgres.url(name)


@pytest.fixture
def empty_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database without tables."""
    name = f"empty_{uuid4().hex[:12]}"
    yield postgres.ensure_database(name)
    postgres.drop_database(name)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool on the test's database."""
    pool = await open_pool(database_url, size=8)
    yield pool
    await pool.close()


@pytest.fixture
async def conn(database_url: str, lasting: Lasting) -> AsyncIterator[Connection]:
    """One connection to the test's database."""
    if database_url == lasting.url:  # else the database is the test's own
        conn = await lasting.conn()
        yield conn
        await lasting.give_back(conn)
    else:
        conn = await connect(database_url)
        yield conn
        await conn.close()
