"""Polls that end by their date."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from community.sandbox.due.registry import Due, duty
from community.sandbox.polls import Poll
from community.sandbox.voting import close
from community.sandbox.world import World


@duty("poll ends")
def polls(world: World, after: float, until: float) -> Iterator[Due]:
    for poll in world.timed_polls.values():
        if poll.close_date is not None and after < poll.close_date <= until:
            yield Due(poll.close_date, partial(_end, world, poll))


def _end(world: World, poll: Poll) -> None:
    if not poll.closed:
        close(world, poll)
