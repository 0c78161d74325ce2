"""Terms of a member: what they hold, and until when. Corrected, cancelled, revoked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from community.access.coverage import chain_after, follower, follows, last_of_coverage, over, overlaps
from community.access.models import Term
from community.access.put_off import put_off
from community.access.words import named, utc
from community.activity.record import reach
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.engagement.redemptions import reverse_of_term
from community.errors import AccessRefused
from community.outbox.settle import count_anew

queries = load(__file__)


async def terms_of(conn: Connection, member_id: int) -> list[Term]:
    """All terms of the member, revoked ones too, in the order in which they begin."""
    return [Term(**row) for row in await (await conn.execute(queries.terms_of, {"member_id": member_id})).fetchall()]


async def term_of(conn: Connection, term_id: int) -> Term | None:
    """The term of that number, whoever's it is."""
    row = await (await conn.execute(queries.term, {"id": term_id})).fetchone()
    return Term(**row) if row else None


async def line_of(conn: Connection, member_id: int, line: str) -> list[Term]:
    """The member's terms of the line that are not revoked, in the order in which they begin."""
    return [term for term in await terms_of(conn, member_id) if term.line == line and term.revoked_at is None]


async def current(conn: Connection, member_id: int, line: str, at: datetime) -> Term | None:
    """The member's term of the line that runs at the moment; of several the one that ends last."""
    values = {"member_id": member_id, "line": line, "at": at}
    row = await (await conn.execute(queries.current, values)).fetchone()
    return Term(**row) if row else None


async def take_turns(conn: Connection, member_id: int) -> None:
    """Wait for whoever changes the member's terms; until the transaction ends nobody else does.

    Whoever also holds a coupon takes this first.
    """
    await conn.execute(queries.take_turns, {"member_id": member_id})


async def set_end(
    conn: Connection, term_id: int, ends_at: datetime | None, at: datetime, *, by: str, note: str
) -> Term:
    """Correct when a term ends; None: never.

    Raises AccessRefused when there is no such term, it was revoked, or another is in the way.
    """
    async with transaction(conn):
        term, line = await _held(conn, term_id)
        if term.ends_at == ends_at:
            return term
        _check_end(term, line, ends_at)
        changed = await _change(
            conn, "set_end", term, at, by, f"{utc(term.ends_at)} → {utc(ends_at)}", note, ends_at=ends_at
        )
        await _reach_over(conn, term, at, unless=changed)
        await _matter_again(conn, changed, at)
        await put_off(conn, [term.member_id])
    return changed


async def cancel(conn: Connection, term_id: int, at: datetime, *, by: str, note: str = "") -> Term:
    """The member does not go on: the term runs to its end, and nobody reminds them.

    Raises AccessRefused when there is no such term, it was revoked, or another follows it.
    """
    async with transaction(conn):
        term, line = await _held(conn, term_id)
        if term.cancelled_at is not None:
            return term
        _check_last(term, line)
        changed = await _change(conn, "cancel", term, at, by, "cancelled", note)
        await _reach_over(conn, term, at)
    return changed


async def renew_by_itself(conn: Connection, term_id: int, at: datetime, *, by: str) -> Term:
    """A subscription prolongs the term: nobody is reminded of its end, until it is said to stop.

    Raises AccessRefused when there is no such term, or it was revoked.
    """
    async with transaction(conn):
        term, _ = await _held(conn, term_id)
        if term.renews and term.cancelled_at is None:
            return term
        changed = await _change(conn, "renew", term, at, by, "renews by itself", "")
        await _reach_over(conn, term, at)
    return changed


async def stop_renewing(conn: Connection, term_id: int, at: datetime, *, by: str, note: str) -> Term:
    """No subscription prolongs the term any more: its end is one as of any term, and is reminded of from now on.

    Raises AccessRefused when there is no such term, or it was revoked.
    """
    async with transaction(conn):
        term, line = await _held(conn, term_id)
        if not term.renews:
            return term
        changed = await _change(conn, "stop_renewing", term, at, by, "does not renew any more", note)
        if _matters(changed, line, at):
            await _matter_again(conn, changed, at)
    return changed


