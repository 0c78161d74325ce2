"""The verbs about what the SOP has done: holdouts, versions, feedback."""

from typing import Annotated

import typer

Days = Annotated[int, typer.Option(min=1, max=3650, help="Over the last so many days.")]


def add_to(app: typer.Typer) -> None:
    """Make these verbs the app's."""
    app.command()(holdout)


def holdout(
    stage: Annotated[str | None, typer.Argument(metavar="STAGE", help="Only this stage of the playbook.")] = None,
    days: Days = 90,
) -> None:
    """What the stages earned: members written to beside those held out; or that there is not enough to say."""
    from deployments.cli.holdouts import show

    show(stage, days)
