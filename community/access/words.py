"""How terms are named in refusals and notes, which operators read."""

from datetime import UTC, datetime

from community.access.models import Term


def named(term: Term) -> str:
    """A term with its number, plan and span."""
    return f"term {term.id} ({term.plan}, {utc(term.starts_at)} to {utc(term.ends_at)})"


def utc(at: datetime | None) -> str:
    """A moment, the same for every reader."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "no end"
