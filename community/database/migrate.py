"""Bring a database to the present schema: tables by Alembic, views from each package's `views.sql`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from community.errors import DatabaseError

MIGRATIONS = str(Path(__file__).parent / "migrations")
CORE = Path(__file__).parent.parent
MIGRATION_LOCK = 0x50B_0001


def migrate(url: str, revision: str = "head") -> None:
    """Migrate to the newest revision; waits for another process that does the same.

    An older `revision` gets its tables alone: views are of the newest only.

    Raises DatabaseError when the server cannot be reached, or a lock is not had in 5 s (a long transaction holds it).
    """
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            _upgrade(connection, revision)
    except OperationalError as error:
        raise DatabaseError(f"database: migration: {str(error.orig).splitlines()[0]}; check SOP_DATABASE_URL") from None
    finally:
        engine.dispose()


def _upgrade(connection: Connection, revision: str) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    try:
        command.upgrade(alembic_config(connection), revision)
        for views in sorted(CORE.glob("*/views.sql")) if revision == "head" else ():
            connection.exec_driver_sql(views.read_text(encoding="utf-8"))
        connection.commit()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


def newest_migration() -> str:
    """The migration this version of the program needs."""
    return _scripts().get_current_head() or ""


def known_migrations() -> set[str]:
    """Every migration this version of the program can bring up to the newest."""
    return {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    return ScriptDirectory.from_config(config)


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration without a file, bound to `connection`."""
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.attributes["connection"] = connection
    return config
