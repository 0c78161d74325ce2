"""Orders: opened at a price that holds for a while, found by the number that people type, expired."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from community.access.coverage import follower, last_of_coverage, renewing
from community.access.models import Term
from community.access.terms import line_of, terms_of
from community.access.words import named
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.engagement.redemptions import Refusal, hold, quote
from community.errors import OrderRefused
from community.payments.models import Order
from community.payments.numbers import code_hash, new_code, new_number, read_number
from community.payments.proration import price_of_upgrade, unused
from community.playbook import Playbook
from community.playbook_types import Amount

queries = load(__file__, "orders.sql")

NOBODY = 0
"""As a member's number: of coupons only shared ones are theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What is to be ordered. `member_id` None: whoever opens it proves it later by the code they are shown."""

    plan: str
    currency: str
    source: str
    member_id: int | None = None
    coupon: str | None = None
    variant: str = ""
    opened_by: str | None = None
    """Which browser, where the member is not known."""
    upgrade_of: int | None = None
    """The member's term that it takes the place of."""
    renews: bool = False
    """A subscription is begun with it, at the listed price: no coupon, no upgrade."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a plan costs now: `listed` by the playbook, `due` after coupon and upgrade."""

    listed: Amount
    due: Amount
    replaced: Term | None = None
    credit_minor: int = 0
    """What of the replaced term's price is taken off."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An order, and the code that proves who opened it. It is shown once: only its hash is kept."""

    order: Order
    code: str


async def price_of(conn: Connection, playbook: Playbook, new: NewOrder, at: datetime) -> Price | Refusal:
    """What the order would cost now; or why its coupon is not taken. Raises OrderRefused when it cannot be ordered."""
    listed = _listed(playbook, new)
    await _refuse_for_life(conn, playbook, new, at)
    due = listed.minor
    if new.coupon:
        quoted = await quote(conn, new.coupon, new.member_id or NOBODY, new.plan, listed, at)
        if isinstance(quoted, Refusal):
            return quoted
        due -= quoted.discount_minor
    replaced = await _replaced(conn, playbook, new, listed, at) if new.upgrade_of is not None else None
    if replaced is None:
        return Price(listed, Amount(minor=due, currency=listed.currency))
    left = price_of_upgrade(due, await _worth(conn, replaced, at))
    return Price(listed, Amount(minor=left, currency=listed.currency), replaced, due - left)


async def open_order(conn: Connection, playbook: Playbook, new: NewOrder, at: datetime) -> Opened | Refusal:
    """Open an order at what it costs now; or why its coupon is not taken. The coupon is used when it is paid.

    Raises OrderRefused when it cannot be ordered, or there is nothing left to pay.
    """
    async with transaction(conn):
        price = await price_of(conn, playbook, new, at)
        if isinstance(price, Refusal):
            return price
        if not price.due.minor:
            raise OrderRefused(f"{new.plan}: nothing is left to pay; grant it (`sop access grant`)")
        if refused := await _reserve(conn, new, price.listed, at):
            return refused
        code = new_code()
        values = _values(new, price) | {
            "claim_hash": code_hash(code),
            "at": at,
            "expires_at": at + playbook.payments.order_valid,
        }
        return Opened(await _insert(conn, values), code)


async def _reserve(conn: Connection, new: NewOrder, listed: Amount, at: datetime) -> Refusal | None:
    """Keep the coupon for the new order: of so many, orders that may still be paid have theirs.

    A member, or a browser whose member is not known, has one open order with a coupon: the former one is closed.
    """
    if new.coupon is None:
        return None
    held = await hold(conn, new.coupon, new.member_id or NOBODY, new.plan, listed, at)
    if isinstance(held, Refusal):
        return held
    values = {"code": new.coupon, "member_id": new.member_id, "opened_by": new.opened_by, "at": at}
    await conn.execute(queries.close_former, values)
    row = await (await conn.execute(queries.reserved, values)).fetchone()
    assert row is not None
    first_n = held.coupon.first_n
    return Refusal.sold_out if first_n is not None and held.coupon.redeemed + row["orders"] >= first_n else None


async def find(conn: Connection, typed: str) -> Order | None:
    """The order of a number as somebody typed it."""
    number = read_number(typed)
    return await _one(conn, "by_number", number=number) if number else None


async def order_of(conn: Connection, order_id: int) -> Order | None:
    """The order of that internal number."""
    return await _one(conn, "by_id", id=order_id)


async def orders_of(conn: Connection, member_id: int, limit: int) -> list[Order]:
    """The member's newest orders."""
    rows = await (await conn.execute(queries.of_member, {"member_id": member_id, "limit": limit})).fetchall()
    return [Order(**row) for row in rows]


