"""What a member has: coupons of their own, a code they type or press, and their terms."""

from datetime import datetime
from typing import Any, NamedTuple

from community.access.coverage import Held, ended, held, lasts, renewing
from community.access.entry_links import give_all
from community.access.library import given_with
from community.access.models import Term
from community.access.opening import grant_for_coupon
from community.access.terms import terms_of
from community.bot.intents import named_code
from community.bot.turn import Turn
from community.database.queries import load
from community.engagement.codes import PERSONAL, read_code
from community.engagement.coupons import coupon_of, usable
from community.engagement.models import Coupon
from community.engagement.offers import give
from community.engagement.redemptions import Refusal, look
from community.errors import AccessRefused
from community.members.models import Member
from community.outbox.references import coupon_shown
from community.payments.subscriptions import stoppable
from community.playbook_offers import title_of
from community.playbook_types import Amount

queries = load(__file__)

START = "coupon_"
"""Start payload: this and the code."""
MOST_COUPONS = 8
"""Coupons that a list shows, those that end first."""


class Tongue(NamedTuple):
    """The zone and language in which a member reads."""

    zone: str
    locale: str


# Coupons.


async def list_coupons(turn: Turn, member: Member) -> None:
    """The member's own coupons that they could use now."""
    zone, locale = await tongue(turn, member)
    found = await usable(turn.conn, member.id, turn.at, MOST_COUPONS)
    shown = [coupon_shown(turn.bundle, {**c.model_dump(), "remaining": _remaining(c)}, zone, locale) for c in found]
    turn.reply(member, "bot/coupons", coupons=shown)


async def gift(turn: Turn, member: Member, offer: str | None, reason: str) -> str | None:
    """The code of a coupon by that offer of the playbook, once for each reason; None when it is of no use to them.

    Whoever holds something needs no trial, and nobody is given again what they have used.
    """
    if offer not in turn.bundle.playbook.offers or held(await terms_of(turn.conn, member.id), turn.at):
        return None
    code = await give(turn.conn, turn.bundle.playbook, offer, member.id, reason, turn.at)
    return None if isinstance(await look(turn.conn, code, member.id, turn.at), Refusal) else code


async def on_code(turn: Turn, member: Member, text: str) -> bool:
    """A typed message that is a coupon's code, or asks for one by its code; False: it is something else."""
    code = named_code(text)
    if code is None:
        code = read_code(text)
        if code is None or not (PERSONAL.fullmatch(code) or await coupon_of(turn.conn, code)):
            return False
    await _answer(turn, member, code)
    return True


async def on_coupon_button(turn: Turn, member: Member, argument: str) -> bool:
    """A button `coupon:<code>`; False: it is none of ours."""
    code = read_code(argument)
    if code is not None:
        await _answer(turn, member, code)
    return code is not None


def payload_code(payload: str) -> str | None:
    """The code in a start payload `coupon_<code>`."""
    return read_code(payload.removeprefix(START)) if payload.startswith(START) else None


async def on_coupon_start(turn: Turn, member: Member, payload: str) -> bool:
    """Start was pressed by a link to a coupon; False: it is another payload."""
    code = payload_code(payload)
    if code is not None:
        await _answer(turn, member, code)
    return code is not None


async def _answer(turn: Turn, member: Member, code: str) -> None:
    """Use a coupon that opens a plan; of another say what it gives; or why not."""
    found = await look(turn.conn, code, member.id, turn.at)
    if isinstance(found, Refusal):
        await _refuse(turn, member, code, found)
    elif found.opens is not None:
        await _open(turn, member, found, found.opens)
    else:
        await _describe(turn, member, found)


async def _describe(turn: Turn, member: Member, coupon: Coupon) -> None:
    playbook, (_, locale) = turn.bundle.playbook, await tongue(turn, member)
    plans = [playbook.plans[key] for key in coupon.plans or () if key in playbook.plans]
    minimum = coupon.minimum_minor and Amount(minor=coupon.minimum_minor, currency=coupon.currency or "")
    turn.reply(
        member,
        "bot/coupon",
        coupon=coupon.code,
        plans=[title_of(plan, playbook.community.locale, locale) for plan in plans],
        minimum=str(minimum) if minimum else None,
    )


