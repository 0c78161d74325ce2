"""Migrations: the database is what the models say; running them again, or in parallel, is harmless."""

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import DateTime, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from community.database.embedded import EmbeddedPostgres
from community.database.migrate import migrate
from community.database.tables import metadata
from community.errors import DatabaseError


@pytest.fixture
def empty_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = f"empty_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield postgres.url(name)
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def differences(url: str) -> list[object]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)

    def ours(_object: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
        return not (kind == "table" and reflected and "_p2" in (name or ""))

    with engine.connect() as connection, warnings.catch_warnings():
        options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
        # PostgreSQL gives expressions back in words of its own; Alembic cannot compare them and says so.
        warnings.filterwarnings("ignore", "Computed default", UserWarning)
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_the_database_is_what_the_models_say(pristine_url: str) -> None:
    with psycopg.connect(pristine_url, autocommit=True) as conn:
        conn.execute(
            "CREATE TABLE events_p2026_01 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')"
        )
    assert differences(pristine_url) == []


def test_a_difference_would_be_seen(pristine_url: str) -> None:
    with psycopg.connect(pristine_url, autocommit=True) as conn:
        conn.execute("ALTER TABLE halts ADD COLUMN extra text")
        conn.execute("DROP INDEX messages_cap")
        conn.execute("CREATE TABLE stray (id int)")
    assert len(differences(pristine_url)) == 3


def test_parallel_and_repeated_migrations_agree(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate, [empty_url] * 4))
    migrate(empty_url)
    assert differences(empty_url) == []


def test_migrating_again_keeps_what_is_there(pristine_url: str) -> None:
    with psycopg.connect(pristine_url, autocommit=True) as conn:
        conn.execute("INSERT INTO halts VALUES ('all', 'operator', '', now())")
        migrate(pristine_url)
        assert conn.execute("SELECT scope FROM halts").fetchall() == [("all",)]
        assert conn.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


def test_a_server_that_is_away_is_one_line() -> None:
    with pytest.raises(DatabaseError, match="check SOP_DATABASE_URL") as raised:
        migrate("postgresql://nobody:hush@127.0.0.1:1/sop")
    assert "hush" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_time_says_by_its_name_which_clock_it_is_of() -> None:
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, DateTime):
                assert column.type.timezone, f"{table.name}.{column.name} is naive"
                named = column.name == "at" or column.name.endswith(("_at", "_wall"))
                assert named, f"{table.name}.{column.name}: end it in _at (SOP time) or _wall (wall time)"
