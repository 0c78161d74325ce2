"""The verbs of staff: what they are to do in person, what members answered, the way to the dashboard."""

from typing import Annotated

import typer

LARGEST = 2**63 - 1


def add_to(app: typer.Typer) -> None:
    """Make these verbs the app's."""
    app.command()(tasks)
    app.command()(survey)
    app.command()(dashboard)


def tasks(
    done: Annotated[
        int | None, typer.Option(metavar="ID", min=1, max=LARGEST, help="This task is done; its number is in the list.")
    ] = None,
    note: Annotated[str, typer.Option(help="With --done: what came of it.")] = "",
    kind: Annotated[str | None, typer.Option(help="Only tasks of this kind, such as nps or consulting_lead.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Tasks to list at most, the most urgent first.")] = 50,
) -> None:
    """What staff have promised to members and not done yet, and what of it is late; or close one of them."""
    from deployments.cli.tasks import close_task, show

    if done is None:
        show(kind, note, limit)
    else:
        close_task(done, note)


def survey(
    days: Annotated[int, typer.Option(min=1, max=3650, help="Over the last so many days.")] = 90,
) -> None:
    """Whether members would recommend the community, as they answered: scores, and the net promoter score."""
    from deployments.cli.survey import show

    show(days)


def dashboard() -> None:
    """A link that opens the dashboard once, within 10 minutes. Whoever has it sees names and numbers."""
    from deployments.cli.dashboard import dashboard

    dashboard()
