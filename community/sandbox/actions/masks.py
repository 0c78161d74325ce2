"""Writing as somebody else: as the group itself, or as a channel of one's own."""

from __future__ import annotations

from community.sandbox.accounts import User
from community.sandbox.actions.registry import JSON, find_group
from community.sandbox.chats import Group
from community.sandbox.errors import Refused
from community.sandbox.identity import signature
from community.sandbox.world import World


def masked(world: World, group: Group, user: User, *, anonymous: bool, as_chat: int | str | None) -> JSON:
    """`sender_chat` of a message in a group; {} for a plain one."""
    if as_chat is not None:
        return _as_channel(world, group, user, find_group(world, as_chat))
    if not anonymous:
        return {}
    if not group.member(user, world.clock.date()).is_admin:
        raise Refused(f"user {user.id} is no administrator of {group.id}: only they write anonymously")
    return signature(group, user, anonymous=True)


def _as_channel(world: World, group: Group, user: User, channel: Group) -> JSON:
    """Owners only, in supergroups only; barring one of their channels bars them all (Bot API, banChatSenderChat)."""
    if not channel.is_channel or channel.owner is not user:
        raise Refused(f"user {user.id} does not own channel {channel.id}")
    if group.kind != "supergroup":
        raise Refused(f"{group.id} is a basic group: nobody writes there as a channel")
    if any(world.groups[number].owner is user for number in group.barred):
        raise Refused("CHANNEL_BANNED: a channel of this user is banned here")
    return {"sender_chat": channel.as_json()}
