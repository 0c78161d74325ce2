"""The verbs about what members hold and what they are offered: access, coupon."""

from typing import Annotated

import typer

from deployments.cli.records import Who

Term = Annotated[int, typer.Argument(metavar="TERM", help="Number of a term, as `sop access show` lists them.")]
Plan = Annotated[str, typer.Argument(metavar="PLAN", help="Key of a plan of the playbook, such as month.")]
Code = Annotated[str, typer.Argument(metavar="CODE", help="A coupon's code; upper or lower case.")]
Why = Annotated[str, typer.Option(help="Why, kept with the term.")]
Begin = Annotated[str | None, typer.Option("--from", metavar="MOMENT", help="When it begins.")]
End = Annotated[str | None, typer.Option(metavar="MOMENT", help="From when on it is over.")]
Money = Annotated[str | None, typer.Option(metavar="MONEY", help="Such as '99 CNY' or '29.90 USD'.")]

access = typer.Typer(no_args_is_help=True)
coupon = typer.Typer(no_args_is_help=True)


@access.callback()
def terms() -> None:
    """What members hold, and until when: memberships, packs, trials."""


@access.command("grant")
def grant_access(
    member: Who,
    plan: Plan,
    note: Why,
    begin: Begin = None,
    until: End = None,
    code: Annotated[str | None, typer.Option("--coupon", metavar="CODE", help="Use this coupon for it.")] = None,
    paid: Money = None,
) -> None:
    """Give a member a term of a plan. It follows what they hold of its line; else it begins now."""
    from deployments.cli.access import Grant, grant

    grant(Grant(member, plan, note, begin, until, code, paid))


@access.command("show")
def show_access(member: Who) -> None:
    """Everything a member holds and held, who gave it and why, and the coupons they could use now."""
    from deployments.cli.access import show

    show(member)


@access.command("end")
def end_access(
    term: Term,
    moment: Annotated[str, typer.Argument(metavar="MOMENT", help="From when on it is over; never: for life.")],
    note: Why,
) -> None:
    """Correct when a term ends."""
    from deployments.cli.access import end

    end(term, moment, note)


@access.command("cancel")
def cancel_access(term: Term, note: Why = "") -> None:
    """The member does not go on: the term runs to its end, and nobody reminds them."""
    from deployments.cli.access import cancel

    cancel(term, note)


@access.command("revoke")
def revoke_access(term: Term, note: Why) -> None:
    """End a term at once, for a refund or a mistake. A coupon used for it can be used again."""
    from deployments.cli.access import revoke

    revoke(term, note)


@access.command("removals")
def removals_of_access(
    word: Annotated[str, typer.Argument(metavar="[list|approve|keep]", help="What to do about them.")] = "list",
    ids: Annotated[list[int] | None, typer.Argument(metavar="ID...", help="Only these; default: all.")] = None,
) -> None:
    """Who is due to leave a group, as what they held is over; approve, or keep them in it."""
    from deployments.cli.removals import removals

    removals(word, ids or [])


@access.command("repair")
def repair_access(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND|MEMBER]", help="outside, unpaid, ledger, uneven; or a member. Default: only list."
        ),
    ] = None,
) -> None:
    """What members hold, what was paid, who is in the groups: list what does not fit, or repair it."""
    from deployments.cli.removals import repair

    repair(what)


@coupon.callback()
def coupons() -> None:
    """Discounts, and free terms of a plan, by a code."""


@coupon.command("add")
def add_coupon(
    code: Code,
    percent: Annotated[float | None, typer.Option(help="Percentage off.")] = None,
    amount: Money = None,
    price: Money = None,
    opens: Annotated[str | None, typer.Option(metavar="PLAN", help="Opens this plan for nothing.")] = None,
    plans: Annotated[str | None, typer.Option(metavar="PLAN,…", help="Only for these plans; default: all.")] = None,
    minimum: Money = None,
    first: Annotated[int | None, typer.Option(metavar="N", help="Only for the first so many.")] = None,
    member: Annotated[str | None, typer.Option(metavar="MEMBER", help="For this member alone.")] = None,
    begin: Begin = None,
    until: End = None,
    offer: Annotated[str, typer.Option(help="What it belongs to, in a word, for lists and reports.")] = "staff",
) -> None:
    """Issue a coupon: a percentage or an amount off, a fixed price, or a plan for nothing."""
    from deployments.cli.coupons import Asked, add

    add(Asked(code, percent, amount, price, opens, plans, minimum, first, member, begin, until, offer))


@coupon.command("list")
def list_coupons(
    member: Annotated[str | None, typer.Option(metavar="MEMBER", help="This member's own instead.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that can be used no more.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Coupons to list at most, newest first.")] = 50,
) -> None:
    """Coupons that everyone may use, with how many are left; or one member's own."""
    from deployments.cli.coupons import show_list

    show_list(member, everything, limit)


@coupon.command("show")
def show_coupon(
    code: Code, limit: Annotated[int, typer.Option(min=0, help="Lines of its ledger at most, newest first.")] = 20
) -> None:
    """One coupon: what it gives, until when, how often it was used, what it took off in all, and its ledger."""
    from deployments.cli.coupons import show

    show(code, limit)


@coupon.command("withdraw")
def withdraw_coupon(code: Code) -> None:
    """Take a coupon out of use. What it was used for stays."""
    from deployments.cli.coupons import withdraw

    withdraw(code)
