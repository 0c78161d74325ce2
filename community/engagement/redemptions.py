"""Using a coupon: what it takes off, or why not; the ledger, with its counter-entries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.engagement.discounts import Kind, discount
from community.engagement.models import Coupon, Redemption
from community.outbox.settle import cancel_offers
from community.playbook_types import Amount

queries = load(__file__)


class Refusal(StrEnum):
    """Why a coupon is not taken; the first that applies."""

    unknown = "unknown"
    """There is no such code."""
    withdrawn = "withdrawn"
    """It was taken out of use."""
    someone_elses = "someone_elses"
    """It is another member's own."""
    used = "used"
    """The member has used it: each member may once."""
    not_yet = "not_yet"
    """Its window has not opened."""
    over = "over"
    """Its window has closed."""
    sold_out = "sold_out"
    """There were only so many, and all are used."""
    other_plan = "other_plan"
    """It is for other plans, or for prices in another currency."""
    below_minimum = "below_minimum"
    """The price is less than it asks for."""
    had_already = "had_already"
    """It opens what a member may have once, and they have had it."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a coupon would take off a price. A plan without a price costs nothing, in no currency."""

    coupon: Coupon
    plan: str
    price_minor: int
    discount_minor: int
    currency: str | None

    @property
    def due(self) -> Amount | None:
        """What is left to pay; None: there is no price."""
        return Amount(minor=self.price_minor - self.discount_minor, currency=self.currency) if self.currency else None


async def look(conn: Connection, code: str, member_id: int, at: datetime) -> Coupon | Refusal:
    """The coupon, if the member could use it now, for whatever it is for."""
    row = await (await conn.execute(queries.coupon, {"code": code})).fetchone()
    return await _judged(conn, Coupon(**row) if row else None, member_id, at)


async def quote(
    conn: Connection, code: str, member_id: int, plan: str, price: Amount | None, at: datetime
) -> Quote | Refusal:
    """What the coupon would take off the plan's price for the member now."""
    found = await look(conn, code, member_id, at)
    return found if isinstance(found, Refusal) else _priced(found, plan, price)


async def hold(
    conn: Connection, code: str, member_id: int, plan: str, price: Amount | None, at: datetime
) -> Quote | Refusal:
    """As `quote`, and nobody else can use the coupon until the caller's transaction ends."""
    row = await (await conn.execute(queries.held_coupon, {"code": code})).fetchone()
    found = await _judged(conn, Coupon(**row) if row else None, member_id, at)
    return found if isinstance(found, Refusal) else _priced(found, plan, price)


async def redeem(
    conn: Connection,
    code: str,
    member_id: int,
    plan: str,
    price: Amount | None,
    at: datetime,
    *,
    term_id: int | None = None,
) -> Redemption | Refusal:
    """Use the coupon for the plan at that price: one line of the ledger, and one less of so many.

    With the last one goes what still waits to offer it.
    """
    async with transaction(conn):
        held = await hold(conn, code, member_id, plan, price, at)
        if isinstance(held, Refusal):
            return held
        values = {
            "code": code,
            "member_id": member_id,
            "plan": plan,
            "price_minor": held.price_minor,
            "discount_minor": held.discount_minor,
            "currency": held.currency,
            "at": at,
            "term_id": term_id,
        }
        row = await (await conn.execute(queries.redeem, values)).fetchone()
        if held.coupon.redeemed + 1 == held.coupon.first_n:
            await cancel_offers(conn, code)
    assert row is not None
    return Redemption(**row)


async def reverse(conn: Connection, redemption_id: int, at: datetime) -> bool:
    """Take a redemption back by a counter-entry: the coupon can be used again. False: it was taken back before."""
    async with transaction(conn):
        return await (await conn.execute(queries.reverse, {"id": redemption_id, "at": at})).fetchone() is not None


async def reverse_of_term(conn: Connection, term_id: int, at: datetime) -> int:
    """Take back whatever was used for the term. Returns how many."""
    async with transaction(conn):
        rows = await (await conn.execute(queries.redemptions_of_term, {"term_id": term_id})).fetchall()
        return sum([await reverse(conn, row["id"], at) for row in rows])


async def move_of_term(conn: Connection, term_id: int, new_term_id: int, member_id: int, at: datetime) -> None:
    """What was used for a term counts for the one that another account of the same person has for it.

    As many are left of the coupon as before.
    """
    async with transaction(conn):
        rows = await (await conn.execute(queries.redemptions_of_term, {"term_id": term_id})).fetchall()
        for row in rows:
            if await reverse(conn, row["id"], at):
                values = {"id": row["id"], "term_id": new_term_id, "member_id": member_id, "at": at}
                await conn.execute(queries.redeem_for, values)


async def _judged(conn: Connection, coupon: Coupon | None, member_id: int, at: datetime) -> Coupon | Refusal:
    if coupon is None:
        return Refusal.unknown
    values = {"code": coupon.code, "member_id": member_id}
    used = await (await conn.execute(queries.has_used, values)).fetchone() is not None
    return refusal_of(coupon, member_id, at, used=used) or coupon


def refusal_of(coupon: Coupon, member_id: int, at: datetime, *, used: bool) -> Refusal | None:
    """Why the member may not use the coupon now, whatever for; the window closes to the second."""
    until = coupon.valid_until_at
    checks = (
        (coupon.withdrawn_at is not None, Refusal.withdrawn),
        (coupon.member_id not in (None, member_id), Refusal.someone_elses),
        (used, Refusal.used),
        (at < coupon.valid_from_at, Refusal.not_yet),
        (until is not None and at >= until, Refusal.over),
        (coupon.first_n is not None and coupon.redeemed >= coupon.first_n, Refusal.sold_out),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def _priced(coupon: Coupon, plan: str, price: Amount | None) -> Quote | Refusal:
    kind, minor = Kind(coupon.kind), price.minor if price else 0
    currency = price.currency if price else None
    if coupon.opens is not None:
        if plan != coupon.opens:
            return Refusal.other_plan
    elif price is None or plan not in (coupon.plans or [plan]) or coupon.currency not in (None, currency):
        return Refusal.other_plan
    elif minor < (coupon.minimum_minor or 0):
        return Refusal.below_minimum
    return Quote(coupon, plan, minor, discount(kind, coupon.value, minor), currency)
