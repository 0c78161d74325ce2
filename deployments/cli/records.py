"""The verbs about what is held of a community and its members: import, export, backup, restore, member."""

from pathlib import Path
from typing import Annotated

import typer

Who = Annotated[str, typer.Argument(metavar="MEMBER", help="Number, tg:<Telegram id> or @username.")]

member = typer.Typer(no_args_is_help=True)
imports = typer.Typer(no_args_is_help=True, help="Bring an existing community in: its history, its members.")


@member.callback()
def members() -> None:
    """One member: who they are, everything known about them, and to forget it."""


@member.command("show")
def show_member(
    member: Who, limit: Annotated[int, typer.Option(min=0, help="Messages to list at most, newest first.")] = 10
) -> None:
    """Who a member is, whether we may write to them, and the newest messages."""
    from deployments.cli.member import show

    show(member, limit)


@member.command("find")
def find_member(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A part of the name or @username.")],
    limit: Annotated[int, typer.Option(min=1, help="Members to list at most, the last active first.")] = 20,
) -> None:
    """Members by a part of their name."""
    from deployments.cli.member import find

    find(text, limit)


@member.command("export")
def export_member(member: Who) -> None:
    """Everything known about a member, as JSON."""
    from deployments.cli.member import export

    export(member)


@member.command("erase")
def erase_member(
    member: Who, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False
) -> None:
    """Remove everything of a member for good. Should they come back, they are new, and left alone."""
    from deployments.cli.member import erase

    erase(member, sure=yes)


@imports.command()
def telegram_export(file: Annotated[Path, typer.Argument(help="result.json, as Telegram Desktop exports it.")]) -> None:
    """Import groups' history: members, messages, reactions, joins and leaves. Importing again adds only what is new."""
    from deployments.cli.moving import import_telegram

    import_telegram(file)


@imports.command("members")
def import_members(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="With a column telegram_id.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Bring them in; without, only show what would happen.")
    ] = False,
) -> None:
    """Import a list of members: all of it, or with one wrong line nothing."""
    from deployments.cli.moving import import_members

    import_members(file, apply=apply)


@imports.command("terms")
def import_terms(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="With columns telegram_id, plan, starts.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Bring them in; without, only show what would happen.")
    ] = False,
) -> None:
    """Import what members hold: plans and until when. All of the list, or with one wrong line nothing."""
    from deployments.cli.moving import import_terms

    import_terms(file, apply=apply)


@imports.command("payments")
def import_payments(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.csv", help="Columns provider, charge, telegram_id, plan, paid_at, amount."),
    ],
    apply: Annotated[
        bool, typer.Option("--apply", help="Bring them in; without, only show what would happen.")
    ] = False,
) -> None:
    """Import what was paid before, with what it was paid for. All of the list, or with one wrong line nothing."""
    from deployments.cli.money_lists import import_payments

    import_payments(file, apply=apply)


@imports.command("spend")
def import_spend(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="With columns day, source, currency, spent.")],
    apply: Annotated[bool, typer.Option("--apply", help="Bring it in; without, only show what would happen.")] = False,
) -> None:
    """Import what advertising cost, by day and place. A newer list replaces what it names again."""
    from deployments.cli.money_lists import import_spend

    import_spend(file, apply=apply)


@imports.command("viewers")
def import_viewers(
    live: Annotated[str, typer.Argument(metavar="LIVE", help="Its number, or a part of its title.")],
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="With a column telegram_id or username.")],
    apply: Annotated[bool, typer.Option("--apply", help="Count them; without, only show what would happen.")] = False,
) -> None:
    """Count the members of a list as viewers of a live session: the same as `sop live viewers`."""
    from deployments.cli.live import viewers

    viewers(live, file, apply=apply)


def export(
    dataset: Annotated[str, typer.Argument(metavar="members|messages|decisions|events", help="What.")],
    file: Annotated[Path, typer.Argument(help="Where to: ends in .csv or .parquet.")],
) -> None:
    """Write members, messages, decisions or events to a file."""
    from deployments.cli.moving import export

    export(dataset, file)


def backup(file: Annotated[Path, typer.Argument(help="Where to: a new file.")]) -> None:
    """Write the whole database to a file, as one moment sees it, while the service goes on."""
    from deployments.cli.backup import backup

    backup(file)


def restore(
    file: Annotated[Path, typer.Argument(help="A file of `sop backup`.")],
    nothing_sent_since: Annotated[
        bool,
        typer.Option("--nothing-sent-since", help="All was halted before the backup, and is: nothing is in doubt."),
    ] = False,
) -> None:
    """Fill an empty database from a backup, halted. What may have been sent since the backup is not sent again."""
    from deployments.cli.backup import restore

    restore(file, nothing_sent_since=nothing_sent_since)
