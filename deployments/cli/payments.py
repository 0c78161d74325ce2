"""`sop payments`: list, show, claim, move, refund, problems, retry."""

import asyncio
from dataclasses import asdict
from datetime import datetime

from community.database.installation import sop_now
from community.errors import OrderRefused
from community.payments import listing
from community.payments.claims import place
from community.payments.models import Payment
from community.payments.moving import Word, move as move_paid
from community.payments.refunds import BY_ITSELF, by_hand, left, order_refund, paid_back
from community.payments.settle import settle
from community.payments.work import retry_failed
from deployments.cli.orders import PAYMENT_HEAD, money, payment_rows
from deployments.cli.output import console, local, print_json, print_table
from deployments.cli.session import operator, session
from tasks.words import age, count


def show_list(state: str | None, member: str | None, limit: int, *, as_json: bool) -> None:
    """Print the payments that changed last."""
    asyncio.run(_list(state, member, limit, as_json))


def show(name: str, *, as_json: bool) -> None:
    """Print a payment with its events and what was booked. Raises OrderRefused when there is none."""
    asyncio.run(_show(name, as_json))


def claim(name: str, member: str, plan: str | None) -> None:
    """Give a payment to a member. Raises OrderRefused when it waits for nobody."""
    asyncio.run(_claim(name, member, plan))


def move(name: str, to: str, note: str) -> None:
    """Give what was paid to another account. Raises OrderRefused or AccessRefused when that cannot be."""
    asyncio.run(_move(name, to, note))


def refund(name: str, *, done: bool) -> None:
    """Refund a payment, or say that it was. Raises OrderRefused when nothing is left of it."""
    asyncio.run(_paid_back(name) if done else _refund(name))


def show_problems(limit: int, *, as_json: bool) -> None:
    """Print what waits for somebody."""
    asyncio.run(_problems(limit, as_json))


def retry() -> None:
    """Let the events that could not be settled be tried again."""
    asyncio.run(_retry())


async def _list(state: str | None, member: str | None, limit: int, as_json: bool) -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        member_id = (await s.member(member)).id if member else None
        found = await listing.payments(s.conn, state=state, member_id=member_id, limit=limit)
    if as_json:
        print_json([payment.model_dump(mode="json") for payment in found])
    elif not found:
        print("No payments.")
    else:
        print_table(console(), f"Payments ({zone})", PAYMENT_HEAD, payment_rows(found, zone))


async def _show(name: str, as_json: bool) -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        payment = await listing.payment_named(s.conn, name)
        events, booked = await listing.events_of(s.conn, payment), await listing.ledger_of(s.conn, payment)
        refunds = await listing.refunds_of(s.conn, payment)
    if as_json:
        wishes = [request.model_dump(mode="json") for request in refunds]
        print_json({**payment.model_dump(mode="json"), "events": events, "ledger": booked, "refunds": wishes})
        return
    out = console()
    print_table(out, f"Payment ({zone})", PAYMENT_HEAD, payment_rows([payment], zone))
    print_table(
        out,
        "What the provider said",
        ("at", "what", "its name", "amount", "event", "state", "result"),
        (
            (
                local(row["happened_at"], zone),
                row["kind"],
                row["name"],
                money(row["amount_minor"], row["currency"]),
                row["event_id"],
                row["state"],
                row["result"] or None,
            )
            for row in events
        ),
    )
    print_table(
        out,
        "Booked",
        ("at", "what", "account", "amount", "by"),
        (
            (local(r["at"], zone), r["what"], r["account"], money(r["amount_minor"], r["currency"]), r["by"])
            for r in booked
        ),
    )
    print_table(
        out,
        "Wishes for a refund",
        ("number", "asked", "by", "amount", "state", "decided", "by", "error"),
        (
            (
                request.id,
                local(request.asked_at, zone),
                request.asked_by,
                money(request.amount_minor, request.currency),
                request.state,
                local(request.decided_at, zone),
                request.decided_by,
                request.error,
            )
            for request in refunds
        ),
    )


