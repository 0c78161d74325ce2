"""The verbs about reports: of a day, of a week, of a month."""

from pathlib import Path
from typing import Annotated

import typer

report = typer.Typer(no_args_is_help=True)

AsOf = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="As it would be made on that day, such as 2026-03-16; default: today."),
]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a page of its own, charts included.")]
Xlsx = Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a workbook, a sheet for each section.")]
Locale = Annotated[str | None, typer.Option(help="zh-Hans, zh-Hant or en; default: the community's.")]


@report.callback()
def reports() -> None:
    """What happened: every figure beside the one before and its target, the notable first."""


@report.command()
def daily(as_of: AsOf = None, html: Html = None, xlsx: Xlsx = None, locale: Locale = None) -> None:
    """Yesterday: what is to be done first. Tells nobody."""
    from deployments.cli.report import Asked, show

    show(Asked("daily", as_of, html, xlsx, locale))


@report.command()
def weekly(as_of: AsOf = None, html: Html = None, xlsx: Xlsx = None, locale: Locale = None) -> None:
    """The last whole week. Posts nothing."""
    from deployments.cli.report import Asked, show

    show(Asked("weekly", as_of, html, xlsx, locale))


@report.command()
def monthly(as_of: AsOf = None, html: Html = None, xlsx: Xlsx = None, locale: Locale = None) -> None:
    """The last whole month. Posts nothing."""
    from deployments.cli.report import Asked, show

    show(Asked("monthly", as_of, html, xlsx, locale))


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.add_typer(report, name="report")
