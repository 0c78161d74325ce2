"""`sop backup` and `sop restore`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from community.backup.archive import Manifest
from community.backup.restore import Restored, restore as restore_backup
from community.backup.take import Progress, Whose, take
from community.bundle import load_bundle
from community.database.embedded import EmbeddedPostgres
from community.settings import Settings, load_settings
from deployments.cli.output import console, print_table
from deployments.cli.session import DATABASE, embedded_folder, session
from tasks.words import count

DIFFERS = """\
What happened after the backup is not known: who joined, left, opted out or was erased. Erase again whom you erased;
`sop halt CHAT_ID` holds back whom you know to have opted out."""


def backup(to: Path) -> None:
    """Write the backup, and print what it holds."""
    settings = load_settings()
    with _server(settings):
        manifest = asyncio.run(_backup(settings, to))
    _print_tables(manifest)
    rest = "all was halted" if manifest.at_rest else "messages could be sent meanwhile"
    print(f"\n{to}: {count(manifest.rows, 'row')}, {to.stat().st_size / 1e6:,.1f} MB, {rest}.")
    print(f"Fingerprint {manifest.fingerprint}. It holds personal data, and no secrets: keep SOP_SECRET and the token "
          "elsewhere.")  # fmt: skip


def restore(file: Path, *, nothing_sent_since: bool) -> None:
    """Fill the empty database, and print what came, what is in doubt, and what to do next."""
    settings = load_settings()
    with _server(settings) as url:
        restored = asyncio.run(_restore(url, settings, file, nothing_sent_since))
    _print_tables(restored.manifest)
    taken = f"{restored.manifest.taken_wall:%Y-%m-%d %H:%M:%S}"
    print(f"\nRestored from {file}, taken at {taken} UTC: {count(restored.manifest.rows, 'row')}, every table counted.")
    print(f"Fingerprint {restored.manifest.fingerprint}.\n")
    _print_doubts(restored, nothing_sent_since)
    print("\nEverything is halted. When you have looked: start the service, then `sop resume`.")


def _print_doubts(restored: Restored, nothing_sent_since: bool) -> None:
    doubted, parked = restored.doubted, restored.parked
    if doubted.again:
        print(f"{count(doubted.again, 'message')} on the way then will be sent again: not promotional.")
    if nothing_sent_since:
        print(f"Nothing was sent since, you say: {doubted.uncertain} uncertain, all that waited waits.")
        return
    doubtful = count(doubted.uncertain + parked, "promotional message")
    print(f"{doubtful} due by now may have been sent after the backup: uncertain, not sent again.")
    print(f"Of these {doubted.uncertain:,} had been planned when it was made, {parked:,} had not.")
    print("Send them all the same: `sop outbox retry --reason restored`. Else leave them.")
    print(f"{count(doubted.due, 'other message')} due by now will be sent; some may arrive a second time.")
    print(DIFFERS)


async def _backup(settings: Settings, to: Path) -> Manifest:
    async with session() as s:
        with _watched() as progress:
            return await take(s.conn, _whose(settings), to, progress)


async def _restore(url: str, settings: Settings, file: Path, nothing_sent_since: bool) -> Restored:
    with _watched() as progress:
        return await restore_backup(
            url,
            _whose(settings),
            file,
            progress,
            nothing_sent_since=nothing_sent_since,
            newer=None if nothing_sent_since else load_bundle(settings.playbook_dir),
        )


def _whose(settings: Settings) -> Whose:
    return Whose(settings.bot_id, settings.effective_mode.value)


@contextmanager
def _watched() -> Iterator[Progress]:
    """Shows on a terminal that it goes on."""
    with Console(stderr=True).status("reading …") as status:
        yield lambda table, rows: status.update(f"{table}: {rows:,} …")


@contextmanager
def _server(settings: Settings) -> Iterator[str]:
    """The database's address; an embedded server that is not running runs for as long as it takes."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with EmbeddedPostgres(embedded_folder(settings)) as server:
        yield server.ensure_database(DATABASE)


def _print_tables(manifest: Manifest) -> None:
    rows = [(table.name, f"{table.rows:,}") for table in manifest.tables if table.rows]
    print_table(console(), None, ("table", "rows"), rows)