async def revoke(conn: Connection, term_id: int, at: datetime, *, by: str, note: str) -> Term:
    """End a term at once, for a refund or a mistake; a coupon used for it can be used again.

    Terms that follow it move up, as long as they are. Raises AccessRefused when there is no such term.
    """
    async with transaction(conn):
        term, line = await _held(conn, term_id, revoked=True)
        if term.revoked_at is not None:
            return term
        changed = await _change(conn, "revoke", term, at, by, "revoked", note)
        await _reach_over(conn, term, at)
        await reverse_of_term(conn, term_id, at)
        await _move_up(conn, term, [each for each in line if each.id != term_id], at)
        others = await line_of(conn, term.member_id, term.line)
        uncovered = [each.id for each in others if follows(term, each) and _matters(each, others, at)]
        for row in await (await conn.execute(queries.matter_again, {"ids": uncovered, "at": at})).fetchall():
            await _matter_again(conn, Term(**row), at)
        await put_off(conn, [term.member_id])
    return changed


async def _move_up(conn: Connection, gone: Term, others: Sequence[Term], at: datetime) -> None:
    """Let what followed a term begin as soon as nothing else covers the member."""
    freed_at = max(at, gone.starts_at)
    last = last_of_coverage(others, freed_at)
    begins_at = last.ends_at if last else freed_at
    if begins_at is None or gone.ends_at is None or gone.ends_at <= begins_at:
        return
    later = {term.id: term for term in chain_after(others, gone)}
    entry = f"{utc(at)}: moved up, as term {gone.id} was revoked"
    values = {"ids": list(later), "by": gone.ends_at - begins_at, "at": at, "entry": entry}
    for row in await (await conn.execute(queries.move_up, values)).fetchall():
        moved = Term(**row)
        await _reach_over(conn, later[moved.id], at, unless=moved)
        await _matter_again(conn, moved, at)


async def _held(conn: Connection, term_id: int, *, revoked: bool = False) -> tuple[Term, list[Term]]:
    """The term and all of its line, for this transaction alone. Raises AccessRefused when there is no such term."""
    term = await _term(conn, term_id)
    await take_turns(conn, term.member_id)
    term = await _term(conn, term_id)
    if term.revoked_at is not None and not revoked:
        raise AccessRefused(f"term {term_id}: it was revoked {utc(term.revoked_at)}; grant another")
    return term, await line_of(conn, term.member_id, term.line)


async def _term(conn: Connection, term_id: int) -> Term:
    term = await term_of(conn, term_id)
    if term is None:
        raise AccessRefused(f"term {term_id}: there is none; `sop access show MEMBER` lists a member's")
    return term


def _check_end(term: Term, line: Sequence[Term], ends_at: datetime | None) -> None:
    _check_last(term, line)
    if ends_at is not None and ends_at <= term.starts_at:
        raise AccessRefused(f"term {term.id}: it begins {utc(term.starts_at)}; end it after that, or revoke it")
    for other in line:
        if other.id != term.id and overlaps(other, term.starts_at, ends_at):
            raise AccessRefused(f"term {term.id}: it would overlap {named(other)}; change that one")


def _check_last(term: Term, line: Sequence[Term]) -> None:
    if later := follower(line, term):
        raise AccessRefused(f"term {term.id}: {named(later)} follows it; change that one")


def _matters(term: Term, line: Sequence[Term], at: datetime) -> bool:
    """Whether the term's end is still to come, and is one for the member."""
    return term.ends_at is not None and term.ends_at > at and follower(line, term) is None


async def _reach_over(conn: Connection, term: Term, at: datetime, *, unless: Term | None = None) -> None:
    """Of this end of the term nothing more is said; unless it is the same to what is said now."""
    same = unless and unless.ends_at and term.ends_at and over(unless) == over(term)
    if term.ends_at is not None and not same:
        await reach(conn, term.member_id, [over(term)], at)


async def _matter_again(conn: Connection, term: Term, at: datetime) -> None:
    """What was to be said of this end, before another took its place, is said again, with the time that it has now."""
    if term.ends_at is not None:
        await count_anew(conn, term.member_id, over(term), at, {"ends_at": term.ends_at.isoformat()})


async def _change(
    conn: Connection, query: str, term: Term, at: datetime, by: str, what: str, note: str, **values: Any
) -> Term:
    """Change the term, and say in its note who did it, when and why."""
    entry = f"{utc(at)} {by}: {what}" + (f": {note}" if note else "")
    found = await conn.execute(getattr(queries, query), {"id": term.id, "at": at, "entry": entry, **values})
    row = await found.fetchone()
    assert row is not None
    return Term(**row)
