"""Backup and restore: the same rows again, nothing promotional twice, no broken or foreign file taken for a backup."""

import asyncio
import json
import stat
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from community.activity.record import Activity, record
from community.backup import restore as restoring
from community.backup.archive import Manifest
from community.backup.restore import SKIPPED_NUMBERS, Restored, restore
from community.backup.take import Whose, backed_up, take
from community.bundle import Bundle
from community.channels.channel import Outgoing
from community.channels.memory import MemoryChannel
from community.database.installation import set_virtual_now
from community.database.migrate import migrate
from community.database.pool import Connection, connect, open_pool
from community.errors import BackupRefused, DatabaseError
from community.outbox.bundles import publish
from community.outbox.halt import halt, halts, resume
from community.outbox.settle import retry
from community.outreach.plan import plan
from community.payments.fold import Standing
from community.payments.ledger import Booking, book
from community.playbook_types import parse_money
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import put, states
from tests.integration.test_delivery import delivering, make

STAGE = "welcome_drip"
DAY = timedelta(days=1)
FILE = "sop.backup"
OURS = Whose(BOT_ID, "sandbox")


@pytest.fixture
def database_url(pristine_url: str) -> str:
    """Months are made here, and the numbers go on."""
    return pristine_url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / FILE


def quiet(table: str, rows: int) -> None:
    """Nobody watches."""


async def back_up(conn: Connection, file: Path) -> Manifest:
    return await take(conn, OURS, file, quiet)


async def run(url: str, bundle: Bundle, at: datetime) -> list[Outgoing]:
    """What the stage's flow and the service do at `at`: plan, then send all that is due. Returns what was sent."""
    channel, pool = MemoryChannel(), await open_pool(url, size=4)
    try:
        async with pool.connection() as conn:
            await set_virtual_now(conn, at)
            await plan(conn, bundle, STAGE, at, bot_id=BOT_ID)
            async with delivering(make(pool, channel)):
                await _settled(conn, at)
    finally:
        await pool.close()
    return channel.sent


async def _settled(conn: Connection, at: datetime) -> None:
    waiting = "SELECT FROM messages WHERE state = 'sending' OR state = 'waiting' AND due_at <= %s"
    halted = bool(await halts(conn))
    async with asyncio.timeout(20):
        while not halted and (await conn.execute(waiting, [at])).rowcount:
            await asyncio.sleep(0.02)


async def contents(conn: Connection, *left_out: str) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    found = {}
    for table in backed_up():
        if table.name not in left_out:
            rows = await (await conn.execute(f"SELECT t::text AS row FROM {table.name} t ORDER BY 1")).fetchall()
            found[table.name] = [row["row"] for row in rows]
    return found


async def indexes(conn: Connection) -> list[str]:
    """Every index, of partitions too."""
    rows = await conn.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1")
    return [row["indexdef"] for row in await rows.fetchall()]


