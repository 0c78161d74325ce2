"""What a bot may learn about chats and members."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import find_chat, find_group, find_member
from community.sandbox.accounts import Bot
from community.sandbox.chats import Group
from community.sandbox.members import PERMISSIONS
from community.sandbox.membership import remove
from community.sandbox.methods.registry import Call, method

JSON = dict[str, Any]
NO_GIFTS = {
    "unlimited_gifts": False,
    "limited_gifts": False,
    "unique_gifts": False,
    "premium_subscription": False,
    "gifts_from_channels": False,
}


@method("getChat")
def get_chat(call: Call) -> JSON:
    chat = find_chat(call.world, call.bot, call.params)
    info = chat.as_json() | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": NO_GIFTS}
    if chat.pinned is not None:
        info["pinned_message"] = chat.pinned.as_json(call.bot, nested=True)
    if isinstance(chat, Group):
        info["permissions"] = dict.fromkeys(PERMISSIONS, True)
        primary = [link for link in chat.links.values() if link.is_primary and link.creator is call.bot]
        if primary and not primary[-1].is_revoked:
            info["invite_link"] = primary[-1].url
    return info


@method("getChatMember")
def get_chat_member(call: Call) -> JSON:
    group = find_group(call.world, call.bot, call.params)
    return find_member(call.world, group, call.params).as_json()


@method("getChatMemberCount")
def get_chat_member_count(call: Call) -> int:
    chat = find_chat(call.world, call.bot, call.params)
    return len(chat.present()) if isinstance(chat, Group) else 2


@method("getChatAdministrators")
def get_chat_administrators(call: Call) -> list[JSON]:
    """Other bots are left out (Bot API, getChatAdministrators)."""
    group = find_group(call.world, call.bot, call.params)
    admins = [member for member in group.members.values() if member.is_admin]
    return [m.as_json() for m in admins if m.account is call.bot or not isinstance(m.account, Bot)]


@method("leaveChat")
def leave_chat(call: Call) -> bool:
    group = find_group(call.world, call.bot, call.params)
    remove(call.world, group, call.bot, actor=call.bot, status="left")
    return True
