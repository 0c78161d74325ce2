"""Row `restore`: backup and restore of 1,000,000 members with 5,000,000 events, and 1,000,000 messages sent to them.

Each in a process of its own, whose largest memory is what counts; the restored database is compared by its rows.
"""

import asyncio
import sys
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from community.backup.restore import restore
from community.backup.take import Whose, take
from community.database.embedded import temporary_postgres
from community.database.migrate import migrate
from community.database.partitions import ensure_months
from community.database.pool import Connection, connect
from tests.benchmarks.harness import BOT_ID, NOON, Row, count, install, measured

MEMBERS, EVENTS = 1_000_000, 5_000_000
LONGEST_S = 300.0
OURS = Whose(BOT_ID, "sandbox")
POPULATE = (
    """
    INSERT INTO members (telegram_id, username, first_name, dm, first_seen_at, entered_at, last_active_at)
    SELECT 5000000 + n, 'member_' || n, 'Member ' || n, 'open', at, at, at
    FROM generate_series(1, %(members)s) AS n
    CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - n * interval '1 minute' AS at) AS entered
    """,
    """
    INSERT INTO messages (
        bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, planned_at, due_at, state, sent_at
    )
    SELECT %(bot)s, id, telegram_id, 35, 'welcome_drip', 'day_1', 'x', true, entered_at, entered_at, 'sent', entered_at
    FROM members
    """,
    """
    INSERT INTO events (at, kind, member_id, group_id, data)
    SELECT
        %(now)s::timestamptz - n * interval '15 seconds', 'message', 1 + n::bigint * 7919 %% %(members)s, 1,
        jsonb_build_object('message', n)
    FROM generate_series(1, %(events)s) AS n
    """,
)


async def run() -> Row:
    """Fill a database, back it up, restore it into another on the same server."""
    with temporary_postgres(durable=True) as server, TemporaryDirectory() as folder:
        url, empty = server.ensure_database("bench"), server.ensure_database("restored")
        await asyncio.to_thread(migrate, url)
        await install(url, rate=None)
        async with await connect(url) as conn:
            await _populate(conn)
        file = Path(folder) / "sop.backup"
        backup_s, backup_memory = await measured("tests.benchmarks.restore", "backup", url, file)
        restore_s, restore_memory = await measured("tests.benchmarks.restore", "restore", empty, file)
        async with await connect(empty) as conn:
            whole = [await count(conn, f"SELECT count(*) FROM {table}") for table in ("members", "events")]
        size = file.stat().st_size
    seconds, memory = backup_s + restore_s, max(backup_memory, restore_memory)
    return Row(
        "restore",
        {"backup": backup_s, "restore": restore_s},
        "s",
        {},
        None,
        f"< {LONGEST_S:.0f} s together",
        seconds < LONGEST_S and whole == [MEMBERS, EVENTS],
        {"memory MB": round(memory / 1e6), "file MB": round(size / 1e6)},
    )


async def _populate(conn: Connection) -> None:
    began = NOON - EVENTS * timedelta(seconds=15)
    await ensure_months(conn, "events", [*(began + timedelta(days=n) for n in range(0, (NOON - began).days, 20)), NOON])
    for statement in POPULATE:
        await conn.execute(statement, {"now": NOON, "members": MEMBERS, "events": EVENTS, "bot": BOT_ID})
    await conn.execute("VACUUM ANALYZE")


async def _main(verb: str, url: str, file: Path) -> None:
    started = time.perf_counter()

    def tell(table: str, rows: int) -> None:
        if rows > 1000:
            print(f"  {verb}: {table} {rows:,} after {time.perf_counter() - started:.1f} s", flush=True)

    if verb == "restore":
        await restore(url, OURS, file, tell, nothing_sent_since=False)
        return
    async with await connect(url) as conn:
        await take(conn, OURS, file, tell)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
