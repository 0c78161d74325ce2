"""Back up the whole database as one moment sees it, while the service goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from psycopg import sql
from sqlalchemy import Table

from community.backup.archive import Manifest, NewArchive, TablePart, new_archive
from community.database.installation import sop_now, versions
from community.database.migrate import newest_migration
from community.database.partitions import ensure_months, months
from community.database.pool import Connection
from community.database.queries import load
from community.database.tables import metadata
from community.errors import BackupRefused
from community.outbox.halt import halts

queries = load(__file__)

LEFT_OUT = frozenset({"heartbeats"})
"""Tables that tell of live processes."""

LONGEST = timedelta(days=1)
"""A backup takes far less."""

Progress = Callable[[str, int], None]
"""Told of a table's name and rows when it is done."""


@dataclass(frozen=True, slots=True)
class Whose:
    """The installation a backup is of: the bot and what it is used for."""

    bot_id: int
    mode: str


async def take(conn: Connection, whose: Whose, to: Path, progress: Progress) -> Manifest:
    """Write a backup to `to`, which is there when it is whole.

    Raises BackupRefused when the database is of another version than the program, or the file cannot be written.
    """
    found, newest = await versions(conn), newest_migration()
    if found.migration != newest:
        raise BackupRefused(
            f"database: at migration {found.migration}, not {newest}; back up with the version it belongs to, or bring "
            "it up to date by `make up`"
        )
    await _make_months(conn)
    with new_archive(to) as archive:
        async with conn.transaction():
            await conn.execute(queries.one_moment)
            tables = [await _take(conn, archive, table, progress) for table in backed_up()]
            manifest = Manifest(
                bot_id=whose.bot_id,
                mode=whose.mode,
                migration=newest,
                program=version("community-sop"),
                taken_wall=found.now_wall,
                taken_at=await sop_now(conn),
                at_rest=await _at_rest(conn),
                tables=tuple(tables),
            )
        archive.finish(manifest)
    return manifest


async def _make_months(conn: Connection) -> None:
    """Make the months that will be written to meanwhile: a new one would wait for us, and whoever writes for it."""
    now_at = await sop_now(conn)
    for table in backed_up():
        if table.dialect_options["postgresql"]["partition_by"]:
            await ensure_months(conn, table.name, [now_at, now_at + LONGEST])


def backed_up() -> list[Table]:
    """The tables of a backup, each after those it refers to."""
    return [table for table in metadata.sorted_tables if table.name not in LEFT_OUT]


async def _take(conn: Connection, archive: NewArchive, table: Table, progress: Progress) -> TablePart:
    columns = [column.name for column in table.columns if column.computed is None]
    rows = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (ENCODING 'UTF8')").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table.name)
    )
    with archive.table(table.name) as writer:
        async with conn.cursor() as cursor, cursor.copy(rows) as copy:
            async for row in copy:
                writer.write(bytes(row))
    progress(table.name, writer.rows)
    return TablePart(
        name=table.name,
        columns=tuple(columns),
        rows=writer.rows,
        sha256=writer.sha256,
        months=tuple(await months(conn, table.name)),
        last_number=await _last_number(conn, table),
    )


async def _last_number(conn: Connection, table: Table) -> int | None:
    if "id" not in table.columns or table.columns["id"].identity is None:
        return None
    row = await (await conn.execute(queries.last_number, {"table": table.name})).fetchone()
    return int(row["number"]) if row and row["number"] is not None else None


async def _at_rest(conn: Connection) -> bool:
    """Whether nothing could be sent: everything halted, nothing on its way. A silent service is not enough.

    If the halt holds until a restore of this backup, that has nothing to doubt.
    """
    row = await (await conn.execute(queries.on_the_way)).fetchone()
    return any(held["scope"] == "all" for held in await halts(conn)) and not (row and row["messages"])
