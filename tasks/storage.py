"""The database, as flows reach it: a connection for each task, as runs live on many event loops and processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from community.bundle import Bundle
from community.database.installation import last_beat
from community.database.pool import Connection, connect
from community.errors import SettingsError
from community.outbox.bundles import Bundles
from community.settings import Settings, load_settings

ALIVE = timedelta(seconds=30)
"""The service beats every 5 s; after this long it counts as away."""

DELIVERY = "delivery"
"""Whose heartbeat says that Prefect runs the `delivery` flow; the always-on service listens for it."""


@asynccontextmanager
async def connection(settings: Settings | None = None) -> AsyncIterator[Connection]:
    """A connection to the installation's database, closed at the end."""
    conn = await connect(database_url(settings or load_settings()))
    async with conn:
        yield conn


def database_url(settings: Settings) -> str:
    """Address of the database. Raises SettingsError when this process was not told."""
    if settings.database_url is None:
        raise SettingsError("SOP_DATABASE_URL: not set in this process; start workers with `make up`, or set it")
    return settings.database_url.get_secret_value()


async def bundle_in_force(conn: Connection) -> Bundle:
    """The playbook and copy in force. Raises PlaybookError when none was published."""
    return await Bundles().current(conn)


async def service_alive(conn: Connection) -> bool:
    """Whether an always-on service has been heard within 30 s."""
    beat = await last_beat(conn, "service")
    return beat is not None and datetime.now(UTC) - beat < ALIVE
