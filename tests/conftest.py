"""Fixtures of all tests: one embedded PostgreSQL a session, its database emptied after each test.

`make test` runs them in two processes, each with a session of its own: a file's tests stay together in one, and so do
all that start a Prefect server.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings

from community.database.embedded import EmbeddedPostgres, temporary_postgres
from community.database.migrate import migrate
from community.database.pool import Connection, Pool, connect, open_pool

settings.register_profile("short", max_examples=25, deadline=None)
settings.register_profile("long", max_examples=1_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))

LEFT_OVER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
EMPTY = """
DO $$
DECLARE name text;
BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);  -- without triggers: the ledger is append-only
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
        AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
    PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
END $$
"""


STARTS_PREFECT = ("flows/", "e2e/test_")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests stay together when several processes share them."""
    for item in items:
        file = item.path.relative_to(Path(__file__).parent).as_posix()
        item.add_marker(pytest.mark.xdist_group("prefect" if file.startswith(STARTS_PREFECT) else file))


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The session's own PostgreSQL."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> str:
    """The session's one migrated database."""
    url = postgres.ensure_database("test")
    migrate(url)
    return url


@pytest.fixture
def database_url(migrated: str) -> Iterator[str]:
    """The migrated database, empty. Emptying takes 5 ms where a clone of a template takes 250."""
    yield migrated
    with psycopg.connect(migrated, autocommit=True) as admin:
        admin.execute(LEFT_OVER)
        admin.execute(EMPTY)


@pytest.fixture
def pristine_url(postgres: EmbeddedPostgres) -> str:
    """A database that no test has written to, for tests of the schema itself."""
    url = postgres.ensure_database(f"pristine_{uuid4().hex[:12]}")
    migrate(url)
    return url


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
async def conn(database_url: str) -> AsyncIterator[Connection]:
    """One connection to the test's database."""
    conn = await connect(database_url)
    yield conn
    await conn.close()
