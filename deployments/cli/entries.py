"""The verbs about entry links: what they brought, and the rehearsal before they are published."""

from typing import Annotated

import typer

links = typer.Typer()


@links.callback(invoke_without_command=True)
def list_links(ctx: typer.Context) -> None:
    """The tracked links with their full addresses, clicks, and the members who came by each."""
    if ctx.invoked_subcommand is None:
        from deployments.cli.links import links

        links()


@links.command()
def check(
    tokens: Annotated[list[str] | None, typer.Argument(metavar="TOKEN...", help="Entry links; default: all.")] = None,
) -> None:
    """Walk your playbook's entry links as a stranger would, on a throw-away installation. Exit code 1 if one fails."""
    from deployments.cli.rehearsal import check_links

    raise typer.Exit(check_links(tokens or ()))
