"""The ladder of a live session: which of its stage's steps comes when. Pure.

The audience (`outreach/audiences/live_conversion.sql`) names members by the same rules; a test compares the two.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from community.live.models import Live
from community.playbook_stages import Step

STAGE = "live_conversion"
OFFERS = ("end", "half", "close")
"""Moments of the window, in their order: steps at these sell, and end with the offer."""
CLOSE, RESULT = "close", "result"
"""Rungs that send members nothing: what waits is dropped; staff are told the result."""
RESULT_AFTER = timedelta(hours=1)
"""From the close to the result, so that payments on their way are counted."""


class Rung(NamedTuple):
    """A step of the ladder, and its moment."""

    name: str
    at: datetime


class _Frame(NamedTuple):
    """A moment of the session, and between which two a step at it makes sense: [first, until)."""

    at: datetime
    first: datetime
    until: datetime


class _Placed(NamedTuple):
    rung: Rung
    place: int
    """Of its moment in the window; -1 before."""


def occurrence(live_id: int, version: int) -> str:
    """The reason to write, in the outbox: each move is another."""
    return f"{live_id}:{version}"


def rungs(steps: Iterable[Step], live: Live) -> list[Rung]:
    """The session's rungs in order of time: its stage's steps, then `close` and `result`.

    A step has no rung where it would make no sense: a reminder a day before when it was announced an hour before, a
    last call before the window has opened, half-time after the last call.
    """
    placed = list(_placed(steps, live))
    kept = [one.rung for one in placed if not _overtaken(one, placed)]
    if live.cancelled_at is None:
        kept += [Rung(CLOSE, live.window_until_at), Rung(RESULT, live.window_until_at + RESULT_AFTER)]
    return sorted(kept, key=lambda rung: rung.at)


def _placed(steps: Iterable[Step], live: Live) -> Iterator[_Placed]:
    for step in steps:
        after = step.after or timedelta()
        frame = _frame(step.moment or "", live, before=after < timedelta())
        if frame and frame.first <= frame.at + after < frame.until:
            place = OFFERS.index(step.moment) if step.moment in OFFERS else -1
            yield _Placed(Rung(step.name, frame.at + after), place)


def _frame(moment: str, live: Live, *, before: bool) -> _Frame | None:
    if live.cancelled_at is not None:
        return _Frame(live.cancelled_at, live.cancelled_at, live.ends_at) if moment == "cancelled" else None
    opened, closed = live.ends_at, live.window_until_at
    match moment:
        case "announce":
            return _Frame(live.announce_at, live.announce_at, live.starts_at)
        case "start" if before:
            return _Frame(live.starts_at, live.moved_at or live.created_at, live.starts_at)
        case "start":
            return _Frame(live.starts_at, live.starts_at, live.ends_at)
        case "end":
            return _Frame(opened, opened, closed)
        case "half":
            return _Frame(opened + (closed - opened) / 2, opened, closed)
        case "close":
            return _Frame(closed, opened, closed)
        case "moved" if live.moved_at is not None:
            return _Frame(live.moved_at, live.moved_at, live.starts_at)
    return None


def _overtaken(one: _Placed, placed: Iterable[_Placed]) -> bool:
    """Whether a rung of a later moment comes no later: a short window has no room for this one."""
    return any(other.place > one.place >= 0 and other.rung.at <= one.rung.at for other in placed)
