"""Coupons: issued by an operator, listed, withdrawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.engagement.codes import read_code
from community.engagement.discounts import columns_of, currencies
from community.engagement.models import Coupon, Redemption
from community.errors import CouponRefused
from community.playbook import Playbook
from community.playbook_types import Amount

queries = load(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCoupon:
    """A coupon as it is asked for; exactly one of percent, amount, price, opens. Without a member it is shared."""

    code: str
    offer: str
    percent: float | None = None
    amount: Amount | None = None
    price: Amount | None = None
    opens: str | None = None
    plans: tuple[str, ...] = ()
    minimum: Amount | None = None
    member_id: int | None = None
    first_n: int | None = None
    valid_from: datetime | None = None
    """None: from now on."""
    valid_until: datetime | None = None


async def issue(conn: Connection, playbook: Playbook, new: NewCoupon, at: datetime) -> Coupon:
    """Issue a coupon. Raises CouponRefused when it cannot be, or its code is taken."""
    code = _checked(playbook, new, at)
    values = {
        **columns_of(new),
        "code": code,
        "offer": new.offer,
        "plans": list(new.plans) or None,
        "member_id": new.member_id,
        "first_n": new.first_n,
        "valid_from": new.valid_from or at,
        "valid_until": new.valid_until,
        "at": at,
    }
    async with transaction(conn):
        row = await (await conn.execute(queries.issue, values)).fetchone()
    if row is None:
        raise CouponRefused(f"coupon {code}: there is one of that code; choose another, or `sop coupon show {code}`")
    return Coupon(**row)


async def withdraw(conn: Connection, code: str, at: datetime) -> bool:
    """Take a coupon out of use; what it was used for stays. False: there is none, or it was withdrawn before."""
    async with transaction(conn):
        return await (await conn.execute(queries.withdraw, {"code": code, "at": at})).fetchone() is not None


async def reschedule(conn: Connection, code: str, valid_from: datetime, valid_until: datetime) -> None:
    """What the coupon is for takes place at another time."""
    values = {"code": code, "valid_from": valid_from, "valid_until": valid_until}
    await conn.execute(queries.reschedule, values)


async def coupon_of(conn: Connection, code: str) -> Coupon | None:
    """The coupon of that code."""
    row = await (await conn.execute(queries.coupon, {"code": code})).fetchone()
    return Coupon(**row) if row else None


async def usable(conn: Connection, member_id: int, at: datetime, limit: int) -> list[Coupon]:
    """The member's own coupons that they could use now, the one that ends first at the top."""
    values = {"member_id": member_id, "at": at, "limit": limit}
    return [Coupon(**row) for row in await (await conn.execute(queries.usable, values)).fetchall()]


async def listing(
    conn: Connection, at: datetime, *, member_id: int | None, everything: bool, limit: int
) -> list[Coupon]:
    """The newest shared coupons, or a member's own; with `everything` also those that can be used no more."""
    values = {"member_id": member_id, "everything": everything, "at": at, "limit": limit}
    return [Coupon(**row) for row in await (await conn.execute(queries.listing, values)).fetchall()]


async def ledger(conn: Connection, code: str, limit: int) -> list[Redemption]:
    """The coupon's redemptions and reversals, newest first."""
    rows = await (await conn.execute(queries.ledger, {"code": code, "limit": limit})).fetchall()
    return [Redemption(**row) for row in rows]


async def given(conn: Connection, code: str) -> list[Amount]:
    """What the coupon has taken off prices, by currency."""
    rows = await (await conn.execute(queries.given, {"code": code})).fetchall()
    return [Amount(**row) for row in rows]


def _checked(playbook: Playbook, new: NewCoupon, at: datetime) -> str:
    """The code as it is stored. Raises CouponRefused."""
    code = read_code(new.code)
    if code is None:
        raise CouponRefused(f"coupon {new.code!r:.50}: a code has 3 to 32 of A-Z 0-9 _ -, a letter or digit first")
    if problems := _problems(playbook, new, at):
        raise CouponRefused(f"coupon {code}: {problems[0]}")
    return code


def _problems(playbook: Playbook, new: NewCoupon, at: datetime) -> Sequence[str]:
    given = [gift for gift in (new.percent, new.amount, new.price, new.opens) if gift is not None]
    strange = sorted({*new.plans, *([new.opens] if new.opens else [])} - playbook.plans.keys())
    known = ", ".join(sorted(playbook.plans)) or "none"
    checks = (
        (len(given) != 1, "give exactly one of percent, amount, price, opens"),
        (new.percent is not None and not 0 < new.percent <= 100, "a percentage is more than 0 and at most 100"),
        (bool(strange), f"no plan {', '.join(strange)} in the playbook; known: {known}"),
        (len(currencies(new)) > 1, f"one currency, please, not {' and '.join(sorted(currencies(new)))}"),
        (new.first_n is not None and new.first_n < 1, "there must be at least one"),
        (new.valid_until is not None and new.valid_until <= (new.valid_from or at), "it would end before it begins"),
    )
    return [problem for wrong, problem in checks if wrong]
