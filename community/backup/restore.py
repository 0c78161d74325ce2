"""Restore a backup into an empty database, so that nothing promotional that a member already got goes twice.

What was sent after the backup was made is not in it. So the restored database starts halted, and promotional messages
that were due by now are parked as uncertain: each may have been sent. All others go again (invariant 4).
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg import Error, sql
from sqlalchemy.exc import SQLAlchemyError

from community.backup.archive import UNTOUCHED, Archive, Manifest, TablePart, whole_archive
from community.backup.take import Progress, Whose
from community.bundle import Bundle
from community.database.installation import sop_now
from community.database.migrate import known_migrations, migrate
from community.database.partitions import ensure_months
from community.database.pool import Connection, connect
from community.database.queries import load
from community.database.tables import metadata
from community.errors import BackupRefused, DatabaseError, PlaybookError
from community.outbox.bundles import Bundles, store
from community.outbox.halt import halt
from community.outbox.recover import Doubted, doubt
from community.outreach.parking import park

queries = load(__file__)

SKIPPED_NUMBERS = 1_000_000
"""Numbers not given out again: more messages and members than the lost database can have had after its backup."""
VERSION_TABLE = "alembic_version"
UNFINISHED = "being restored; if no restore is running it was cut off: empty the database and restore again"
FINISHED = "restored from a backup of {taken} UTC; look at `sop outbox`, then `sop resume`"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore brought."""

    manifest: Manifest
    doubted: Doubted
    """What had been planned or was on its way."""
    parked: int
    """Promotional messages that were not planned yet and are due by now, parked as uncertain."""


async def restore(
    url: str, whose: Whose, file: Path, progress: Progress, *, nothing_sent_since: bool, newer: Bundle | None = None
) -> Restored:
    """Fill the empty database at `url` from `file`, and leave it halted.

    `newer`: playbook and copy that may have been in force after the backup: what they would send is in doubt as well.
    `nothing_sent_since`: the operator says that nothing was sent after the backup was made, so nothing is in doubt.
    Raises BackupRefused, before anything is written, when the file is not whole, another bot's or of a newer program,
    when the database holds anything, or when messages could be sent while the backup was made; DatabaseError when the
    database fails in the middle.
    """
    with whole_archive(file) as archive:
        _check(file, archive.manifest, whose, nothing_sent_since=nothing_sent_since)
        async with await connect(url) as conn:
            await _make_room(conn)
            try:
                return await _fill(url, conn, archive, progress, newer, nothing_sent_since=nothing_sent_since)
            except (Error, SQLAlchemyError) as error:
                reason = str(error).splitlines()[0]
                raise DatabaseError(f"database: {reason}; not restored: empty it and restore again") from None


async def _fill(
    url: str,
    conn: Connection,
    archive: Archive,
    progress: Progress,
    newer: Bundle | None,
    *,
    nothing_sent_since: bool,
) -> Restored:
    await asyncio.to_thread(migrate, url, archive.manifest.migration)
    await _load(conn, archive, progress, skip=0 if nothing_sent_since else SKIPPED_NUMBERS)
    await asyncio.to_thread(migrate, url)
    await conn.execute("ANALYZE")
    return await _settle(conn, archive.manifest, newer, nothing_sent_since=nothing_sent_since)


def _check(file: Path, manifest: Manifest, whose: Whose, *, nothing_sent_since: bool) -> None:
    if (manifest.bot_id, manifest.mode) != (whose.bot_id, whose.mode):
        raise BackupRefused(
            f"{file}: of bot {manifest.bot_id} ({manifest.mode}), not of bot {whose.bot_id} ({whose.mode}); "
            f"set that bot's token, or `sop --mode`. {UNTOUCHED}"
        )
    if manifest.migration not in known_migrations():
        raise BackupRefused(
            f"{file}: made by version {manifest.program}, whose migration {manifest.migration} is unknown here; "
            f"restore with that version or a newer one. {UNTOUCHED}"
        )
    if nothing_sent_since and not manifest.at_rest:
        raise BackupRefused(
            f"{file}: messages could be sent while it was made, so some may have been since; restore without "
            f"--nothing-sent-since, or `sop halt` and back up again. {UNTOUCHED}"
        )


