"""Monthly partitions of `events` and `decisions`: there is no default partition.

The writer makes a missing month; retention drops old ones as a whole.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from psycopg import sql
from psycopg.errors import LockNotAvailable

from community.database.pool import Connection
from community.errors import DatabaseError

PATIENCE = "5s"
"""Longest wait for a table to be let go: others queue up behind whoever waits to drop a month."""
_known: set[tuple[int, str, int, int]] = set()
_in_doubt: set[tuple[int, str, int, int]] = set()
"""Made by this process in somebody's transaction, which may have been rolled back."""


async def ensure_months(conn: Connection, table: str, moments: Iterable[datetime]) -> None:
    """Make sure each month of `moments` (aware) has its partition of `table`.

    Safe when two processes do it at once: creation is under an advisory lock. What this process has made or seen is
    remembered per database, so that the usual case costs nothing.
    """
    months = {(m.astimezone(UTC).year, m.astimezone(UTC).month) for m in moments}
    for key in sorted((_database(conn), table, *month) for month in months):
        if key in _known:
            continue
        made = await _create(conn, table, *key[2:])
        if made and conn.info.transaction_status.name != "IDLE":
            _in_doubt.add(key)
        elif key not in _in_doubt or conn.info.transaction_status.name == "IDLE":
            _known.add(key)


async def months(conn: Connection, table: str) -> list[datetime]:
    """The first moments (UTC) of the months that have a partition of `table`, oldest first."""
    found = await conn.execute(
        "SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
        " WHERE inhparent = to_regclass(%s) ORDER BY relname",
        [table],
    )
    return [_month_of(row["name"]) for row in await found.fetchall()]


async def drop_months(conn: Connection, table: str, keep: int, now_at: datetime) -> list[datetime]:
    """Drop what is older than `keep` full months before that of `now_at`: all of it or nothing. Returns the months.

    Raises DatabaseError when something else holds the table for longer than 5 seconds.
    """
    this = now_at.astimezone(UTC)
    old = [month for month in await months(conn, table) if _months_between(month, this) > keep]
    try:
        async with conn.transaction():
            await conn.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            for month in old:
                await conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(_name(table, month))))
    except LockNotAvailable:
        raise DatabaseError(f"{table}: held by a long plan or export; old months are dropped another time") from None
    _known.difference_update((_database(conn), table, month.year, month.month) for month in old)
    return old


def _months_between(early: datetime, late: datetime) -> int:
    return (late.year - early.year) * 12 + late.month - early.month


def _name(table: str, month: datetime) -> str:
    return f"{table}_p{month.year}_{month.month:02}"


def _database(conn: Connection) -> int:
    return hash((conn.info.host, conn.info.port, conn.info.dbname))


def _month_of(partition: str) -> datetime:
    year, month = partition.rpartition("_p")[2].split("_")
    return datetime(int(year), int(month), 1, tzinfo=UTC)


async def _create(conn: Connection, table: str, year: int, month: int) -> bool:
    """Whether it had to be made."""
    start = datetime(year, month, 1, tzinfo=UTC)
    name = _name(table, start)
    found = await (await conn.execute("SELECT to_regclass(%s) AS oid", [name])).fetchone()
    if found and found["oid"]:
        return False
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    async with conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [table])
        await conn.execute(
            sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
                sql.Identifier(name), sql.Identifier(table), sql.Literal(start), sql.Literal(end)
            )
        )
    return True
