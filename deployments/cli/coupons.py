"""`sop coupon`: add, list, show, withdraw."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from community.database.installation import sop_now
from community.engagement import coupons
from community.engagement.codes import read_code
from community.engagement.coupons import NewCoupon
from community.engagement.discounts import Kind
from community.engagement.models import Coupon, Redemption
from community.errors import CouponRefused
from community.playbook_types import Amount
from deployments.cli.output import console, local, print_table
from deployments.cli.session import Session, money, session
from tasks.words import count


@dataclass(frozen=True, slots=True)
class Asked:
    """What `sop coupon add` was asked for, as typed."""

    code: str
    percent: float | None
    amount: str | None
    price: str | None
    opens: str | None
    plans: str | None
    minimum: str | None
    first: int | None
    member: str | None
    begin: str | None
    until: str | None
    offer: str


def add(asked: Asked) -> None:
    """Issue a coupon and print it. Raises CouponRefused when it cannot be."""
    asyncio.run(_add(asked))


def show_list(member: str | None, everything: bool, limit: int) -> None:
    """Print the shared coupons, or a member's own."""
    asyncio.run(_list(member, everything, limit))


def show(code: str, limit: int) -> None:
    """Print a coupon and its ledger. Raises CouponRefused when there is none."""
    asyncio.run(_show(stored_code(code), limit))


def withdraw(code: str) -> None:
    """Take a coupon out of use. Raises CouponRefused when there is none."""
    asyncio.run(_withdraw(stored_code(code)))


def stored_code(text: str) -> str:
    """A code as it is stored. Raises CouponRefused for what is none."""
    code = read_code(text)
    if code is None:
        raise CouponRefused(f"coupon {text!r:.50}: no such coupon; `sop coupon list` has those for everyone")
    return code


def gives(coupon: Coupon) -> str:
    """What a coupon gives, in words."""
    match Kind(coupon.kind):
        case Kind.percent:
            what = f"{coupon.value / 100:g} % off"
        case Kind.amount:
            what = f"{_amount(coupon, coupon.value)} off"
        case Kind.price:
            what = f"for {_amount(coupon, coupon.value)}"
        case Kind.opens:
            what = f"opens {coupon.opens}"
    limits = [
        f"only {', '.join(coupon.plans)}" if coupon.plans else "",
        f"from {_amount(coupon, coupon.minimum_minor)}" if coupon.minimum_minor else "",
    ]
    return "; ".join([what, *filter(None, limits)])


async def _add(asked: Asked) -> None:
    async with session() as s:
        playbook, at = (await s.bundle()).playbook, await sop_now(s.conn)
        new = await _new(s, asked, playbook.community.zone)
        coupon = await coupons.issue(s.conn, playbook, new, at)
    _print_coupons("Issued", [coupon], at, playbook.community.zone)


async def _new(s: Session, asked: Asked, zone: str) -> NewCoupon:
    return NewCoupon(
        code=asked.code,
        offer=asked.offer,
        percent=asked.percent,
        amount=money(asked.amount, "--amount"),
        price=money(asked.price, "--price"),
        opens=asked.opens,
        plans=tuple(plan.strip() for plan in asked.plans.split(",")) if asked.plans else (),
        minimum=money(asked.minimum, "--minimum"),
        member_id=(await s.member(asked.member)).id if asked.member else None,
        first_n=asked.first,
        valid_from=await s.moment(asked.begin, zone, "--from") if asked.begin else None,
        valid_until=await s.moment(asked.until, zone, "--until") if asked.until else None,
    )


async def _list(name: str | None, everything: bool, limit: int) -> None:
    async with session() as s:
        zone, at = (await s.bundle()).playbook.community.zone, await sop_now(s.conn)
        member_id = (await s.member(name)).id if name else None
        found = await coupons.listing(s.conn, at, member_id=member_id, everything=everything, limit=limit)
    whose = f"Coupons of member {member_id}" if member_id else "Coupons for everyone"
    if not found:
        print(f"{whose}: none{'' if everything else '; --all lists those that can be used no more'}.")
    _print_coupons(f"{whose} ({zone})", found, at, zone)


async def _show(code: str, limit: int) -> None:
    async with session() as s:
        zone, at = (await s.bundle()).playbook.community.zone, await sop_now(s.conn)
        coupon = await coupons.coupon_of(s.conn, code)
        if coupon is None:
            raise CouponRefused(f"coupon {code}: no such coupon; `sop coupon list` has those for everyone")
        off, lines = await coupons.given(s.conn, code), await coupons.ledger(s.conn, code, limit)
    _print_coupons(f"Coupon ({zone})", [coupon], at, zone)
    taken = ", ".join(map(str, off)) or "nothing"
    print(f"\nUsed {count(coupon.redeemed, 'time')}; taken off prices in all: {taken}.")
    _print_ledger(lines, zone)


async def _withdraw(code: str) -> None:
    async with session() as s:
        if await coupons.withdraw(s.conn, code, await sop_now(s.conn)):
            print(f"{code} is withdrawn: nobody can use it any more. What it was used for stays.")
        elif await coupons.coupon_of(s.conn, code):
            print(f"{code} was withdrawn before.")
        else:
            raise CouponRefused(f"coupon {code}: no such coupon; `sop coupon list` has those for everyone")


def _print_coupons(title: str, found: Iterable[Coupon], at: datetime, zone: str) -> None:
    rows = [
        (
            coupon.code,
            gives(coupon),
            local(coupon.valid_from_at, zone),
            local(coupon.valid_until_at, zone),
            coupon.redeemed,
            coupon.first_n - coupon.redeemed if coupon.first_n else None,
            coupon.member_id,
            coupon.offer,
            state(coupon, at),
        )
        for coupon in found
    ]
    head = ("code", "gives", "from", "until", "used", "left", "member", "offer", "state")
    print_table(console(), title, head, rows)


def _print_ledger(lines: Iterable[Redemption], zone: str) -> None:
    rows = [
        (
            line.id,
            local(line.at, zone),
            line.member_id,
            line.plan,
            Amount(minor=line.discount_minor, currency=line.currency) if line.currency else None,
            line.term_id,
            f"takes back {line.reverses}" if line.reverses else None,
        )
        for line in lines
    ]
    print_table(console(), f"Ledger ({zone})", ("line", "at", "member", "plan", "off", "term", ""), rows)


def state(coupon: Coupon, at: datetime) -> str:
    """How a coupon stands at a moment, in words."""
    if coupon.withdrawn_at is not None:
        return "withdrawn"
    if coupon.valid_until_at is not None and coupon.valid_until_at <= at:
        return "over"
    if coupon.first_n is not None and coupon.redeemed >= coupon.first_n:
        return "sold out"
    return "not yet" if coupon.valid_from_at > at else "open"


def _amount(coupon: Coupon, minor: int) -> str:
    return str(Amount(minor=minor, currency=coupon.currency or ""))