async def _claim(name: str, who: str, plan: str | None) -> None:
    async with session() as s:
        bundle, at = await s.bundle(), await sop_now(s.conn)
        payment, member = await listing.payment_named(s.conn, name), await s.member(who)
        wanted = plan or payment.plan
        if wanted is None:
            raise OrderRefused(f"payment {_name(payment)}: it does not say what it is for; name the plan")
        settled = await place(
            s.conn,
            bundle,
            payment.provider,
            payment.charge,
            member.id,
            wanted,
            at,
            by=operator(),
            bot_id=s.settings.bot_id,
        )
    print(f"Payment {_name(payment)} is member {member.id}'s, for {wanted}: {settled}.")


async def _move(name: str, to: str, note: str) -> None:
    if not note.strip():
        raise OrderRefused('--note: say why, such as --note "uses another account, showed the code"')
    async with session() as s:
        bundle, at = await s.bundle(), await sop_now(s.conn)
        zone = bundle.playbook.community.zone
        payment, member = await listing.paid_for(s.conn, name), await s.member(to)
        word = Word(operator(), note.strip())
        moved = await move_paid(s.conn, bundle, payment, member.id, at, word, bot_id=s.settings.bot_id)
    for old, new in moved:
        print(f"{new.plan} until {local(new.ends_at, zone) or 'for life'}: member {old.member_id} → {new.member_id}.")
    print("Both accounts are told. The former one leaves the groups by access-expiry, as playbook and grace say.")


async def _refund(name: str) -> None:
    async with session() as s:
        payment = await listing.payment_named(s.conn, name)
        playbook, at = (await s.bundle()).playbook, await sop_now(s.conn)
        request = await order_refund(s.conn, payment, at, by=operator())
        if payment.provider not in BY_ITSELF:
            await by_hand(s.conn, request, playbook, at)
    amount = left(payment)
    if request.state == "approved":
        print(f"{payment.provider} is asked to pay {amount} of {_name(payment)} back; access ends when it has.")
        print(f"`sop payments show {payment.charge}` tells how it stands.")
    elif payment.provider in BY_ITSELF:
        print(f"{payment.provider} was asked to pay {amount} of {_name(payment)} back already; it has yet to do so.")

    else:
        print(f"Please pay {amount} of {_name(payment)} back on the page of {payment.provider}.")
        print(f"If it does not tell us by itself: sop payments refund {payment.charge} --done")


async def _paid_back(name: str) -> None:
    async with session() as s:
        bundle, at = await s.bundle(), await sop_now(s.conn)
        payment = await listing.payment_named(s.conn, name)
        amount = left(payment)
        await paid_back(s.conn, payment, at, by=operator())
        settled = await settle(
            s.conn, bundle, payment.provider, payment.charge, at, bot_id=s.settings.bot_id, by=operator()
        )
    print(f"{amount} of {_name(payment)} went back, by your word: {settled}.")


async def _problems(limit: int, as_json: bool) -> None:
    async with session() as s:
        zone, at = (await s.bundle()).playbook.community.zone, await sop_now(s.conn)
        found = await listing.problems(s.conn, limit)
    if as_json:
        print_json([asdict(problem) for problem in found])
        return
    print(f"{count(len(found), 'thing')} about money waits for somebody." if found else "Nothing about money waits.")
    head = ("what", "which", "state", "why", "member", "amount", "since", "for")
    print_table(console(), None, head, (_line(problem, zone, at) for problem in found))


async def _retry() -> None:
    async with session() as s:
        events = await retry_failed(s.conn)
    print(f"{count(events, 'event')} tried again within seconds." if events else "No event has failed.")


def _line(problem: listing.Problem, zone: str, at: datetime) -> tuple[object, ...]:
    return (
        problem.kind,
        problem.subject,
        problem.what,
        problem.why or None,
        problem.member_id,
        problem.amount,
        local(problem.since, zone),
        age(at - problem.since),
    )


def _name(payment: Payment) -> str:
    return f"{payment.provider}:{payment.charge}"
