"""Granting: a term of a plan, which begins where the member's coverage ends."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg.errors import ForeignKeyViolation

from community.access.calendar import anchor_of, end_of
from community.access.coverage import last_of_coverage, over, overlaps, overtaken
from community.access.models import Term
from community.access.put_off import put_off
from community.access.terms import line_of, take_turns
from community.access.words import named, utc
from community.activity.record import Activity, reach, record
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.errors import AccessRefused, UnknownMember
from community.playbook import Playbook
from community.playbook_offers import TermPlan
from community.playbook_types import Amount

queries = load(__file__)

GIVEN = frozenset({"staff", "coupon", "list"})
"""Sources of terms that were not bought, unless something was paid; every other is a payment."""


class Span(NamedTuple):
    """When a term runs, and from where its months are counted."""

    starts_at: datetime
    ends_at: datetime | None
    counted_from_at: datetime


async def grant(
    conn: Connection,
    playbook: Playbook,
    member_id: int,
    plan: str,
    at: datetime,
    *,
    source: str,
    by: str,
    note: str = "",
    paid: Amount | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    included: bool = False,
) -> Term:
    """Give the member a term of the plan. It begins where their coverage of its line ends, else now.

    `included`: it comes with another plan, and is no purchase of its own.

    Whoever is covered for life keeps that: nothing is added to it. Raises AccessRefused for an unknown plan, and for a
    span asked for that cannot be or overlaps another term of the line.
    """
    kind = plan_of(playbook, plan)
    wanted = {"source": source, "by": by, "note": note} | _columns(paid)
    async with transaction(conn):
        await take_turns(conn, member_id)
        line = await line_of(conn, member_id, kind.line)
        last = last_of_coverage(line, at)
        if last and last.ends_at is None and starts_at is None and ends_at is None:
            term = last
        else:
            span = _span(kind, line, at, starts_at, ends_at, playbook.community.zone)
            term = await _add(conn, wanted | {"member_id": member_id, "plan": plan, "at": at}, kind, span)
            await reach(conn, member_id, map(over, overtaken(line, term)), at)
            await put_off(conn, [member_id])
        if is_bought(kind, source, paid):
            if not included:
                await record(conn, [purchase(term, plan, at)])
            await reach(conn, member_id, [bought(plan)], at)
    return term


async def grant_included(
    conn: Connection, playbook: Playbook, member_id: int, plan: str, at: datetime, *, source: str, by: str
) -> list[Term]:
    """Give what comes with the plan; nothing of what the member has for life."""
    terms = []
    async with transaction(conn):
        await take_turns(conn, member_id)
        for other in plan_of(playbook, plan).includes:
            last = last_of_coverage(await line_of(conn, member_id, plan_of(playbook, other).line), at)
            if last is None or last.ends_at is not None:
                given = await grant(conn, playbook, member_id, other, at, source=source, by=by, included=True)
                terms.append(given)
    return terms


def plan_of(playbook: Playbook, plan: str) -> TermPlan:
    """The plan of that key. Raises AccessRefused naming the known ones."""
    if plan not in playbook.plans:
        known = ", ".join(sorted(playbook.plans)) or "none"
        raise AccessRefused(f"plan {plan!r:.50}: not in the playbook; known: {known}")
    return playbook.plans[plan]


def is_bought(plan: TermPlan, source: str, paid: Amount | None) -> bool:
    """Whether a term counts as a purchase: never a trial, and nothing that was given."""
    return not plan.trial and (source not in GIVEN or bool(paid and paid.minor))


def purchase(term: Term, plan: str, at: datetime) -> Activity:
    """The event of a purchase."""
    return Activity("purchase", at, term.member_id, None, {"plan": plan, "term": term.id})


def bought(plan: str) -> str:
    """The milestone of whoever has bought the plan."""
    return f"purchase:{plan}"


def _columns(paid: Amount | None) -> dict[str, Any]:
    return {"paid_minor": paid.minor if paid else None, "currency": paid.currency if paid else None}


def _span(
    plan: TermPlan,
    line: list[Term],
    at: datetime,
    starts_at: datetime | None,
    ends_at: datetime | None,
    zone: str,
) -> Span:
    """When a term is to run. Raises AccessRefused."""
    start = starts_at or _after(last_of_coverage(line, at), at)
    former = next((term for term in line if term.ends_at == start), None)
    anchor = anchor_of(start, former.counted_from_at, zone) if former else start
    end = ends_at or _end(plan, start, anchor, zone)
    if end is not None and end <= start:
        raise AccessRefused(f"it would begin {utc(start)} and end {utc(end)}; give a later end")
    if starts_at and (other := next((term for term in line if overlaps(term, start, end)), None)):
        raise AccessRefused(f"it would overlap {named(other)}; without a beginning it follows that")
    return Span(start, end, anchor)


def _after(last: Term | None, at: datetime) -> datetime:
    if last is None:
        return at
    if last.ends_at is None:
        raise AccessRefused(f"{named(last)} covers the member for life; `sop access end` it first")
    return last.ends_at


def _end(plan: TermPlan, start: datetime, anchor: datetime, zone: str) -> datetime | None:
    try:
        return end_of(start, anchor, plan.length, zone)
    except (ValueError, OverflowError):
        raise AccessRefused(f"it would begin {utc(start)} and end after the year 9999; say until when") from None


async def _add(conn: Connection, wanted: dict[str, Any], plan: TermPlan, span: Span) -> Term:
    values = wanted | span._asdict() | {"line": plan.line, "trial": plan.trial}
    try:
        row = await (await conn.execute(queries.add, values)).fetchone()
    except ForeignKeyViolation:
        raise UnknownMember(f"member {wanted['member_id']}: erased meanwhile") from None
    assert row is not None
    return Term(**row)
