"""Bans and restrictions that end by their date. Bots are told nothing of it: nobody did anything."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from community.sandbox.accounts import Account
from community.sandbox.chats import Group
from community.sandbox.due.registry import Due, duty
from community.sandbox.world import World


@duty("restriction ends")
def restrictions(world: World, after: float, until: float) -> Iterator[Due]:
    for group in world.groups.values():
        for member in group.members.values():
            if member.until and after < member.until <= until and member.status in ("kicked", "restricted"):
                yield Due(member.until, partial(_release, world, group, member.account))


def _release(world: World, group: Group, account: Account) -> None:
    """Looking at the standing releases it."""
    group.member(account, world.clock.date())
    world.live.chat(group)
