"""The verbs about versions of the SOP, and what it has done: publish, holdouts, versions, rollback."""

from typing import Annotated

import typer

Days = Annotated[int, typer.Option(min=1, max=3650, help="Over the last so many days.")]


def add_to(app: typer.Typer) -> None:
    """Make these verbs the app's."""
    app.command()(publish)
    app.command()(holdout)
    app.command()(versions)
    app.command()(rollback)


def publish(
    note: Annotated[str, typer.Option(help="What changes and why, for the record.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only show what it would change.")] = False,
) -> None:
    """Put playbook and copy into force: within 5 seconds, without restart. Refused while `sop check` finds mistakes."""
    from deployments.cli.publish import preview as look, publish

    if preview:
        look()
    elif note:
        publish(note)
    else:
        raise typer.BadParameter("give --note, what changes and why; or --preview")


def holdout(
    stage: Annotated[str | None, typer.Argument(metavar="STAGE", help="Only this stage of the playbook.")] = None,
    days: Days = 90,
) -> None:
    """What the stages earned: members written to beside those held out; or that there is not enough to say."""
    from deployments.cli.holdouts import show

    show(stage, days)


def versions(days: Days = 90) -> None:
    """What each version of playbook and copy has done, beside the one before; and whether to go back."""
    from deployments.cli.versions import show

    show(days)


def rollback(
    to: Annotated[int | None, typer.Option(metavar="VERSION", help="Default: the one before.")] = None,
    note: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    stay: Annotated[bool, typer.Option("--stay", help="Who is half-way stays with what is rolled back.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what it would change.")] = False,
) -> None:
    """Put a former version into force again."""
    from deployments.cli.versions import rollback

    rollback(to, note, stay=stay, only_look=preview)
