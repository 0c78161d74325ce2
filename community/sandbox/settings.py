"""A chat's title, description, photo and the permissions of its ordinary members: changed by bots and by people."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import check_permission, check_right
from community.sandbox.accounts import Account
from community.sandbox.chats import Chat, Group
from community.sandbox.errors import Refused, bad_request
from community.sandbox.files import StoredFile
from community.sandbox.members import ALL_PERMISSIONS, MEDIA, PERMISSIONS
from community.sandbox.params import Params
from community.sandbox.posting import post
from community.sandbox.topics import open_forum
from community.sandbox.world import World

JSON = dict[str, Any]
TITLE_LIMIT = 128
DESCRIPTION_LIMIT = 255


def group_of(chat: Chat, what: str) -> Group:
    """Private chats have none of this; `what` is what Telegram's refusal names."""
    if not isinstance(chat, Group):
        raise bad_request(f"can't change private chat {what}")
    return chat


def set_title(world: World, chat: Chat, account: Account, title: str) -> None:
    group = group_of(chat, "title")
    title = " ".join(title.split())[:TITLE_LIMIT]
    if not title:
        raise bad_request("title must be non-empty")
    check_permission(world, account, group, "can_change_info", "change chat title")
    if title == group.title:
        return
    group.title = title
    post(world, group, account, {"new_chat_title": title})
    world.live.chat(group)


def set_description(world: World, chat: Chat, account: Account, description: str) -> None:
    group = group_of(chat, "description")
    check_permission(world, account, group, "can_change_info", "set chat description")
    description = description.strip()[:DESCRIPTION_LIMIT]
    if description == (group.description or ""):
        raise bad_request("chat description is not modified")
    group.description = description or None
    world.live.chat(group)


def set_photo(world: World, chat: Chat, account: Account, photo: StoredFile | None) -> None:
    """None takes it away."""
    group = group_of(chat, "photo")
    check_permission(world, account, group, "can_change_info", "change chat photo")
    if photo is None and group.photo is None:
        raise bad_request("CHAT_NOT_MODIFIED")
    group.photo = photo
    content: JSON = {"new_chat_photo": []} if photo is not None else {"delete_chat_photo": True}
    post(world, group, account, content, about=photo)
    world.live.chat(group)


def set_permissions(world: World, chat: Chat, account: Account, permissions: frozenset[str]) -> None:
    """They bind everybody who is no administrator, bots too."""
    group = group_of(chat, "permissions")
    if group.is_channel:
        raise bad_request("can't change channel chat permissions")
    check_right(world, account, group, "can_restrict_members", "change chat permissions")
    group.permissions = permissions
    world.live.chat(group)


def set_slow_mode(world: World, group: Group, account: Account, seconds: int) -> None:
    """Seconds between two messages of one member; 0 ends it. Only people set it."""
    check_right(world, account, group, "can_restrict_members", "change slow mode")
    group.slow_mode_delay = seconds
    group.spoke.clear()
    world.live.chat(group)


def read_permissions(params: Params) -> frozenset[str]:
    """`permissions` of a call: what is left out follows from others (Bot API, ChatPermissions, setChatPermissions)."""
    given = params.nested("permissions")
    if given is None:
        raise bad_request("can't parse chat permissions: object expected")
    wanted = {name for name in PERMISSIONS if Params(given).flag(name)}
    if not params.flag("use_independent_chat_permissions"):
        if {"can_send_other_messages", "can_add_web_page_previews"} & wanted:
            wanted |= {"can_send_messages", *MEDIA}
        if "can_send_polls" in wanted:
            wanted.add("can_send_messages")
    followers = {"can_react_to_messages": "can_send_messages", "can_edit_tag": "can_pin_messages"}
    followers["can_manage_topics"] = "can_pin_messages"
    wanted |= {name for name, leader in followers.items() if name not in given and leader in wanted}
    return frozenset(wanted) & ALL_PERMISSIONS


def check_username(world: World, group: Group | None, username: str | None) -> None:
    """A username leads to one chat or account only."""
    if not username:
        return
    wanted = username.lower()
    taken = any((other.username or "").lower() == wanted for other in world.groups.values() if other is not group)
    if taken or any((account.username or "").lower() == wanted for account in world.accounts()):
        raise Refused(f"username {username} is taken")


def set_forum(world: World, group: Group, forum: bool) -> None:
    """Topics are for supergroups only. Turned off, their messages stay."""
    if group.kind != "supergroup":
        raise Refused(f"a {group.kind} has no topics: only supergroups do")
    if forum:
        open_forum(world, group)
    group.is_forum = forum
    world.live.chat(group)


def link(world: World, chat: Group, other: Group | None) -> None:
    """Join a channel and its discussion group, or part them (None)."""
    if other is not None and {chat.kind, other.kind} != {"channel", "supergroup"}:
        raise Refused("a channel is linked with a supergroup, and a supergroup with a channel")
    for side in (chat, other):
        if side is not None and side.linked is not None:
            side.linked.linked = None
            side.linked = None
    if other is not None:
        chat.linked, other.linked = other, chat
        world.live.chat(other)
    world.live.chat(chat)