async def _open(turn: Turn, member: Member, coupon: Coupon, key: str) -> None:
    playbook, code = turn.bundle.playbook, coupon.code
    if key not in playbook.plans:
        await _refuse(turn, member, code, Refusal.withdrawn)
        return
    try:
        opened = await grant_for_coupon(turn.conn, playbook, member.id, key, code, turn.at, source="coupon", by=code)
    except AccessRefused:  # covered for life: the coupon is kept
        await show_membership(turn, member)
        return
    if isinstance(opened, Refusal):
        await _refuse(turn, member, code, opened)
        return
    ways = await give_all(turn.conn, playbook, opened.terms, turn.at)
    starts = opened.term.starts_at if opened.term.starts_at > turn.at else None
    turn.reply(
        member,
        "bot/opened",
        plan=key,
        starts=_iso(starts),
        until=_iso(opened.term.ends_at),
        library=given_with(playbook, [term.plan for term in opened.terms]),
        **ways.shown(),
    )


async def _refuse(turn: Turn, member: Member, code: str, reason: Refusal) -> None:
    coupon = await coupon_of(turn.conn, code) if reason in (Refusal.not_yet, Refusal.over) else None
    when = None
    if coupon:
        when = coupon.valid_from_at if reason is Refusal.not_yet else coupon.valid_until_at
    turn.reply(member, "bot/coupon_refused", reason=reason, code=code, when=_iso(when))


# Terms.


async def show_membership(turn: Turn, member: Member) -> None:
    """What the member has, and until when; else what they had last."""
    _, locale = await tongue(turn, member)
    terms = await terms_of(turn.conn, member.id)
    having, last = held(terms, turn.at), ended(terms, turn.at)
    shown = [_term(turn, each, locale) for each in having]
    by_itself = {line: renewing([t for t in terms if t.line == line], turn.at) for line in {t.line for t in terms}}
    for each, about in zip(having, shown, strict=True):
        about["renews"] = by_itself[each.term.line] is not None
    turn.reply(
        member,
        "bot/membership",
        terms=shown,
        renewals=[
            {"title": _title(turn, term, locale), "term": term.id}
            for term in by_itself.values()
            if term and await stoppable(turn.conn, member.id, term.id)
        ],
        ended=_term(turn, Held(last, last), locale) if last and not having else None,
        library=given_with(turn.bundle.playbook, [term.plan for term in terms if lasts(term, turn.at)]),
    )


def _term(turn: Turn, each: Held, locale: str) -> dict[str, Any]:
    return {
        "title": _title(turn, each.term, locale),
        "starts": _iso(each.term.starts_at if each.term.starts_at > turn.at else None),
        "until": _iso(each.last.ends_at),
        "trial": each.term.trial,
        "cancelled": each.last.cancelled_at is not None,
        "renews": False,
    }


def _title(turn: Turn, term: Term, locale: str) -> str:
    """The plan's title; of a plan that the playbook has no more, its key."""
    playbook = turn.bundle.playbook
    plan = playbook.plans.get(term.plan)
    return title_of(plan, playbook.community.locale, locale) if plan else term.plan


async def tongue(turn: Turn, member: Member) -> Tongue:
    """As the messages to the member are composed: their own, else the group's, else the community's."""
    row = await (await turn.conn.execute(queries.tongue, {"id": member.id})).fetchone()
    assert row is not None
    community, groups = turn.bundle.playbook.community, turn.bundle.playbook.group_defaults
    default = (groups.locale if row["in_group"] else None) or community.locale
    return Tongue(row["zone"] or groups.zone or community.zone, row["locale"] or default)


def _remaining(coupon: Coupon) -> int | None:
    return coupon.first_n - coupon.redeemed if coupon.first_n is not None else None


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
