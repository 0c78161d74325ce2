"""What a bot may learn about chats and members; leaving."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import find_chat, find_member
from community.sandbox.accounts import Bot
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import bad_request
from community.sandbox.links import primary
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
    """Telegram's ChatFullInfo. A stranger to a public chat sees what all the world sees."""
    chat = find_chat(call.world, call.bot, call.params, reading=True)
    info = chat.as_json() | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": NO_GIFTS}
    if username := info.get("username"):
        info["active_usernames"] = [username]
    if chat.pinned is not None:
        info["pinned_message"] = chat.pinned.as_json(call.bot, nested=True)
    if isinstance(chat, Dialog) and chat.user.hides_forwards:
        info["has_private_forwards"] = True
    return info | _of_group(call, chat) if isinstance(chat, Group) else info


def _of_group(call: Call, group: Group) -> JSON:
    info: JSON = {"can_send_paid_media": True} if group.is_channel else {"permissions": _permissions(group)}
    optional = {
        "description": group.description,
        "slow_mode_delay": group.slow_mode_delay,
        "join_by_request": group.join_by_request,
        "linked_chat_id": group.linked.id if group.linked else None,
    }
    info |= {key: value for key, value in optional.items() if value}
    if group.photo is not None:
        file_id, unique_id = call.bot.file_id(group.photo.unique_id), group.photo.unique_id
        info["photo"] = {f"{size}_file_id": file_id for size in ("small", "big")}
        info["photo"] |= {f"{size}_file_unique_id": unique_id for size in ("small", "big")}
    if link := primary(group.links.values(), call.bot):
        info["invite_link"] = link.url
    return info


def _permissions(group: Group) -> JSON:
    return {name: name in group.permissions for name in PERMISSIONS}


@method("getChatMember")
def get_chat_member(call: Call) -> JSON:
    """A channel shows its members only to administrators, a group hides strangers' from strangers."""
    group = _seen_inside(call, find_chat(call.world, call.bot, call.params, reading=True))
    return find_member(call.world, group, call.params).as_json(group.kind, call.bot)


def _seen_inside(call: Call, chat: Chat) -> Group:
    if not isinstance(chat, Group):
        raise bad_request("method is available only for groups, supergroups and channels")
    own = chat.member(call.bot, call.world.clock.date())
    if not own.present or (chat.is_channel and not own.is_admin):
        raise bad_request("member list is inaccessible")
    return chat


@method("getChatMemberCount")
def get_chat_member_count(call: Call) -> int:
    chat = find_chat(call.world, call.bot, call.params, reading=True)
    return len(chat.present()) if isinstance(chat, Group) else 2


@method("getChatAdministrators")
def get_chat_administrators(call: Call) -> list[JSON]:
    """Other bots are left out unless asked for, anonymous administrators stay (Bot API, getChatAdministrators)."""
    chat = find_chat(call.world, call.bot, call.params, reading=True)
    if not isinstance(chat, Group):
        raise bad_request("there are no administrators in the private chat")
    if chat.is_channel:
        _seen_inside(call, chat)
    bots = call.params.flag("return_bots")
    admins = [member for member in chat.members.values() if member.is_admin]
    named = [each for each in admins if bots or each.account is call.bot or not isinstance(each.account, Bot)]
    return [member.as_json(chat.kind, call.bot) for member in named]


@method("leaveChat")
def leave_chat(call: Call) -> bool:
    chat = find_chat(call.world, call.bot, call.params)
    if not isinstance(chat, Group):
        raise bad_request("chat member status can't be changed in private chats")
    remove(call.world, chat, call.bot, actor=call.bot, status="left")
    return True
