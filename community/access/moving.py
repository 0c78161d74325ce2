"""A term moves to another account of whoever holds it: granted there for the same time, revoked here."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from community.access.coverage import follower, last_of_coverage, over, overlaps, overtaken
from community.access.grant import Span, bought
from community.access.models import Term
from community.access.put_off import put_off
from community.access.terms import cancel, line_of, renew_by_itself, revoke
from community.access.words import named
from community.activity.record import reach
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.engagement.redemptions import move_of_term
from community.errors import AccessRefused

queries = load(__file__)

MOMENT = timedelta(microseconds=1)


class Moved(NamedTuple):
    """A term as it was, and what the other account has for it."""

    old: Term
    new: Term


async def move(
    conn: Connection, terms: Sequence[Term], member_id: int, at: datetime, *, by: str, note: str
) -> list[Moved]:
    """Move terms of one member to another, with the coupons that were used for them. Under both members' turns.

    Each ends there when it would have ended here. Where the other account is covered already, what is left of it
    follows that. Raises AccessRefused when it is covered for life.
    """
    found = sorted(terms, key=lambda term: (term.starts_at, term.id))
    async with transaction(conn):
        moved = [Moved(term, await _grant(conn, term, member_id, at, by=by, note=note)) for term in found]
        for old, new in moved:
            await move_of_term(conn, old.id, new.id, member_id, at)
        for old, _ in reversed(moved):  # the last first: those that follow one that is revoked would move up
            await revoke(conn, old.id, at, by=by, note=f"moved to member {member_id}: {note}")
    return moved


def span_of(term: Term, line: Sequence[Term], at: datetime) -> Span | None:
    """When the term runs for a member who holds `line`; None: they are covered for life."""
    is_over = term.ends_at is not None and term.ends_at <= at
    if is_over or not any(overlaps(other, term.starts_at, term.ends_at) for other in line):
        return Span(term.starts_at, term.ends_at, term.counted_from_at)
    left_from = max(at, term.starts_at)
    last = last_of_coverage(line, left_from)
    if last and last.ends_at is None:
        return None
    start = last.ends_at if last and last.ends_at else left_from
    return Span(start, start + (term.ends_at - left_from) if term.ends_at else None, start)


def worth(term: Term, span: Span) -> int | None:
    """What of the term's price is for the time that moves."""
    if term.paid_minor is None or term.ends_at is None or span.ends_at is None:
        return term.paid_minor
    whole, part = term.ends_at - term.starts_at, span.ends_at - span.starts_at
    return term.paid_minor * (part // MOMENT) // (whole // MOMENT)


async def _grant(conn: Connection, term: Term, member_id: int, at: datetime, *, by: str, note: str) -> Term:
    line = await line_of(conn, member_id, term.line)
    span = span_of(term, line, at)
    if span is None:
        last = last_of_coverage(line, max(at, term.starts_at))
        raise AccessRefused(
            f"{named(last) if last else ''} covers member {member_id} for life; there is nothing to add"
        )
    values = {
        **term.model_dump(include={"plan", "line", "trial", "source", "currency"}),
        **span._asdict(),
        "member_id": member_id,
        "at": at,
        "by": term.granted_by,
        "note": f"{by}: moved from member {term.member_id}: {note}",
        "paid_minor": worth(term, span),
    }
    row = await (await conn.execute(queries.add, values)).fetchone()
    assert row is not None
    new = Term(**row)
    await reach(conn, member_id, [*map(over, overtaken(line, new)), *([] if new.trial else [bought(new.plan)])], at)
    await put_off(conn, [member_id])
    if term.renews:
        new = await renew_by_itself(conn, new.id, at, by=by)
    if term.cancelled_at is None or follower(line, new):
        return new
    return await cancel(conn, new.id, at, by=by, note="as it was before it was moved")
