"""Monthly partitions of `events` and `decisions`: there is no default partition, the writer makes a missing month."""

from collections.abc import Iterable
from datetime import UTC, datetime

from psycopg import sql

from community.database.pool import Connection

_known: set[tuple[int, str, int, int]] = set()
_in_doubt: set[tuple[int, str, int, int]] = set()
"""Made by this process in somebody's transaction, which may have been rolled back."""


async def ensure_months(conn: Connection, table: str, moments: Iterable[datetime]) -> None:
    """Make sure each month of `moments` (aware) has its partition of `table`.

    Safe when two processes do it at once: creation is under an advisory lock. What this process has made or seen is
    remembered per database, so that the usual case costs nothing.
    """
    months = {(m.astimezone(UTC).year, m.astimezone(UTC).month) for m in moments}
    database = hash((conn.info.host, conn.info.port, conn.info.dbname))
    for key in sorted((database, table, *month) for month in months):
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


def _month_of(partition: str) -> datetime:
    year, month = partition.rpartition("_p")[2].split("_")
    return datetime(int(year), int(month), 1, tzinfo=UTC)


async def _create(conn: Connection, table: str, year: int, month: int) -> bool:
    """Whether it had to be made."""
    name = f"{table}_p{year}_{month:02}"
    found = await (await conn.execute("SELECT to_regclass(%s) AS oid", [name])).fetchone()
    if found and found["oid"]:
        return False
    start = datetime(year, month, 1, tzinfo=UTC)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    async with conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [table])
        await conn.execute(
            sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
                sql.Identifier(name), sql.Identifier(table), sql.Literal(start), sql.Literal(end)
            )
        )
    return True