async def expire(conn: Connection, at: datetime) -> int:
    """Close what was not paid in time; returns how many. It is honoured all the same when it is paid later."""
    return (await conn.execute(queries.expire, {"at": at})).rowcount


async def cancel(conn: Connection, order_id: int) -> Order | None:
    """The order is not wanted any more; None: it is not open."""
    return await _one(conn, "cancel", id=order_id)


def _listed(playbook: Playbook, new: NewOrder) -> Amount:
    plan = playbook.plans.get(new.plan)
    sold = [key for key, each in playbook.plans.items() if each.on_sale and each.price]
    if plan is None or new.plan not in sold:
        raise OrderRefused(f"plan {new.plan!r:.50}: not on sale; on sale: {', '.join(sold) or 'none'}")
    if new.renews and not plan.renews_in(new.currency):
        raise OrderRefused(f"plan {new.plan}: not sold by subscription in {new.currency!r:.10}; order it once")
    price = plan.price_in(new.currency)
    if price is None:
        known = ", ".join(each.currency for each in (plan.price, *plan.prices) if each)
        raise OrderRefused(f"plan {new.plan}: not sold in {new.currency!r:.10}; it is in {known}")
    return price


async def _refuse_for_life(conn: Connection, playbook: Playbook, new: NewOrder, at: datetime) -> None:
    line = await line_of(conn, new.member_id, playbook.plans[new.plan].line) if new.member_id is not None else []
    last = last_of_coverage(line, at)
    if last and last.ends_at is None:
        raise OrderRefused(f"{named(last)} covers the member for life; there is nothing to buy")
    if new.renews and (running := renewing(line, at)):
        raise OrderRefused(f"{named(running)} is renewed by a subscription already; one is enough")


async def _replaced(conn: Connection, playbook: Playbook, new: NewOrder, listed: Amount, at: datetime) -> Term:
    """The term that an upgrade takes the place of. Raises OrderRefused."""
    terms = await terms_of(conn, new.member_id) if new.member_id is not None else []
    term = next((term for term in terms if term.id == new.upgrade_of), None)
    if term is None:
        raise OrderRefused(f"term {new.upgrade_of}: not of the member who orders; see `sop access show MEMBER`")
    assert new.member_id is not None
    later = follower(await line_of(conn, new.member_id, term.line), term)
    checks = (
        (term.line != playbook.plans[new.plan].line, f"is of the line {term.line}, {new.plan} is not"),
        (term.plan == new.plan, "is of that plan already; order it without upgrade, and it is prolonged"),
        (term.revoked_at is not None, "was revoked"),
        (term.ends_at is None, "covers the member for life"),
        (term.starts_at >= at or (term.ends_at is not None and term.ends_at <= at), "does not run now"),
        (term.renews, "is renewed by a subscription, which would go on; stop that first"),
        (later is not None, f"is followed by {named(later) if later else ''}; change that one"),
        (term.paid is not None and term.paid.currency != listed.currency, f"was not paid in {listed.currency}"),
    )
    for wrong, what in checks:
        if wrong:
            raise OrderRefused(f"{named(term)} {what}")
    return term


async def _worth(conn: Connection, term: Term, at: datetime) -> int:
    """What of the term's price is credited: by the time that is left, of what was not paid back and is not disputed."""
    if term.paid_minor is None or term.ends_at is None:
        return 0
    values = {"provider": term.source, "charge": term.granted_by}
    row = await (await conn.execute(queries.kept_of, values)).fetchone()
    kept = term.paid_minor if row is None else min(term.paid_minor, row["minor"])
    return unused(max(0, kept), term.starts_at, term.ends_at, at)


def _values(new: NewOrder, price: Price) -> dict[str, Any]:
    return {
        "member_id": new.member_id,
        "plan": new.plan,
        "amount_minor": price.due.minor,
        "currency": price.due.currency,
        "list_minor": price.listed.minor,
        "coupon_code": new.coupon,
        "variant": new.variant,
        "opened_by": new.opened_by if new.coupon and new.member_id is None else None,
        "source": new.source,
        "renews": new.renews,
        "upgrade_of": price.replaced.id if price.replaced else None,
        "upgraded_until_at": price.replaced.ends_at if price.replaced else None,
        "credit_minor": price.credit_minor,
    }


async def _insert(conn: Connection, values: dict[str, Any]) -> Order:
    while True:
        order = await _one(conn, "open", **values, number=new_number())
        if order:
            return order


async def _one(conn: Connection, query: str, **values: Any) -> Order | None:
    row = await (await conn.execute(getattr(queries, query), values)).fetchone()
    return Order(**row) if row else None
