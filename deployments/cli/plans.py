"""The verbs about what is planned and sent: backfills, approvals, stages, campaigns."""

from typing import Annotated

import typer

Hash = typer.Option(metavar="HASH", help="Of a plan, as it was printed; its beginning will do, or the plan's number.")
Day = typer.Option(metavar="DATE", help="Such as 2026-03-04; a day of the stage's schedule.")
Note = Annotated[str, typer.Option(help="Why, for the record.")]
Name = Annotated[str, typer.Option(help="Who decides, for the record.")]
StageName = Annotated[str, typer.Argument(metavar="STAGE", help="Name of a stage of the playbook.")]

stage = typer.Typer(no_args_is_help=True)
campaign = typer.Typer(no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Make these verbs the app's."""
    app.command()(backfill)
    app.command()(approvals)
    app.add_typer(stage, name="stage")
    app.add_typer(campaign, name="campaign")


def backfill(
    stage: Annotated[str | None, typer.Argument(metavar="STAGE", help="Stage of which days are to be made up.")] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, such as 2026-03-04.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day; default: the first.")] = None,
    show: Annotated[int, typer.Option(min=0, help="Messages of each step to show in full.")] = 1,
    approve: Annotated[str | None, Hash] = None,
    cancel: Annotated[str | None, Hash] = None,
    note: Note = "",
    name: Name = "",
    listing: Annotated[bool, typer.Option("--list", help="The newest backfills, and what became of them.")] = False,
) -> None:
    """Make up days that are over: plan them and show it, then send exactly that with --approve HASH."""
    from deployments.cli import backfill as verbs

    if [bool(stage), bool(approve), bool(cancel), listing].count(True) != 1:
        raise typer.BadParameter("give a STAGE with --from, or one of --approve, --cancel, --list")
    if approve:
        verbs.approve(approve, note, name)
    elif cancel:
        verbs.cancel(cancel, note, name)
    elif stage:
        verbs.plan(stage, first, last, show)
    else:
        verbs.listing()


def approvals(
    word: Annotated[
        str | None, typer.Argument(metavar="[send|first|cancel]", help="The decision, with --decide.")
    ] = None,
    decide: Annotated[str | None, Hash] = None,
    name: Name = "",
    note: Note = "",
) -> None:
    """What waits for a word, with hash, size and deadline; or decide on it: --decide HASH send --name NAME."""
    from deployments.cli import approvals as verbs

    if bool(decide) != bool(word) or bool(decide) != bool(name.strip()):
        raise typer.BadParameter("to decide, give --decide HASH, one of send, first, cancel, and --name")
    if decide and word:
        verbs.decide(decide, word, name, note)
    else:
        verbs.listing()


@stage.callback()
def stages() -> None:
    """The stages of the SOP: which run, which are paused; pause and resume one."""


@stage.command("list")
def list_stages() -> None:
    """Every stage: on or not and why, what waits of it, when it ran last."""
    from deployments.cli.stage import listing

    listing()


@stage.command("pause")
def pause_stage(stage: StageName, note: Note = "") -> None:
    """Send nothing more of a stage from now on, what is queued included; its schedule in Prefect is switched off."""
    from deployments.cli.stage import pause

    pause(stage, note)


@stage.command("resume")
def resume_stage(stage: StageName) -> None:
    """Let a stage go on; what became too late meanwhile is not sent."""
    from deployments.cli.stage import resume

    resume(stage)


@campaign.callback()
def campaigns() -> None:
    """What waits to be sent, by plan, live session and stage; and to stop it for good."""


@campaign.command("list")
def list_campaigns(limit: Annotated[int, typer.Option(min=0, help="Plans to list at most.")] = 20) -> None:
    """What waits, by stage, live session and plan: how many messages, and from when on they are due."""
    from deployments.cli.campaign import listing

    listing(limit)


@campaign.command("stop")
def stop_campaign(
    what: Annotated[str, typer.Argument(metavar="PLAN|live:ID|STAGE", help="As `sop campaign list` names it.")],
) -> None:
    """Cancel for good what waits of a plan, a live session or a stage. What is on its way still arrives."""
    from deployments.cli.campaign import stop

    stop(what)
