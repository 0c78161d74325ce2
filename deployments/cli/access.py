"""`sop access`: grant, show, end, cancel, revoke."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from community.access import terms
from community.access.coverage import runs
from community.access.grant import grant as grant_term, grant_included
from community.access.models import Term
from community.access.opening import grant_for_coupon
from community.access.ways import close_ways, send_ways
from community.database.installation import sop_now
from community.database.pool import Connection, transaction
from community.engagement.coupons import usable
from community.engagement.redemptions import Refusal
from community.errors import AccessRefused, CouponRefused
from community.members.models import Member
from community.playbook import Playbook
from community.playbook_types import Amount
from deployments.cli.coupons import gives, stored_code
from deployments.cli.member import name_of
from deployments.cli.output import console, local, print_table
from deployments.cli.session import Session, money, operator, session
from tasks.words import REFUSALS, count

COUPONS = 20
"""Most of a member's own coupons that are listed with their terms."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What `sop access grant` was asked for, as typed."""

    member: str
    plan: str
    note: str
    begin: str | None
    until: str | None
    coupon: str | None
    paid: str | None


class Held(NamedTuple):
    """What was granted, and what a coupon had to do with it."""

    term: Term
    said: str | None = None
    included: Sequence[Term] = ()


def grant(asked: Grant) -> None:
    """Grant a term and print it. Raises AccessRefused or CouponRefused, in words."""
    asyncio.run(_grant(asked))


def show(member: str) -> None:
    """Print a member's terms, and the coupons of their own."""
    asyncio.run(_show(member))


def end(term: int, moment: str, note: str) -> None:
    """Correct when a term ends, and print it."""
    asyncio.run(_end(term, moment, note))


def cancel(term: int, note: str) -> None:
    """Let a term run out unreminded, and print it."""
    asyncio.run(_change(term, lambda conn, at: terms.cancel(conn, term, at, by=operator(), note=note)))


def revoke(term: int, note: str) -> None:
    """End a term at once, and print it."""
    asyncio.run(_change(term, lambda conn, at: terms.revoke(conn, term, at, by=operator(), note=note)))


async def _grant(asked: Grant) -> None:
    paid = money(asked.paid, "--paid")
    if asked.coupon and (asked.begin or asked.until):
        raise AccessRefused("--coupon: its term begins now, or follows; leave --from and --until out")
    async with session() as s:
        bundle, member, at = await s.bundle(), await s.member(asked.member), await sop_now(s.conn)
        playbook = bundle.playbook
        before = {term.id for term in await terms.terms_of(s.conn, member.id)}
        held = await (_for_coupon if asked.coupon else _granted)(s, playbook, member, asked, paid, at)
        cause, bot_id = f"term:{held.term.id}", s.settings.bot_id
        plans = [held.term.plan, *[term.plan for term in held.included]]
        sent = sum([await send_ways(s.conn, bundle, member.id, key, at, bot_id=bot_id, cause=cause) for key in plans])
    if held.said:
        print(held.said)
    if held.term.id in before:
        print(f"Member {member.id} is covered for life by term {held.term.id}: nothing was added.")
    else:
        _print_term(held.term, member, playbook)
    for term in held.included:
        _print_term(term, member, playbook)
    if sent:
        print(f"{count(sent, 'way')} in: sent to them, or as soon as the link is made.")


async def _granted(
    s: Session, playbook: Playbook, member: Member, asked: Grant, paid: Amount | None, at: datetime
) -> Held:
    zone = playbook.community.zone
    term = await grant_term(
        s.conn,
        playbook,
        member.id,
        asked.plan,
        at,
        source="staff",
        by=operator(),
        note=asked.note,
        paid=paid,
        starts_at=await s.moment(asked.begin, zone, "--from") if asked.begin else None,
        ends_at=await s.moment(asked.until, zone, "--until") if asked.until else None,
    )
    if asked.begin or asked.until or not _is_new(term, at):
        return Held(term)
    given = {"source": "staff", "by": operator()}
    return Held(term, included=await grant_included(s.conn, playbook, member.id, asked.plan, at, **given))


