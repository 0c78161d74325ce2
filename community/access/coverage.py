"""Which terms follow each other, and until when a member is covered. Pure: of one line and not revoked, unless said."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from community.access.models import Term


def runs(term: Term, at: datetime) -> bool:
    """Whether the term covers the moment; its end is no longer part of it."""
    return term.starts_at <= at and (term.ends_at is None or term.ends_at > at)


def last_of_coverage(line: Iterable[Term], at: datetime) -> Term | None:
    """The term with which the unbroken coverage around the moment ends; None: there is no coverage then."""
    last, until = None, at
    for term in sorted(line, key=lambda term: (term.starts_at, term.id)):
        if term.starts_at > until or (term.ends_at is not None and term.ends_at <= until):
            continue
        if term.ends_at is None:
            return term
        last, until = term, term.ends_at
    return last


RENEWED_LATE = timedelta(days=3)
"""So long after a period's end a subscription still counts as running: its next payment may be taken late."""


def renewing(terms: Iterable[Term], at: datetime) -> Term | None:
    """The term that a running subscription prolongs when it ends, of several the last."""
    running = [t for t in terms if t.renews and t.revoked_at is None and t.ends_at and t.ends_at + RENEWED_LATE > at]
    return max(running, key=lambda term: (term.ends_at, term.id), default=None)


class Held(NamedTuple):
    """What a member has of one line: the term that runs, or the next to come; and that with which it all ends."""

    term: Term
    last: Term


def held(terms: Iterable[Term], at: datetime) -> list[Held]:
    """What the member has or will have, line by line; of terms that may be of several, and revoked."""
    lines: dict[str, list[Term]] = {}
    for term in sorted(terms, key=lambda term: (term.starts_at, term.id)):
        if lasts(term, at):
            lines.setdefault(term.line, []).append(term)
    return [Held(line[0], last_of_coverage(line, max(at, line[0].starts_at)) or line[0]) for line in lines.values()]


def lasts(term: Term, at: datetime) -> bool:
    """Whether the term runs or is still to come."""
    return term.revoked_at is None and (term.ends_at is None or term.ends_at > at)


def ended(terms: Iterable[Term], at: datetime) -> Term | None:
    """The term that ended last, by then."""
    over_by_then = [term for term in terms if term.revoked_at is None and term.ends_at and term.ends_at <= at]
    return max(over_by_then, key=lambda term: (term.ends_at, term.id), default=None)


def follows(later: Term, term: Term) -> bool:
    """Whether the end of a term is none for the member, as a later one runs on."""
    return term.ends_at is not None and later.id != term.id and runs(later, term.ends_at)


def follower(line: Iterable[Term], term: Term) -> Term | None:
    """A term that runs on when this one ends."""
    return next((later for later in line if follows(later, term)), None)


def chain_after(line: Iterable[Term], term: Term) -> list[Term]:
    """The terms that begin when this one ends, one after the other without a gap."""
    chain, end = [], term.ends_at
    for later in sorted(line, key=lambda term: (term.starts_at, term.id)):
        if later.starts_at == end:
            chain.append(later)
            end = later.ends_at
    return chain


def overtaken(line: Sequence[Term], new: Term) -> list[Term]:
    """The terms whose end matters no more with the new one: those it follows, and the last that had ended before."""
    ended = [term for term in line if term.ends_at is not None and term.ends_at < new.starts_at]
    before = sorted(ended, key=lambda term: (term.ends_at, term.id))[-1:]
    return [*before, *(term for term in line if follows(new, term))]


def overlaps(term: Term, starts_at: datetime, ends_at: datetime | None) -> bool:
    """Whether the term and that span of time have a moment in common."""
    return (term.ends_at is None or term.ends_at > starts_at) and (ends_at is None or term.starts_at < ends_at)


def over(term: Term) -> str:
    """The milestone by which whatever is said of this end of the term is not said any more."""
    assert term.ends_at is not None
    return f"over:{term.id}:{term.ends_at.astimezone(UTC):%Y-%m-%d}"
