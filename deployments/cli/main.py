"""The command `sop`: its verbs and their options. Each imports its own when it runs, so that `sop` starts at once."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from community.errors import SopError
from community.members.clean import storable
from community.telegram_html import showable
from deployments.cli import (
    entries,
    experimenting,
    figures,
    learning,
    lives,
    offers,
    plans,
    records,
    reporting,
    sales,
    staff,
)

Stage = Annotated[str, typer.Argument(metavar="STAGE", help="Name of a stage of the playbook, such as welcome_drip.")]
AsOf = Annotated[
    str,
    typer.Option(metavar="MOMENT", help="now, or a date and time such as 2026-03-04T10:00 or 2026-03-04T10:00+08:00."),
]
Scope = Annotated[str, typer.Argument(metavar="[all|STAGE|CHAT_ID]", help="What: all, a stage, or one chat's number.")]
Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="ID...", help="Message numbers, as `sop outbox` lists them.")
]
Because = Annotated[
    str | None, typer.Option("--reason", help="All that have this reason, such as restored, instead of numbers.")
]

CHAT_IDS = {"ignore_unknown_options": True}
"""Ids of groups are negative: -100… is no option."""


class Sop(TyperGroup):
    """Shows an expected error as one line on stderr, with exit code 1."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Arguments that are not UTF-8 lose what is not: it could be neither stored nor printed."""
        return super().parse_args(ctx, [storable(argument) for argument in args])

    def invoke(self, ctx: Any) -> object:
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except SopError as error:
            typer.echo(showable(str(error)), err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=Sop,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)
outbox = typer.Typer()
app.add_typer(outbox, name="outbox")
app.add_typer(records.member, name="member")
token = typer.Typer(no_args_is_help=True)
app.add_typer(token, name="token")
app.add_typer(records.imports, name="import")
app.add_typer(offers.access, name="access")
app.add_typer(offers.coupon, name="coupon")
app.add_typer(lives.live, name="live")
app.add_typer(entries.links, name="links")


@app.callback()
def root(
    mode: Annotated[
        str | None, typer.Option(help="demo, sandbox or real: whose database to use, instead of SOP_MODE.")
    ] = None,
) -> None:
    """Run the standard operating procedure of a Telegram community. Settings: .env.example; guide: docs/commands.md."""
    if mode is not None:
        os.environ["SOP_MODE"] = mode  # for this process and those it starts


@app.command()
def check(
    folder: Annotated[Path | None, typer.Argument(help="Folder of playbook.yaml and copy/; default: yours.")] = None,
) -> None:
    """Check playbook and message copy: every mistake with file and line. Exit code 1 if there is one."""
    from deployments.cli.check import check

    raise typer.Exit(check(folder))


@app.command()
def preview(
    stage: Stage,
    as_of: AsOf = "now",
    member: Annotated[
        list[str] | None, typer.Option(help="Only this member: number, tg:<Telegram id> or @username. Repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows to list at most; counts are always complete.")] = 20,
    show: Annotated[
        int | None, typer.Option(min=0, help="Messages to show in full; default: all with --member, else none.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")] = False,
) -> None:
    """Who would get what of a stage, and who would not and why. Writes and sends nothing."""
    from deployments.cli.preview import Request, preview

    preview(Request(stage, as_of, tuple(member or ()), limit, show, json))


@app.command()
def explain(
    who: Annotated[
        str, typer.Argument(metavar="MEMBER|STAGE", help="Number, tg:<Telegram id> or @username; or a stage.")
    ],
    stage: Annotated[
        str | None, typer.Argument(metavar="STAGE", help="Every gate of its steps; default: a line for every step.")
    ] = None,
    why_not: Annotated[
        str | None, typer.Option(metavar="STEP", help="Who did not get this step of the stage, by reason.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="With --why-not: list only those with this reason.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="With --why-not: members to list at most; counts are whole.")] = 20,
    as_of: AsOf = "now",
    json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")] = False,
) -> None:
    """Why one member got, gets or does not get each step; or, of a stage's step, who did not get it and why."""
    if why_not is None:
        from deployments.cli.explain import explain

        explain(who, stage, as_of, as_json=json)
    elif stage is not None:
        raise SopError("explain: --why-not goes with a stage alone: sop explain STAGE --why-not STEP")
    else:
        from deployments.cli.why_not import Request, why_not as list_them

        list_them(Request(who, why_not, as_of, reason, limit, json))


