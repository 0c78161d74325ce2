"""`sop import` and `sop export`."""

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from community.groups.welcome import START
from community.history.datasets import export as export_dataset
from community.history.roster import Roster, bring_in_roster, read_roster
from community.history.telegram_export import GroupHistory, Imported, import_export
from community.history.terms_list import bring_in_list, read_terms
from community.members.lists import refuse
from community.members.names import display_name
from community.members.suppression import SUPPRESSION, leave_alone_again
from community.outbox.render import Renderer
from community.telegram_html import plain_text
from deployments.cli.output import console, local, one_line, print_table
from deployments.cli.session import Session, bot_name, operator, session
from tasks.words import count

KINDS = {"message": "messages", "reaction": "reactions", "joined": "joins", "left": "leaves"}


def import_telegram(file: Path) -> None:
    """Import Telegram Desktop's export."""
    try:
        size = file.stat().st_size
    except OSError:
        size = 0  # the import itself says what is wrong with the file
    asyncio.run(_import_telegram(file, size))


def import_members(file: Path, *, apply: bool) -> None:
    """Show what a list of members would bring, or bring it in. Raises ImportRefused when a line is wrong."""
    asyncio.run(_import_members(file, apply))


def import_terms(file: Path, *, apply: bool) -> None:
    """Show what a list of terms would bring, or bring it in. Raises ImportRefused when a line is wrong."""
    asyncio.run(_import_terms(file, apply))


def export(dataset: str, to: Path) -> None:
    """Write a dataset to a file."""
    asyncio.run(_export(dataset, to))


async def _import_telegram(file: Path, size: int) -> None:
    async with session() as s:
        zone = ZoneInfo((await s.bundle()).playbook.community.zone)
        columns = (
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[messages]:,} messages"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=size, messages=0)
            outcome = await import_export(
                s.conn,
                file,
                zone,
                s.settings.bot_id,
                lambda read, messages: bar.update(task, completed=read, messages=messages),
            )
        await leave_alone_again(s.conn, s.settings.lasting_secret(SUPPRESSION))
        for group in outcome.groups:
            _print_group(group)
        _print_rest(file, outcome)
        await _print_invitation(s, sum(group.unreachable for group in outcome.groups))


def _print_group(group: GroupHistory) -> None:
    added = ", ".join(f"{group.added[kind]:,} {name}" for kind, name in KINDS.items()) if group.added else "nothing"
    out = console(whole=True)
    out.print(f"{one_line(group.title)} (group {group.group_id}): {group.messages:,} messages read; new: {added}; "
              f"{count(group.members, 'member')} never seen before.")  # fmt: skip
    if group.no_person:
        out.print(f"  {group.no_person:,} by channels or anonymous admins: no member's activity.")
    if group.unnamed:
        out.print(f"  {group.unnamed:,} joins and leaves of people whom the export names without an id: left out.")
    if group.bad_count:
        out.print(f"  {group.bad_count:,} could not be understood and were left out:")
        for position, why in group.bad:
            out.print(f"    message {position:,} of the file's list: {one_line(why)}")
        if group.bad_count > len(group.bad):
            out.print(f"    … and {group.bad_count - len(group.bad):,} more")


def _print_rest(file: Path, outcome: Imported) -> None:
    if outcome.other_chats:
        print(f"{count(outcome.other_chats, 'chat')} left out: no groups.")
    if outcome.cut_off:
        print(f"{one_line(file)} ends in the middle: what is whole was imported.")
        print("Export again, and import that: nothing doubles.")


async def _print_invitation(s: Session, unreachable: int) -> None:
    """How many cannot be written to, and the post for the group that changes it."""
    if not unreachable:
        return
    bundle = await s.bundle()
    name = await bot_name(s.settings) or "<your bot>"
    print(f"\n{count(unreachable, 'member')} cannot be written to until they open the bot's chat. Post in the group:\n")
    context = {"start_url": f"https://t.me/{name}?start={START}"}
    post = Renderer(bundle).render("group/invitation", bundle.playbook.community.locale, context)
    console(whole=True).print(plain_text(post.text))


async def _import_members(file: Path, apply: bool) -> None:
    roster = read_roster(file)
    refuse(file, roster.problems)
    async with session() as s:
        zone = ZoneInfo((await s.bundle()).playbook.community.zone)
        outcome = await bring_in_roster(s.conn, roster, zone, apply=apply)
        print(f"{count(len(roster.lines), 'line')}: {outcome.added} new, {outcome.known} known already.")
        _print_sample(roster)
        if apply:
            await leave_alone_again(s.conn, s.settings.lasting_secret(SUPPRESSION))
            await _print_invitation(s, outcome.unreachable)
        else:
            print("\nNothing was written. To bring them in: the same with --apply.")


def _print_sample(roster: Roster) -> None:
    rows = [
        (
            who.telegram_id,
            display_name(who.first_name, who.last_name, who.username),
            who.joined_at,
            who.source,
            who.consent,
        )
        for _, who in roster.lines[:10]
    ]
    title = f"The first {len(rows)}"
    print_table(console(), title, ("Telegram id", "name", "joined", "source", "consent"), rows)


async def _import_terms(file: Path, apply: bool) -> None:
    async with session() as s:
        playbook = (await s.bundle()).playbook
        read = read_terms(file, playbook)
        refuse(file, read.problems)
        note = f"from {file.name}"
        outcome = await bring_in_list(s.conn, playbook, read.terms, by=operator(), note=note, apply=apply)
        refuse(file, outcome.problems)
    print(f"{count(len(read.terms), 'term')}: {outcome.added} new, {outcome.known} known already.")
    zone = playbook.community.zone
    rows = [
        (term.telegram_id, term.plan, local(term.starts_at, zone), local(term.ends_at, zone) or "for life", term.paid)
        for term in read.terms[:10]
    ]
    print_table(console(), f"The first {len(rows)} ({zone})", ("Telegram id", "plan", "from", "until", "paid"), rows)
    if not apply:
        print("\nNothing was written. To bring them in: the same with --apply.")


async def _export(dataset: str, to: Path) -> None:
    async with session() as s:
        written = await export_dataset(s.conn, dataset, to)
    print(f"{one_line(to)}: {written:,} {dataset}.")