@pytest.fixture
async def restored_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the SOP time at which a restore takes place."""

    def at(moment: datetime) -> None:
        async def sop_now(conn: Connection) -> datetime:
            return moment

        monkeypatch.setattr(restoring, "sop_now", sop_now)

    return at


async def bring_back(url: str, file: Path, *, nothing_sent_since: bool = False) -> Restored:
    return await restore(url, OURS, file, quiet, nothing_sent_since=nothing_sent_since)


async def test_everything_comes_back_and_goes_on_where_it_was(
    conn: Connection, bundle: Bundle, member: MakeMember, tmp_path: Path, empty_url: str
) -> None:
    """A move to another machine: halted, backed up, restored; nothing is in doubt and nothing lost."""
    file = tmp_path / FILE
    await set_virtual_now(conn, NOON)
    number = await member(first_name="tab\t\\N 'quote' \n名")
    await record(conn, [Activity("message", NOON - 90 * DAY, number), Activity("click", NOON, number, None, {"a": 1})])
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await conn.execute("DELETE FROM messages WHERE id = (SELECT max(id) FROM messages)")
    last = await put(conn)
    await halt(conn, "all")

    manifest = await back_up(conn, file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    restored = await bring_back(empty_url, file, nothing_sent_since=True)
    assert restored.manifest == manifest
    assert {table.name: table.rows for table in manifest.tables if table.name in ("members", "events", "messages")} == {
        "members": 1, "events": 2, "messages": 2,
    }  # fmt: skip
    async with await connect(empty_url) as there:
        assert await contents(there, "halts") == await contents(conn, "halts")
        assert await states(there) == {"waiting": 2}
        assert await put(there) == last + 1, "numbers go on"
        assert await indexes(there) == await indexes(conn)
        (held,) = await halts(there)
        assert (held["scope"], "sop resume" in str(held["note"])) == ("all", True)


async def test_the_ledger_comes_back_as_it_was_and_stays_so(
    conn: Connection, bundle: Bundle, file: Path, empty_url: str
) -> None:
    paid = Standing(paid=parse_money("199 CNY"))
    for charge in ("c1", "c2"):
        await book(conn, Booking("ime", charge, NOON, "provider"), Standing(), paid, "month")
    await back_up(conn, file)
    await bring_back(empty_url, file)
    async with await connect(empty_url) as there:
        assert await contents(there, "halts") == await contents(conn, "halts")
        assert len((await contents(there))["ledger_entries"]) == 4
        assert await indexes(there) == await indexes(conn)
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            await there.execute("DELETE FROM ledger_entries")
        with pytest.raises(psycopg.errors.RaiseException, match="does not balance"):
            await there.execute("INSERT INTO ledger_entries VALUES (1, 'x', 'CNY', 5)")


async def test_nothing_promotional_goes_twice(
    conn: Connection,
    database_url: str,
    bundle: Bundle,
    member: MakeMember,
    file: Path,
    empty_url: str,
    restored_at: Callable[[datetime], None],
) -> None:
    """Sent, backed up, more sent, lost, restored: by messages that had been planned, and by those that had not."""
    for days in (1, 2, 3):
        await member(entered_at=NOON - days * DAY)
    assert len(await run(database_url, bundle, NOON)) == 5, "the oldest one's welcome has expired"
    late = await member(entered_at=NOON - DAY)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID, members=[late])
    on_its_way = await put(conn, member_id=late, state="sending", promotional=True, exempt=False, sent_at=NOON)

    await back_up(conn, file)
    await conn.execute("UPDATE messages SET state = 'sent' WHERE id = %s", [on_its_way])
    lost = [await run(database_url, bundle, NOON), await run(database_url, bundle, NOON + DAY)]
    assert [len(messages) for messages in lost] == [2, 4]
    restored_at(NOON + DAY + timedelta(hours=1))
    restored = await bring_back(empty_url, file)

    assert (restored.doubted.uncertain, restored.doubted.again, restored.doubted.due, restored.parked) == (2, 0, 1, 4)
    async with await connect(empty_url) as there:
        assert await run(empty_url, bundle, NOON + DAY + timedelta(hours=2)) == [], "halted"
        await resume(there, "all")
        assert [message.text for message in await run(empty_url, bundle, NOON + DAY + timedelta(hours=3))] == [
            lost[0][0].text
        ], "the welcome that waited, as no receipt may be lost"
        assert len(await run(empty_url, bundle, NOON + 2 * DAY)) == 4, "and life goes on"
        parked = await there.execute("SELECT min(id) AS id FROM messages WHERE reason = 'restored' AND step = 'day_2'")
        again = (await parked.fetchone() or {})["id"]
        assert again > SKIPPED_NUMBERS, "no number that the lost database may have given out"
        assert await retry(there, [again]) == 1


async def test_a_playbook_published_after_the_backup_sends_nothing_twice_either(
    conn: Connection,
    database_url: str,
    bundle: Bundle,
    edited: Callable[..., Bundle],
    member: MakeMember,
    file: Path,
    empty_url: str,
    restored_at: Callable[[datetime], None],
) -> None:
    await member(entered_at=NOON - DAY)
    await back_up(conn, file)
    steps = [
        {"name": f"day_{day}", "day": 1, "at": "11:00", "expires_after": "20h", "promotional": True} for day in (1, 2)
    ]
    newer = edited(steps=steps, quiet_hours=None)
    restored_at(NOON + timedelta(minutes=5))
    restored = await restore(empty_url, OURS, file, quiet, nothing_sent_since=False, newer=newer)
    assert restored.parked == 2, "day_1 of both, day_2 of the newer one"
    async with await connect(empty_url) as there:
        await resume(there, "all")
        await publish(there, newer, "again")
    assert await run(empty_url, newer, NOON + timedelta(minutes=10)) == []


async def test_what_was_on_its_way_is_in_doubt_even_when_nothing_was_sent_since(
    conn: Connection, bundle: Bundle, file: Path, empty_url: str, restored_at: Callable[[datetime], None]
) -> None:
    await set_virtual_now(conn, NOON)
    for promotional in (True, False):
        await put(conn, state="sending", promotional=promotional, lease_until_wall=NOON)
        await put(conn, promotional=promotional)
    await back_up(conn, file)
    with pytest.raises(BackupRefused, match="could be sent while it was made"):
        await bring_back(empty_url, file, nothing_sent_since=True)
    restored = await bring_back(empty_url, file)
    assert (restored.doubted.uncertain, restored.doubted.again, restored.doubted.due) == (2, 1, 1)


@pytest.mark.parametrize(
    ("held", "state", "at_rest"),
    [("stage:x", "waiting", False), ("all", "waiting", True), ("all", "sending", False)],
)
async def test_a_backup_knows_whether_anything_could_be_sent(
    conn: Connection, bundle: Bundle, file: Path, held: str, state: str, at_rest: bool
) -> None:
    await halt(conn, held)
    await put(conn, state=state)
    assert (await back_up(conn, file)).at_rest is at_rest


async def test_a_backup_replaces_nothing_and_is_there_only_when_whole(
    conn: Connection, bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / FILE
    with pytest.raises(BackupRefused, match="No such file"):
        await back_up(conn, file.parent / "none" / "x")
    file.write_text("mine")
    with pytest.raises(BackupRefused, match="give another name"):
        await back_up(conn, file)
    assert file.read_text() == "mine"
    file.unlink()

    def fail(table: str, rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await take(conn, OURS, file, fail)
    assert list(file.parent.iterdir()) == []


async def test_a_new_month_does_not_wait_for_a_backup(
    conn: Connection, database_url: str, bundle: Bundle, file: Path
) -> None:
    """Its partition cannot be made while a backup reads: whoever writes the first event would wait."""
    await set_virtual_now(conn, datetime(2026, 6, 30, 23, 59, tzinfo=UTC))

    def write(table: str, rows: int) -> None:
        if table == "events":
            with psycopg.connect(database_url) as service:
                service.execute("SET lock_timeout = '1s'")
                service.execute("INSERT INTO events (at, kind) VALUES ('2026-07-01 00:00+00', 'message')")

    manifest = await take(conn, OURS, file, write)
    assert next(table.rows for table in manifest.tables if table.name == "events") == 0


Change = Callable[[dict[str, bytes]], object]


def rewritten(file: Path, change: Change) -> None:
    """The file as somebody with a zip program leaves it."""
    with zipfile.ZipFile(file) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    change(parts)
    with zipfile.ZipFile(file, "w") as target:
        for name, part in parts.items():
            target.writestr(name, part)


def manifest_changed(parts: dict[str, bytes], **values: Any) -> None:
    parts["manifest.json"] = json.dumps({**json.loads(parts["manifest.json"]), **values}).encode()


def columns_at(url: str, migration: str) -> dict[str, set[str]]:
    """The columns of each table as that migration left them."""
    migrate(url, migration)
    with psycopg.connect(url) as conn:
        found = conn.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND is_generated = 'NEVER'"
        ).fetchall()
    return {table: {column for name, column in found if name == table} for table, _ in found}


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def bit_flipped(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        largest = max(archive.infolist(), key=lambda part: part.compress_size)
    whole = bytearray(file.read_bytes())
    whole[largest.header_offset + largest.compress_size // 2] ^= 1
    file.write_bytes(whole)


def row_changed(file: Path) -> None:
    rewritten(file, lambda parts: parts.update(installation=parts["installation"].replace(b"sandbox", b"real")))


def table_added(file: Path) -> None:
    rewritten(file, lambda parts: parts.update(more=b""))


def newer_format(file: Path) -> None:
    rewritten(file, lambda parts: manifest_changed(parts, format=2))


def newer_schema(file: Path) -> None:
    rewritten(file, lambda parts: manifest_changed(parts, migration="9999"))


def other_bot(file: Path) -> None:
    rewritten(file, lambda parts: manifest_changed(parts, bot_id=1))


def no_zip(file: Path) -> None:
    file.write_text("SELECT 1")


def other_zip(file: Path) -> None:
    rewritten(file, lambda parts: parts.pop("manifest.json"))


async def test_a_file_that_may_not_be_restored_writes_nothing(
    conn: Connection, bundle: Bundle, member: MakeMember, tmp_path: Path, empty_url: str
) -> None:
    file = tmp_path / FILE
    await member()
    await back_up(conn, file)
    whole = file.read_bytes()
    for spoil, says in {
        truncated: "no whole backup",
        bit_flipped: "no whole backup",
        row_changed: "installation is not as it was backed up",
        table_added: "its tables are not those",
        newer_format: "restore with the version",
        newer_schema: "migration 9999 is unknown",
        other_bot: "of bot 1 ",
        no_zip: "not a zip file",
        other_zip: "holds no manifest",
        Path.unlink: "No such file",
    }.items():
        file.write_bytes(whole)
        spoil(file)
        with pytest.raises(BackupRefused, match=says):
            await bring_back(empty_url, file)
    with psycopg.connect(empty_url) as there:
        assert there.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchone() == (0,)


async def test_only_an_empty_database_is_filled(
    conn: Connection, database_url: str, bundle: Bundle, file: Path, empty_url: str
) -> None:
    await back_up(conn, file)
    with pytest.raises(BackupRefused, match="not empty, it holds budgets"):
        await bring_back(database_url, file)
    with psycopg.connect(empty_url, autocommit=True) as there:
        there.execute("CREATE TABLE theirs (x int)")
        with pytest.raises(BackupRefused, match="not empty, it holds theirs"):
            await bring_back(empty_url, file)
        there.execute("DROP TABLE theirs; CREATE VIEW mine AS SELECT 1")
        with pytest.raises(BackupRefused, match="not empty, it holds mine"):
            await bring_back(empty_url, file)
        there.execute("DROP VIEW mine")
    migrate(empty_url)  # as a restore leaves it that was cut off
    await bring_back(empty_url, file)
    with pytest.raises(BackupRefused, match="not empty"):
        await bring_back(empty_url, file)


async def test_a_restore_that_was_cut_off_sends_nothing(
    conn: Connection, bundle: Bundle, file: Path, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(conn)
    await back_up(conn, file)

    async def fail(*_: object, **__: object) -> int:
        raise psycopg.OperationalError("server closed the connection\nunexpectedly")

    monkeypatch.setattr(restoring, "park", fail)
    with pytest.raises(DatabaseError, match="closed the connection; not restored: empty it"):
        await bring_back(empty_url, file)
    async with await connect(empty_url) as there:
        assert [("cut off" in str(held["note"]), held["scope"]) for held in await halts(there)] == [(True, "all")]


async def test_rows_that_do_not_fit_leave_no_row(
    conn: Connection, bundle: Bundle, member: MakeMember, file: Path, empty_url: str
) -> None:
    await member()
    manifest = await back_up(conn, file)
    tables = [table.model_dump(mode="json") for table in manifest.tables]
    next(table for table in tables if table["name"] == "messages")["columns"][0] = "counts_at"
    rewritten(file, lambda parts: manifest_changed(parts, tables=tables))
    with pytest.raises(BackupRefused, match="messages: not the columns"):
        await bring_back(empty_url, file)
    with psycopg.connect(empty_url) as there:
        assert there.execute("SELECT count(*) FROM members").fetchone() == (0,)


async def test_a_backup_of_an_older_version_is_brought_up_to_date(
    conn: Connection, bundle: Bundle, member: MakeMember, file: Path, empty_url: str
) -> None:
    await member()
    manifest = await back_up(conn, file)
    known = await asyncio.to_thread(columns_at, empty_url, "0002")

    def older(parts: dict[str, bytes]) -> None:
        tables = []
        for table in manifest.tables:
            kept = [place for place, column in enumerate(table.columns) if column in known.get(table.name, ())]
            rows = [row.split(b"\t") for row in parts.pop(table.name).splitlines(keepends=True)]
            if not kept:
                continue
            gone = sorted(known[table.name] - set(table.columns))
            empty = [b"\\N"] * len(gone)
            part = b"".join(b"\t".join([*(row[place].rstrip(b"\n") for place in kept), *empty]) + b"\n" for row in rows)
            columns = [*(table.columns[place] for place in kept), *gone]
            tables.append(table.model_dump(mode="json") | {"columns": columns, "sha256": sha256(part).hexdigest()})
            parts[table.name] = part
        manifest_changed(parts, tables=tables, migration="0002")

    rewritten(file, older)
    assert (await bring_back(empty_url, file)).manifest.migration == "0002"
    async with await connect(empty_url) as there:
        since_made = ("halts", "messages", "publications")
        assert await contents(there, *since_made) == await contents(conn, *since_made)
