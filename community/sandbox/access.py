"""Which chat a bot means, whether it may write there, and what it may do to others."""

from __future__ import annotations

import math
from dataclasses import replace

from community.sandbox.accounts import Account, Bot, User
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import bad_request, forbidden, too_many
from community.sandbox.identity import SYSTEM
from community.sandbox.members import SENDING, Member
from community.sandbox.messages import Message
from community.sandbox.params import Params
from community.sandbox.world import World


def find_chat(world: World, bot: Bot, params: Params, name: str = "chat_id", *, reading: bool = False) -> Chat:
    """The chat of a parameter, as far as this bot can know it. Raises Telegram's 400 or 403.

    A public chat may be read (`reading`) by a bot that is not in it.
    """
    value = params.text(name).strip()
    if not value:
        raise bad_request(f"{name} is empty")
    if value.startswith("@"):
        group = world.group_named(value)
        if group is None:
            raise bad_request("chat not found")
        return reachable(world, bot, group, reading=reading)
    return _chat_numbered(world, bot, params.integer(name), reading)


def _chat_numbered(world: World, bot: Bot, chat_id: int, reading: bool) -> Chat:
    user = world.users.get(chat_id)
    if user is not None:
        return world.dialog(bot, user)
    if chat_id in world.bots:
        raise forbidden("bot can't send messages to bots")
    group = world.groups.get(chat_id)
    if group is None:
        raise bad_request("chat not found")
    return reachable(world, bot, group, reading=reading)


def reachable(world: World, bot: Bot, group: Group, *, reading: bool = False) -> Group:
    """The group, if the bot is in it, or if it is public and only to be read."""
    if group.migrated_to is not None:
        moved = "group chat was upgraded to a supergroup chat"
        raise bad_request(moved, migrate_to_chat_id=group.migrated_to)
    own = group.standing(bot)
    if reading and group.username and (own is None or own.status != "kicked"):
        return group
    if own is None and not group.username:
        raise bad_request("chat not found")
    if own is not None and own.status == "kicked":
        raise forbidden(f"bot was kicked from the {group.kind} chat")
    if own is None or not own.present:
        raise forbidden(f"bot is not a member of the {group.kind} chat")
    return group


def find_group(world: World, bot: Bot, params: Params) -> Group:
    chat = find_chat(world, bot, params)
    if not isinstance(chat, Group):
        raise bad_request("method is available only for groups and supergroups")
    return chat


def check_writable(world: World, bot: Bot, chat: Chat, kind: str = "text") -> None:
    """Raise Telegram's 403 or 400 unless the bot may send a message of this kind there now."""
    if isinstance(chat, Dialog):
        check_alive(chat)
        if not chat.opened and not invited_to_write(world, bot, chat.user):
            raise forbidden("bot can't initiate conversation with a user")
    elif isinstance(chat, Group):
        check_kind(world, bot, chat, kind)


def check_kind(world: World, writer: Account, group: Group, kind: str, thread: int | None = None) -> None:
    """Raise unless someone, bot or user, may send a message of this kind there, by right or by permission.

    Who is in a linked channel may comment on its posts (`thread`) without being in the group.
    """
    member = group.member(writer, world.clock.date())
    if group.is_channel:
        if not member.may("can_post_messages"):
            raise bad_request("need administrator rights in the channel chat")
        return
    if member.status == "left" and thread is not None and _comments(world, group, writer, thread):
        member = replace(member, status="member")
    permission, things = SENDING[kind]
    if not group.allows(member, permission):
        raise bad_request(f"not enough rights to send {things} to the chat")


def _comments(world: World, group: Group, writer: Account, thread: int) -> bool:
    root = group.message(thread)
    there = root is not None and bool(root.content.get("is_automatic_forward"))
    return there and group.linked is not None and group.linked.member(writer, world.clock.date()).present


def may_edit(world: World, message: Message, account: Account) -> bool:
    """One's own message; in a channel anybody's, with the right to."""
    chat = message.chat
    channel = isinstance(chat, Group) and chat.is_channel and has_right(world, chat, account, "can_edit_messages")
    return (message.sender is account or channel) and not message.is_service and "forward_origin" not in message.content


def check_pace(world: World, writer: Account, chat: Chat) -> None:
    """Slow mode: raise 429 when a member wrote too short a time ago."""
    if not isinstance(chat, Group) or not chat.slow_mode_delay:
        return
    wait = chat.spoke.get(writer.id, -math.inf) + chat.slow_mode_delay - world.clock.now()
    if wait > 0 and not chat.member(writer, world.clock.date()).is_admin:
        raise too_many(math.ceil(wait))


def check_alive(dialog: Dialog) -> None:
    if dialog.user.deactivated:
        raise forbidden("user is deactivated")
    if dialog.blocked:
        raise forbidden("bot was blocked by the user")


def invited_to_write(world: World, bot: Bot, user: User) -> bool:
    """A request to join, still pending, that lets bots write, in a group this bot administers."""
    for request in user.requests.values():
        own = world.groups[request.chat_id].standing(bot)
        if own is not None and own.may("can_invite_users") and world.clock.now() <= request.writable_until:
            return True
    return False


def has_right(world: World, group: Group, account: Account, right: str) -> bool:
    """As owner, or as an administrator with this right."""
    return group.member(account, world.clock.date()).may(right)


def check_right(world: World, account: Account, group: Group, right: str, what: str) -> None:
    if not has_right(world, group, account, right):
        raise bad_request(f"not enough rights to {what}")


def permits(world: World, group: Group, account: Account, permission: str) -> bool:
    """By right, or because the group lets its ordinary members."""
    return group.allows(group.member(account, world.clock.date()), permission)


def check_permission(world: World, account: Account, group: Group, permission: str, what: str) -> None:
    if not permits(world, group, account, permission):
        raise bad_request(f"not enough rights to {what}")


def find_member(world: World, group: Group, params: Params) -> Member:
    """How the account of `user_id` stands in the group; strangers stand as left."""
    if not params.has("user_id"):
        raise bad_request("invalid user_id specified")
    number = params.integer("user_id")
    account = world.account(number) or SYSTEM.get(number)
    if account is None:
        raise bad_request("PARTICIPANT_ID_INVALID")
    return group.member(account, world.clock.date())