@outbox.callback(invoke_without_command=True)
def show_outbox(
    ctx: typer.Context,
    state: Annotated[
        str | None, typer.Option(metavar="waiting|failed|uncertain|sending", help="List only messages in this state.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Messages to list at most, newest first.")] = 20,
) -> None:
    """What waits, is on its way, failed or is uncertain, and when the queue will be empty."""
    if ctx.invoked_subcommand is None:
        from deployments.cli.outbox import show

        show(state, limit)


@outbox.command()
def retry(ids: Numbers = None, reason: Because = None) -> None:
    """Send failed or uncertain messages again. One that is uncertain may then arrive twice."""
    from deployments.cli.outbox import retry

    retry(ids or (), reason)


@outbox.command()
def settle(
    arrived: Annotated[bool, typer.Option("--arrived/--not-arrived", help="Did they arrive? Ask the member.")],
    ids: Numbers = None,
    reason: Because = None,
) -> None:
    """Close uncertain messages: as sent if they arrived, as failed if not."""
    from deployments.cli.outbox import settle

    settle(ids or (), reason, arrived=arrived)


@app.command("send-test")
def send_test(
    stage: Stage,
    step: Annotated[str, typer.Argument(metavar="STEP", help="Name of a step of the stage, such as day_1.")],
    to: Annotated[str, typer.Option(metavar="MEMBER", help="Number, tg:<Telegram id> or @username.")],
    locale: Annotated[str | None, typer.Option(help="zh-Hans, zh-Hant or en; default: the member's.")] = None,
) -> None:
    """Send one step to a member, marked as a test. Counts nowhere: no caps, no reports, the step itself still comes."""
    from deployments.cli.send_test import send_test

    send_test(stage, step, locale, to)


@token.callback()
def tokens() -> None:
    """The bot's token."""


@token.command()
def rotate() -> None:
    """Replace the bot's token in .env by a new one of the same bot: asked for, or from SOP_NEW_TELEGRAM_TOKEN."""
    from deployments.cli.token import rotate

    rotate()


@app.command(context_settings=CHAT_IDS)
def halt(
    scope: Scope = "all",
    note: Annotated[str, typer.Option(help="Why, for whoever finds it halted.")] = "",
) -> None:
    """Stop sending within a second: everything, a stage or a chat. What is on its way still arrives."""
    from deployments.cli.halt import halt

    halt(scope, note)


@app.command(context_settings=CHAT_IDS)
def resume(scope: Scope = "all") -> None:
    """Lift a halt. What became too late meanwhile is not sent."""
    from deployments.cli.halt import resume

    resume(scope)


@app.command()
def status(
    groups: Annotated[
        bool, typer.Option("--groups", help="Only how much the members of each group got in time, worst first.")
    ] = False,
) -> None:
    """One screen: queue, rate, forecast, last runs, late or on time, failures, what was refused, versions."""
    from deployments.cli.status import status

    status(groups=groups)


@app.command()
def doctor() -> None:
    """Look for what is wrong with the installation, and say what to do. Exit code 1 if anything is."""
    from deployments.cli.doctor import doctor

    raise typer.Exit(doctor())


@app.command()
def up() -> None:
    """Start every server that the settings ask for, and keep them running until Ctrl-C or SIGTERM."""
    from deployments.cli.up import up

    up()


@app.command()
def demo(
    exit: Annotated[bool, typer.Option("--exit", help="End afterwards: exit code 0 if every check passed.")] = False,
    days: Annotated[int, typer.Option(min=1, help="Virtual days to live through.")] = 28,
    members: Annotated[int, typer.Option(min=1, help="Synthetic members.")] = 300,
    seed: Annotated[int, typer.Option(help="Another number, another community.")] = 7,
) -> None:
    """Bring a synthetic community to life on the real servers, and check what happened to it. Its own database."""
    from deployments.cli.demo import demo

    raise typer.Exit(demo(exit=exit, days=days, members=members, seed=seed))


@app.command()
def sandbox(
    port: Annotated[int | None, typer.Option(min=0, help="Default: SOP_SANDBOX_PORT; 0: a free one.")] = None,
    state: Annotated[
        Path | None, typer.Option(help="Begin as this file says, if it exists; save to it at the end.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Answer its page and control under this name too; repeatable."),
    ] = None,
) -> None:
    """Run the local Telegram alone, until Ctrl-C. Prints its address in a browser and how to point a bot at it."""
    from deployments.cli.sandbox import sandbox

    raise typer.Exit(sandbox(port, state, allow_host or []))


for verbs in (plans, sales, experimenting, learning, reporting):
    verbs.add_to(app)
app.command()(records.export)
app.command()(records.backup)
app.command()(records.restore)
app.command()(figures.kpi)
staff.add_to(app)


def run() -> None:
    """Entry point of the command."""
    app(prog_name="sop")
