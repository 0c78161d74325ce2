"""`sop orders`: list, show, variants."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from community.database.installation import sop_now
from community.payments import listing
from community.payments.models import Order, Payment
from community.payments.moving import moves_of
from community.payments.numbers import shown
from community.playbook_types import Amount
from deployments.cli.output import console, local, print_json, print_table
from deployments.cli.session import session

VARIANTS = ("plan", "page", "views", "orders", "paid", "paid of views", "money")
HEAD = ("order", "plan", "to pay", "list", "coupon", "state", "member", "from", "page", "ordered", "paid")


def show_list(state: str | None, member: str | None, limit: int, *, as_json: bool) -> None:
    """Print the newest orders."""
    asyncio.run(_list(state, member, limit, as_json))


def show(number: str, *, as_json: bool) -> None:
    """Print an order, and what was paid for it. Raises OrderRefused when there is none."""
    asyncio.run(_show(number, as_json))


def show_variants(days: int, *, as_json: bool) -> None:
    """Print what came of each variant of the plans' pages."""
    asyncio.run(_variants(days, as_json))


async def _variants(days: int, as_json: bool) -> None:
    async with session() as s:
        found = await listing.variants(s.conn, await sop_now(s.conn) - timedelta(days=days))
    if as_json:
        print_json([{**asdict(each), "money": [amount.model_dump() for amount in each.money]} for each in found])
    elif not found:
        print("Nobody has opened a page.")
    else:
        print_table(console(), f"Pages, the last {days} days", VARIANTS, map(_variant, found))


def _variant(each: listing.Result) -> tuple[object, ...]:
    ratio = f"{100 * each.paid / each.views:.1f} %" if each.views else "–"
    return each.plan, each.variant, each.views, each.orders, each.paid, ratio, ", ".join(map(str, each.money))


async def _list(state: str | None, member: str | None, limit: int, as_json: bool) -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        member_id = (await s.member(member)).id if member else None
        found = await listing.orders(s.conn, state=state, member_id=member_id, limit=limit)
    if as_json:
        print_json([as_data(order) for order in found])
    elif not found:
        print("No orders.")
    else:
        print_table(console(), f"Orders ({zone})", HEAD, rows(found, zone))


async def _show(number: str, as_json: bool) -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        order = await listing.order_named(s.conn, number)
        paid, moves = await listing.payments_of(s.conn, order.id), await moves_of(s.conn, order.id)
    if as_json:
        payments = [payment.model_dump(mode="json") for payment in paid]
        print_json({**as_data(order), "payments": payments, "moves": [each.model_dump(mode="json") for each in moves]})
        return
    print_table(console(), f"Order ({zone})", HEAD, rows([order], zone))
    print(f"\nIts price {_promise(order, zone)}.")
    if not paid:
        print("Nothing was paid for it, as far as is known.")
    print_table(console(), f"Payments ({zone})", PAYMENT_HEAD, payment_rows(paid, zone))
    print_table(
        console(),
        "Moved to another account",
        ("at", "from member", "to member", "by", "why"),
        ((local(each.at, zone), each.from_member_id, each.member_id, each.by, each.note) for each in moves),
    )


PAYMENT_HEAD = ("payment", "plan", "paid", "refunded", "dispute", "state", "why", "member", "at")


def payment_rows(found: Iterable[Payment], zone: str) -> Iterator[tuple[object, ...]]:
    """Payments as lines of a table."""
    for payment in found:
        yield (
            f"{payment.provider}:{payment.charge}",
            payment.plan,
            money(payment.paid_minor, payment.currency),
            money(payment.refunded_minor or None, payment.currency),
            payment.disputed if payment.disputed != "none" else None,
            payment.state,
            payment.why,
            payment.member_id,
            local(payment.paid_at, zone),
        )


def rows(found: Iterable[Order], zone: str) -> Iterator[tuple[object, ...]]:
    """Orders as lines of a table."""
    for order in found:
        yield (
            shown(order.number),
            order.plan,
            money(order.amount_minor, order.currency),
            money(order.list_minor, order.currency) if order.list_minor != order.amount_minor else None,
            order.coupon_code,
            order.state,
            order.member_id,
            order.source,
            order.variant or None,
            local(order.created_at, zone),
            local(order.paid_at, zone),
        )


def as_data(order: Order) -> dict[str, Any]:
    """An order for other programs. How it is claimed stays here."""
    return order.model_dump(mode="json", exclude={"claim_hash", "claim_misses", "opened_by"}) | {
        "shown": shown(order.number)
    }


def money(minor: int | None, currency: str | None) -> Amount | None:
    """An amount of a row; None where there is none."""
    return Amount(minor=minor, currency=currency) if minor is not None and currency else None


def _promise(order: Order, zone: str) -> str:
    until: datetime = order.expires_at
    return f"holds until {local(until, zone)}" if order.state == "open" else f"held until {local(until, zone)}"
