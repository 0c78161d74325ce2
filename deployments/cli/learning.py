"""The verbs about versions of the SOP, and what it has done: publish, holdouts, versions, rollback, feedback."""

from typing import Annotated, Literal

import typer

LARGEST = 2**63 - 1
Days = Annotated[int, typer.Option(min=1, max=3650, help="Over the last so many days.")]

feedback = typer.Typer()


def add_to(app: typer.Typer) -> None:
    """Make these verbs the app's."""
    app.command()(publish)
    app.command()(holdout)
    app.add_typer(feedback, name="feedback")
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


@feedback.callback(invoke_without_command=True)
def show_feedback(
    ctx: typer.Context,
    week: Annotated[str | None, typer.Option(metavar="DATE", help="The week of that day; default: this one.")] = None,
    quadrant: Annotated[
        Literal["complaint", "suggestion", "silent_leaving", "active"] | None,
        typer.Option(help="List who is in this one, and its tasks alone."),
    ] = None,
    member: Annotated[
        str | None,
        typer.Option(metavar="MEMBER", help="All tasks of this member: number, tg:<Telegram id>, @username."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rows of each list at most, the newest first.")] = 20,
) -> None:
    """Complaints, suggestions, who left without a word, who was active: in a week, with the tasks that came of it."""
    if ctx.invoked_subcommand is None:
        from deployments.cli.feedback import Asked, show

        show(Asked(week, quadrant, member, limit))


@feedback.command()
def done(
    task: Annotated[int, typer.Argument(metavar="ID", min=1, max=LARGEST, help="Its number, as the list shows it.")],
    note: Annotated[str, typer.Option(help="What came of it.")] = "",
) -> None:
    """A task is done; as `sop tasks --done`."""
    from deployments.cli.tasks import close_task

    close_task(task, note)


@feedback.command()
def trail(
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="Number, tg:<Telegram id> or @username.")],
) -> None:
    """What a member did and was sent in the 30 days before they left, day by day. Nothing of what they wrote."""
    from deployments.cli.feedback import show_trail

    show_trail(member)
