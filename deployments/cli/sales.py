"""The verbs about money: orders, payments, invoices."""

from typing import Annotated

import typer

from deployments.cli.records import Who

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="An order's number, such as A7K2-93QX.")]
Named = Annotated[
    str, typer.Argument(metavar="PAYMENT", help="The provider's number of it, provider:number, or its order's number.")
]
Limit = Annotated[int, typer.Option(min=1, help="Rows to list at most.")]
Member = Annotated[str | None, typer.Option(metavar="MEMBER", help="Only this member's.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]

orders = typer.Typer(no_args_is_help=True)
payments = typer.Typer(no_args_is_help=True)
invoices = typer.Typer(no_args_is_help=True)


@orders.callback()
def about_orders() -> None:
    """What was ordered, at which price, and what became of it."""


@orders.command("list")
def list_orders(
    state: Annotated[
        str | None, typer.Option(metavar="open|paid|refunded|disputed|cancelled|expired", help="Only in this state.")
    ] = None,
    member: Member = None,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """The newest orders."""
    from deployments.cli.orders import show_list

    show_list(state, member, limit, as_json=json)


@orders.command("show")
def show_order(number: Number, json: AsJson = False) -> None:
    """An order, and what was paid for it."""
    from deployments.cli.orders import show

    show(number, as_json=json)


@orders.command("variants")
def page_variants(
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far back to look.")] = 30, json: AsJson = False
) -> None:
    """Which page sells better: views, orders, paid and money by plan and variant."""
    from deployments.cli.orders import show_variants

    show_variants(days, as_json=json)


@payments.callback()
def about_payments() -> None:
    """What was paid, what for, and what needs somebody."""


@payments.command("list")
def list_payments(
    state: Annotated[
        str | None,
        typer.Option(metavar="received|matched|unmatched|unclaimed|reversed", help="Only in this state."),
    ] = None,
    member: Member = None,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """The payments that changed last."""
    from deployments.cli.payments import show_list

    show_list(state, member, limit, as_json=json)


@payments.command("show")
def show_payment(payment: Named, json: AsJson = False) -> None:
    """A payment: what the provider said of it, and what was booked."""
    from deployments.cli.payments import show

    show(payment, as_json=json)


@payments.command("claim")
def claim_payment(
    payment: Named,
    member: Who,
    plan: Annotated[
        str | None, typer.Argument(metavar="PLAN", help="What it is for; default: as the payment says.")
    ] = None,
) -> None:
    """Say whose a payment is that fits nothing or is nobody's, and what it is for. They get it at once."""
    from deployments.cli.payments import claim

    claim(payment, member, plan)


@payments.command("move")
def move_payment(
    payment: Named,
    to: Annotated[str, typer.Option("--to", metavar="MEMBER", help="The account that is to have it.")],
    note: Annotated[str, typer.Option(help="Why; required, and kept.")],
) -> None:
    """Give a paid order to another account of whoever paid: terms, ways in, coupon. Both accounts are told."""
    from deployments.cli.payments import move

    move(payment, to, note)


@payments.command("refund")
def refund_payment(
    payment: Named,
    done: Annotated[
        bool, typer.Option("--done", help="It was paid back by hand, and the provider does not say so: end access.")
    ] = False,
) -> None:
    """Refund all that is left of a payment: the provider is asked, and access ends when it says so."""
    from deployments.cli.payments import refund

    refund(payment, done=done)


@payments.command("problems")
def payment_problems(limit: Limit = 50, json: AsJson = False) -> None:
    """What about money waits for somebody, the oldest first. Exit code 0 all the same."""
    from deployments.cli.payments import show_problems

    show_problems(limit, as_json=json)


@payments.command("retry")
def retry_payments() -> None:
    """Let events that failed be tried again, once the cause is mended that the alert names."""
    from deployments.cli.payments import retry

    retry()


@invoices.callback()
def about_invoices() -> None:
    """Invoices that payers asked for."""


@invoices.command("list")
def list_invoices(
    everything: Annotated[bool, typer.Option("--all", help="Those that were written, too.")] = False,
    limit: Limit = 50,
    json: AsJson = False,
) -> None:
    """Who waits for an invoice, the longest waiting first, with all that it is to say."""
    from deployments.cli.invoices import show_list

    show_list(everything, limit, as_json=json)


@invoices.command("done")
def invoice_done(number: Number) -> None:
    """The order's invoice was written and sent; its payer is told."""
    from deployments.cli.invoices import done

    done(number)


def add_to(app: typer.Typer) -> None:
    """Make them verbs of `sop`."""
    app.add_typer(orders, name="orders")
    app.add_typer(payments, name="payments")
    app.add_typer(invoices, name="invoices")
