"""The verb about figures."""

from typing import Annotated

import typer

Day = typer.Option(metavar="DATE", help="Such as 2026-03-04; a day in it.")


def kpi(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A KPI, as docs/kpis.md names it.")] = None,
    day: Annotated[str | None, Day] = None,
    week: Annotated[str | None, Day] = None,
    month: Annotated[str | None, Day] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, with --to.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day, with --from.")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="The rows that the number is of.")] = False,
    group: Annotated[str | None, typer.Option(help="Only of this group: its title, or its number.")] = None,
    source: Annotated[str | None, typer.Option(help="Only of members from there, such as a utm_source.")] = None,
    part: Annotated[str | None, typer.Option(help="With --rows: only of this part, such as a plan.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="With --rows: so many at most.")] = 100,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, for a spreadsheet.")] = False,
) -> None:
    """Every KPI of this week, beside the week before and its target; or one, by part, group and source, or its rows."""
    from deployments.cli.kpi import Asked, show_all, show_one, show_rows

    if [day, week, month, first].count(None) < 3 or (first is None) is not (last is None):
        raise typer.BadParameter("give one of --day, --week, --month, or --from with --to")
    if (rows or first) and not name:
        raise typer.BadParameter("--rows and --from go with the NAME of a KPI")
    asked = Asked(day, week, month, (first, last) if first and last else None, group, source or "", csv)
    if name is None:
        show_all(asked)
    elif rows:
        show_rows(name, asked, part or "", limit)
    else:
        show_one(name, asked)
