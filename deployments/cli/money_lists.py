"""`sop import payments` and `sop import spend`."""

import asyncio
from pathlib import Path

from community.history.payments_list import bring_in_list, read_payments
from community.insight.spend import SpendLine, bring_in_spend, read_spend
from community.members.lists import refuse
from community.payments.bring_in import ListedPayment
from community.playbook_types import Amount
from deployments.cli.output import console, local, print_table
from deployments.cli.session import operator, session
from tasks.words import count

SHOWN = 10
NOTHING_WRITTEN = "\nNothing was written. To bring it in: the same with --apply."


def import_payments(file: Path, *, apply: bool) -> None:
    """Show what a list of payments would bring, or bring it in. Raises ImportRefused when a line is wrong."""
    asyncio.run(_import_payments(file, apply))


def import_spend(file: Path, *, apply: bool) -> None:
    """Show what a list of ad spend would bring, or bring it in. Raises ImportRefused when a line is wrong."""
    asyncio.run(_import_spend(file, apply))


async def _import_payments(file: Path, apply: bool) -> None:
    async with session() as s:
        playbook = (await s.bundle()).playbook
        read = read_payments(file, playbook)
        refuse(file, read.problems)
        note = f"from {file.name}"
        outcome = await bring_in_list(s.conn, playbook, read.payments, by=operator(), note=note, apply=apply)
        refuse(file, outcome.problems)
    what = f"{outcome.added} new, with {count(outcome.terms, 'new term')}; {outcome.known} known already"
    print(f"{count(len(read.payments), 'payment')}: {what}.")
    _print_payments(read.payments[:SHOWN], playbook.community.zone)
    if not apply:
        print(NOTHING_WRITTEN)


def _print_payments(payments: list[ListedPayment], zone: str) -> None:
    rows = [
        (
            f"{payment.provider}:{payment.charge}",
            payment.telegram_id,
            payment.plan,
            local(payment.paid_at, zone),
            payment.paid,
            Amount(minor=payment.refunded_minor, currency=payment.paid.currency) if payment.refunded_minor else None,
        )
        for payment in payments
    ]
    head = ("payment", "Telegram id", "plan", "paid", "amount", "refunded")
    print_table(console(), f"The first {len(rows)} ({zone})", head, rows)


async def _import_spend(file: Path, apply: bool) -> None:
    read = read_spend(file)
    refuse(file, read.problems)
    async with session() as s:
        done = await bring_in_spend(s.conn, read.lines, apply=apply)
    print(f"{count(len(read.lines), 'line')}: {done.added} new, {done.replaced} replaced, {done.same} the same.")
    _print_spend(read.lines[:SHOWN])
    if not apply:
        print(NOTHING_WRITTEN)


def _print_spend(lines: list[SpendLine]) -> None:
    rows = [
        (line.day, line.source, line.campaign or None, line.amount, line.impressions, line.clicks) for line in lines
    ]
    head = ("day", "source", "campaign", "spent", "impressions", "clicks")
    print_table(console(), f"The first {len(rows)}", head, rows)
