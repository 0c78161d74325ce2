"""The verbs about experiments."""

from typing import Annotated

import typer

Key = Annotated[str, typer.Argument(metavar="KEY", help="The experiment's key in the playbook.")]
Note = Annotated[str, typer.Option(help="Why, for whoever looks later.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]

experiment = typer.Typer(no_args_is_help=True)


@experiment.callback()
def about() -> None:
    """A/B tests of steps and of the plans' page: what they say, and your word on them."""


@experiment.command("list")
def list_experiments(json: AsJson = False) -> None:
    """All experiments, those under way first, as of the last look."""
    from deployments.cli.experiment import show_list

    show_list(as_json=json)


@experiment.command("show")
def show_experiment(key: Key, json: AsJson = False) -> None:
    """An experiment's numbers as of now: shares, intervals, power, who blocked or left. Look as often as you like."""
    from deployments.cli.experiment import show

    show(key, as_json=json)


@experiment.command("apply")
def apply_experiment(
    key: Key,
    variant: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Another than the proposed winner; or without a proposal."),
    ] = None,
    note: Note = "",
) -> None:
    """From now on everybody gets the winner. Prints what to write into the playbook."""
    from deployments.cli.experiment import apply_winner

    apply_winner(key, variant, note)


@experiment.command("end")
def end_experiment(key: Key, note: Note = "") -> None:
    """End it without a winner: from now on everybody gets the first variant."""
    from deployments.cli.experiment import end_it

    end_it(key, note)


def add_to(app: typer.Typer) -> None:
    """Make them verbs of `sop`."""
    app.add_typer(experiment, name="experiment")
