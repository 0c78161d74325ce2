"""What payers are told: one receipt with everything in it, and what became of their money."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from community.access.library import given_with
from community.database.queries import load
from community.outbox.enqueue import Draft, enqueue
from community.outbox.settle import cancel_occurrences
from community.payments.fold import Standing
from community.payments.fulfil import Given
from community.payments.models import Order, Payment
from community.payments.numbers import shown
from community.payments.till import Till
from community.playbook_stages import MessageClass
from community.playbook_types import Amount

queries = load(__file__)

STAGE = "payment"


def named(payment: Payment) -> str:
    """A payment as messages and tasks name it."""
    return f"{payment.provider}:{payment.charge}"


@dataclass(frozen=True, slots=True)
class Renewal:
    """Whether the payment is of a subscription that goes on, and when the next one is taken, if the provider says."""

    goes_on: bool
    next_at: datetime | None


async def send_receipt(
    till: Till, payment: Payment, order: Order | None, given: Given, renewal: Renewal, *, again: bool
) -> None:
    """Everything in one message. `again`: what was taken back is given anew, which is said anew."""
    occurrence = f"{named(payment)}:{given.main.id}" if again else named(payment)
    context = {
        **_gives(till, payment, order, given),
        "renews": renewal.goes_on,
        "next": _iso(renewal.next_at) if renewal.goes_on else None,
        "moved": False,
    }
    await say(till, payment.member_id, "receipt", occurrence, context)


async def send_refund(
    till: Till, payment: Payment, order: Order | None, standing: Standing, *, ended: bool, stopped: bool
) -> None:
    """What was paid back, and what that means for what the payment gave: it has `ended`, or stays.

    `stopped`: its subscription is not to go on.
    """
    assert standing.paid is not None
    back = Amount(minor=standing.refunded_minor, currency=standing.paid.currency)
    context = {
        **_about(payment, order),
        "refunded": str(back) if back.minor else None,
        "ended": ended,
        "stays": bool(payment.terms),
        "stopped": stopped,
    }
    await say(till, payment.member_id, "refunded", f"{named(payment)}:{back.minor}:{standing.disputed}", context)


async def send_moved(till: Till, payment: Payment, order: Order | None, given: Given, member_id: int) -> None:
    """What was paid for by another account of theirs is here now: a receipt of what it gives, with the ways in."""
    context = {**_gives(till, payment, order, given), "renews": given.main.renews, "next": None, "moved": True}
    await say(till, member_id, "receipt", f"{named(payment)}:{given.main.id}", context)


async def send_moved_away(till: Till, payment: Payment, order: Order | None, member_id: int, move_id: int) -> None:
    """What was paid for by this account is another account's of theirs now."""
    await say(till, member_id, "moved_away", f"move:{move_id}", _about(payment, order))


async def drop_receipt(till: Till, payment: Payment, why: str = "refunded") -> None:
    """What it gives was taken back before it could be said."""
    occurrences = [named(payment), *(f"{named(payment)}:{term}" for term in payment.terms)]
    await cancel_occurrences(till.conn, till.bot_id, STAGE, occurrences, why)


async def send_problem(till: Till, payment: Payment, order: Order | None) -> None:
    """The money is here, and a human looks."""
    hours = round(till.playbook.payments.problem_within.total_seconds() / 3600)
    await say(till, payment.member_id, "problem", named(payment), {**_about(payment, order), "hours": hours})


async def send_entry(till: Till, member_id: int, link_id: int, title: str, address: str) -> None:
    """The way into a chat, made after the receipt was written."""
    context = {"entries": [{"title": title, "address": address}]}
    await say(till, member_id, "entry", f"link:{link_id}", context)


async def say(till: Till, member_id: int | None, step: str, occurrence: str, context: Mapping[str, Any]) -> None:
    """Write to the member, once for the occurrence; to nobody if they were erased meanwhile."""
    row = await (await till.conn.execute(queries.account, {"member_id": member_id})).fetchone()
    if row is None or member_id is None:
        return
    draft = Draft(
        chat_id=row["telegram_id"],
        member_id=member_id,
        stage=STAGE,
        step=step,
        occurrence=occurrence,
        message_class=MessageClass.payment,
        due_at=till.at,
        template=f"{STAGE}/{step}",
        context=context,
    )
    await enqueue(till.conn, till.bot_id, till.bundle.hash, [draft], till.at)


def _gives(till: Till, payment: Payment, order: Order | None, given: Given) -> dict[str, Any]:
    """All that a payment gives."""
    main = given.main
    return {
        **_about(payment, order),
        "starts": _iso(main.starts_at) if main.starts_at > till.at else None,
        "until": _iso(main.ends_at),
        "includes": [term.plan for term in given.terms[1:]],
        "library": given_with(till.playbook, [term.plan for term in given.terms]),
        **given.ways.shown(),
    }


def _about(payment: Payment, order: Order | None) -> dict[str, Any]:
    paid = Amount(minor=payment.paid_minor or 0, currency=payment.currency or "")
    number = shown(order.number) if order else None
    return {"plan": payment.plan, "order": number, "amount": str(paid) if payment.currency else None}


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