def _is_new(term: Term, at: datetime) -> bool:
    return term.changed_at == at


async def _for_coupon(
    s: Session, playbook: Playbook, member: Member, asked: Grant, paid: Amount | None, at: datetime
) -> Held:
    code = stored_code(asked.coupon or "")
    opened = await grant_for_coupon(
        s.conn, playbook, member.id, asked.plan, code, at, source="staff", by=operator(), note=asked.note, paid=paid
    )
    if isinstance(opened, Refusal):
        raise CouponRefused(f"coupon {code}: {REFUSALS[opened]}; nothing was granted")
    line = opened.redemption
    if line.currency is None:
        return Held(opened.term, f"{code} is used.", opened.included)
    off, of = (Amount(minor=minor, currency=line.currency) for minor in (line.discount_minor, line.price_minor))
    left = Amount(minor=of.minor - off.minor, currency=line.currency)
    return Held(opened.term, f"{code} is used: {off} off {of} leaves {left} to pay.", opened.included)


async def _show(name: str) -> None:
    async with session() as s:
        zone, member, at = (await s.bundle()).playbook.community.zone, await s.member(name), await sop_now(s.conn)
        held, own = await terms.terms_of(s.conn, member.id), await usable(s.conn, member.id, at, COUPONS)
    if not held:
        print(f"Member {member.id} ({name_of(member)}) holds nothing, and never did.")
    _print_terms(f"Terms of member {member.id}, {name_of(member)} ({zone})", held, at, zone)
    rows = [(coupon.code, gives(coupon), local(coupon.valid_until_at, zone), coupon.offer) for coupon in own]
    print_table(console(), f"Coupons they could use now ({zone})", ("code", "gives", "until", "offer"), rows)


async def _end(term: int, moment: str, note: str) -> None:
    async with session() as s:
        zone = (await s.bundle()).playbook.community.zone
        ends_at = None if moment.strip().lower() == "never" else await s.moment(moment, zone, "MOMENT")
    await _change(term, lambda conn, at: terms.set_end(conn, term, ends_at, at, by=operator(), note=note))


async def _change(term: int, change: Callable[[Connection, datetime], Awaitable[Term]]) -> None:
    async with session() as s:
        playbook, at = (await s.bundle()).playbook, await sop_now(s.conn)
        async with transaction(s.conn):
            changed = await change(s.conn, at)
            await close_ways(s.conn, playbook, at, member_id=changed.member_id)
    zone = playbook.community.zone
    _print_terms(f"Term {term} of member {changed.member_id} ({zone})", [changed], at, zone)


def _print_term(term: Term, member: Member, playbook: Playbook) -> None:
    zone = playbook.community.zone
    until = f"to {local(term.ends_at, zone)}" if term.ends_at else "for life"
    print(f"Member {member.id} holds {term.plan} from {local(term.starts_at, zone)} {until} ({zone}): term {term.id}.")


def _print_terms(title: str, held: Iterable[Term], at: datetime, zone: str) -> None:
    rows = [
        (
            term.id,
            term.plan,
            local(term.starts_at, zone),
            local(term.ends_at, zone) or "for life",
            state(term, at, zone),
            term.source,
            term.granted_by,
            term.paid,
            " · ".join(term.note.splitlines()) or None,
        )
        for term in held
    ]
    print_table(console(), title, ("term", "plan", "from", "until", "state", "source", "by", "paid", "note"), rows)


def state(term: Term, at: datetime, zone: str) -> str:
    """How a term stands at a moment, in words."""
    if term.revoked_at is not None:
        return f"revoked {local(term.revoked_at, zone)}"
    if term.ends_at is not None and term.ends_at <= at:
        return "ended"
    stands = "running" if runs(term, at) else "to come"
    return f"{stands}, cancelled" if term.cancelled_at is not None else stands
