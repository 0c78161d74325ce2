"""Letting time pass: everything that falls due happens in order, each at its own moment.

Nothing is put on a list beforehand. A duty looks at the world for what is due between two moments, so that a world
that was saved and loaded needs no more than its own plain state.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from itertools import count
from typing import NamedTuple

from community.sandbox.world import World

BATCH = 10_000


class Due(NamedTuple):
    """Something due at `moment` (sandbox seconds). `act` does it if it is still to be done.

    It returns the moment from which on it made something new fall due, if it did (a renewal: the next one).
    """

    moment: float
    act: Callable[[], float | None]


Duty = Callable[[World, float, float], Iterable[Due]]
DUTIES: dict[str, Duty] = {}


def duty(name: str) -> Callable[[Duty], Duty]:
    """Register a function of the world and two moments: it finds what is due after the first, up to the second."""

    def register(found: Duty) -> Duty:
        DUTIES[name] = found
        return found

    return register


def catch_up(world: World, most: int = BATCH) -> bool:
    """Let all happen that fell due up to the sandbox's present, in order; whether some is left after about `most`.

    A clock set back makes nothing happen, and nothing undone.
    """
    now = world.clock.now()
    if now <= world.caught_up:
        world.caught_up = now
        return False
    waiting, done = _gathered(world, now), 0
    again = float("inf")
    while waiting:
        moment, _, name, act = waiting[0]
        if moment > again:
            waiting, again = _gathered(world, now), float("inf")
            continue
        if done >= most and moment > world.caught_up:
            return True
        heapq.heappop(waiting)
        world.caught_up = max(world.caught_up, moment)
        again = min(again, _happen(world, moment, name, act) or again)
        done += 1
        if not waiting and again <= now:
            waiting, again = _gathered(world, now), float("inf")
    world.caught_up = now
    return False


_Waiting = tuple[float, int, str, Callable[[], float | None]]


def _gathered(world: World, until: float) -> list[_Waiting]:
    numbers = count()
    waiting = [
        (due.moment, next(numbers), name, due.act)
        for name, found in DUTIES.items()
        for due in found(world, world.caught_up, until)
    ]
    heapq.heapify(waiting)
    return waiting


def _happen(world: World, moment: float, name: str, act: Callable[[], float | None]) -> float | None:
    with world.clock.at(moment), world.journal.due(moment, name):
        return act()
