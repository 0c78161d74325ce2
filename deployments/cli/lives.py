"""The verbs about live sessions, and their options."""

from pathlib import Path
from typing import Annotated

import typer

Which = Annotated[str, typer.Argument(metavar="LIVE", help="Its number, or a part of its title.")]
Moment = "MOMENT"

live = typer.Typer(no_args_is_help=True)


@live.callback()
def lives() -> None:
    """Live sessions: announced, registered for, watched, and the offer that opens when they end."""


@live.command()
def add(
    title: Annotated[str, typer.Option(help="What it is about, as members read it.")],
    start: Annotated[str, typer.Option(metavar=Moment, help="When it begins, such as 2026-11-28T20:00.")],
    link: Annotated[str, typer.Option(metavar="URL", help="Where it is watched.")],
    speaker: Annotated[str, typer.Option(help="Who speaks.")] = "",
    materials: Annotated[str | None, typer.Option(metavar="URL", help="What to read beforehand.")] = None,
    length: Annotated[str, typer.Option(help="How long it lasts, such as 90m.")] = "60m",
    announce: Annotated[str | None, typer.Option(metavar=Moment, help="When everyone is told; default: now.")] = None,
    plan: Annotated[str | None, typer.Option(help="Key of the plan on offer; default: nothing is sold.")] = None,
    price: Annotated[str | None, typer.Option(help='Live price, such as "19.90 USD".')] = None,
    percent: Annotated[str | None, typer.Option(help="Or so much off, such as 20%.")] = None,
    amount: Annotated[str | None, typer.Option(help='Or so much off, such as "10 USD".')] = None,
    code: Annotated[str | None, typer.Option(help="What members type; default: LIVE and the number.")] = None,
    first: Annotated[int | None, typer.Option(metavar="N", help="Only the first N; default: no limit.")] = None,
    window: Annotated[str, typer.Option(help="How long the offer is open, from the end.")] = "48h",
) -> None:
    """Announce a session, and put its ladder in place: reminders, the offer's window, the result for staff."""
    from deployments.cli.live import Asked, add

    offered = {"plan": plan, "price": price, "percent": percent, "amount": amount, "code": code, "first_n": first}
    add(Asked(title, start, link, speaker, materials, length, announce, window, offered))


@live.command("list")
def list_lives(
    everything: Annotated[bool, typer.Option("--all", help="Those too that were over a month ago.")] = False,
) -> None:
    """Sessions to come and of the last month: who registered, who watched, how many are left at the live price."""
    from deployments.cli.live import list_lives

    list_lives(everything=everything)


@live.command()
def show(
    which: Which,
    rows: Annotated[bool, typer.Option("--rows", help="Who registered and who watched, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="With --rows: so many of each at most.")] = 100,
) -> None:
    """One session: its rungs with their moments, who came, and what it sold."""
    from deployments.cli.live import show

    show(which, rows=rows, limit=limit)


@live.command()
def move(
    which: Which,
    start: Annotated[str | None, typer.Option(metavar=Moment, help="New beginning; length and window stay.")] = None,
    length: Annotated[str | None, typer.Option(help="New length, such as 90m.")] = None,
    announce: Annotated[
        str | None, typer.Option(metavar=Moment, help="New announcement, if it is not out yet.")
    ] = None,
    window: Annotated[str | None, typer.Option(help="New length of the offer's window, such as 72h.")] = None,
) -> None:
    """Give a session other times. What waits is dropped, those who know of it are told, reminders follow anew."""
    from deployments.cli.live import move

    move(which, start, length, announce, window)


@live.command()
def cancel(
    which: Which, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False
) -> None:
    """Call a session off: those who registered are told, its coupon is withdrawn. After its end: the offer ends."""
    from deployments.cli.live import cancel

    cancel(which, sure=yes)


@live.command()
def viewers(
    which: Which,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="With a column telegram_id or username.")],
    apply: Annotated[bool, typer.Option("--apply", help="Count them; without, only show what would happen.")] = False,
) -> None:
    """Count the members of a list as viewers: all of it, or with one wrong line nobody."""
    from deployments.cli.live import viewers

    viewers(which, file, apply=apply)


@live.command("export-questions")
def export_questions(which: Which, file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Where to.")]) -> None:
    """Write what members asked beforehand to a file, for the speaker."""
    from deployments.cli.live import export_questions

    export_questions(which, file)