async def _make_room(conn: Connection) -> None:
    """Remove our own tables if all are empty. Raises BackupRefused naming the first that is not, or is not ours."""
    found = [row["name"] for row in await (await conn.execute(queries.tables)).fetchall()]
    for name in found:
        if name == VERSION_TABLE:
            continue
        probe = sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(name))
        if name not in metadata.tables or (await conn.execute(probe)).rowcount:
            raise BackupRefused(
                f"database {conn.info.dbname}: not empty, it holds {name}; restore into a new one: create it and name "
                "it in SOP_DATABASE_URL, or move the folder of the embedded one away (docs/operators.md, Backup). "
                f"{UNTOUCHED}"
            )
    for name in found:
        await conn.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(name)))


async def _load(conn: Connection, archive: Archive, progress: Progress, *, skip: int) -> None:
    """Everything in one transaction, with the halt, so that nothing of it is ever sent before the rest is done."""
    async with conn.transaction():
        await conn.execute(queries.index_memory)
        await conn.execute(queries.constraints_at_once)
        for table in archive.manifest.tables:
            await _load_table(conn, archive, table)
            if table.last_number is not None:
                await conn.execute(queries.go_on_after, {"table": table.name, "number": table.last_number + skip})
            progress(table.name, table.rows)
        await halt(conn, "all", note=UNFINISHED)


async def _load_table(conn: Connection, archive: Archive, table: TablePart) -> None:
    """Raises BackupRefused when the rows do not fit, or not all have come."""
    await _check_columns(conn, table)
    if table.months:
        await ensure_months(conn, table.name, table.months)
    name, indexes = sql.Identifier(table.name), await _drop_indexes(conn, table)
    rows = sql.SQL("COPY {} ({}) FROM STDIN (ENCODING 'UTF8')").format(
        name, sql.SQL(", ").join(map(sql.Identifier, table.columns))
    )
    try:
        async with conn.cursor() as cursor, cursor.copy(rows) as copy:
            for chunk in archive.chunks(table):
                await copy.write(chunk)
        for definition in indexes:
            await conn.execute(definition)
        found = await (await conn.execute(sql.SQL("SELECT count(*) AS rows FROM {}").format(name))).fetchone()
    except Error as error:
        raise BackupRefused(f"{table.name}: {str(error).splitlines()[0]}. {UNTOUCHED}") from None
    if found is None or found["rows"] != table.rows:
        raise BackupRefused(f"{table.name}: {found and found['rows']} rows came of {table.rows}. {UNTOUCHED}")


async def _drop_indexes(conn: Connection, table: TablePart) -> list[sql.SQL]:
    """Drop the table's indexes, save those of its constraints; returns how to make them again.

    Making an index of rows that are there takes far less time than keeping it up to date row by row.
    """
    found = await (await conn.execute(queries.indexes, {"table": table.name})).fetchall()
    for row in found:
        await conn.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(row["name"])))
    # Of a partitioned table's index PostgreSQL says ON ONLY, which would leave out its partitions.
    return [sql.SQL(row["definition"].replace(" ON ONLY ", " ON ", 1)) for row in found]


async def _check_columns(conn: Connection, table: TablePart) -> None:
    found: set[str] = set()
    if table.name in metadata.tables:
        rows = await (await conn.execute(queries.columns, {"table": table.name})).fetchall()
        found = {row["name"] for row in rows}
    if found != set(table.columns):
        raise BackupRefused(f"{table.name}: not the columns of its migration: the file was changed. {UNTOUCHED}")


async def _settle(conn: Connection, manifest: Manifest, newer: Bundle | None, *, nothing_sent_since: bool) -> Restored:
    """Park what is in doubt, and say in the halt's note what is left to do."""
    now_at, parked = await sop_now(conn), 0
    async with conn.transaction():
        due_by = None if nothing_sent_since else now_at
        doubted = await doubt(conn, manifest.bot_id, manifest.taken_at, due_by)
        for bundle in [] if nothing_sent_since else await _bundles(conn, newer):
            for stage in bundle.playbook.stages:
                parked += await park(conn, bundle, stage, now_at, since=manifest.taken_at, bot_id=manifest.bot_id)
        await halt(conn, "all", note=FINISHED.format(taken=f"{manifest.taken_wall:%Y-%m-%d %H:%M}"))
    return Restored(manifest, doubted, parked)


async def _bundles(conn: Connection, newer: Bundle | None) -> list[Bundle]:
    """The one in force in the backup, and the operator's own, which may have been published after it."""
    bundles = []
    with suppress(PlaybookError):  # nothing was ever published, so nothing was ever planned
        bundles.append(await Bundles().current(conn))
    if newer:
        await store(conn, newer)
        bundles.append(newer)
    return bundles
