"""Which chat a bot means, whether it may write there, and what it may do to others."""

from __future__ import annotations

from community.sandbox.accounts import Bot, User
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import bad_request, forbidden
from community.sandbox.members import SENDING, Member
from community.sandbox.params import Params
from community.sandbox.world import World

REQUEST_WINDOW = 300
"""Seconds a pending join request lets the bot write privately (Bot API, ChatJoinRequest.user_chat_id)."""


def find_chat(world: World, bot: Bot, params: Params, name: str = "chat_id") -> Chat:
    """The chat of a parameter, as far as this bot can know it. Raises Telegram's 400 or 403."""
    value = params.text(name).strip()
    if not value:
        raise bad_request(f"{name} is empty")
    if value.startswith("@"):
        group = world.group_named(value)
        if group is None:
            raise bad_request("chat not found")
        return reachable(world, bot, group)
    return _chat_numbered(world, bot, params.integer(name))


def _chat_numbered(world: World, bot: Bot, chat_id: int) -> Chat:
    user = world.users.get(chat_id)
    if user is not None:
        return world.dialog(bot, user)
    if chat_id in world.bots:
        raise forbidden("bot can't send messages to bots")
    group = world.groups.get(chat_id)
    if group is None:
        raise bad_request("chat not found")
    return reachable(world, bot, group)


def reachable(world: World, bot: Bot, group: Group) -> Group:
    """The group, if the bot is in it."""
    if group.migrated_to is not None:
        moved = "group chat was upgraded to a supergroup chat"
        raise bad_request(moved, migrate_to_chat_id=group.migrated_to)
    own = group.standing(bot)
    if own is None:
        raise bad_request("chat not found")
    if own.status == "kicked":
        raise forbidden(f"bot was kicked from the {group.kind} chat")
    if not own.present:
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
        permission, what = SENDING[kind]
        if not chat.member(bot, world.clock.date()).may_send(permission):
            raise bad_request(f"not enough rights to send {what} to the chat")


def check_alive(dialog: Dialog) -> None:
    if dialog.user.deactivated:
        raise forbidden("user is deactivated")
    if dialog.blocked:
        raise forbidden("bot was blocked by the user")


def invited_to_write(world: World, bot: Bot, user: User) -> bool:
    """A request to join, still pending and at most five minutes old, in a group this bot administers."""
    for request in user.requests.values():
        own = world.groups[request.chat_id].standing(bot)
        if own is not None and own.may("can_invite_users") and world.clock.now() - request.date <= REQUEST_WINDOW:
            return True
    return False


def check_right(world: World, bot: Bot, group: Group, right: str, what: str) -> None:
    if not group.member(bot, world.clock.date()).may(right):
        raise bad_request(f"not enough rights to {what}")


def find_member(world: World, group: Group, params: Params) -> Member:
    """How the account of `user_id` stands in the group; strangers stand as left."""
    if not params.has("user_id"):
        raise bad_request("invalid user_id specified")
    account = world.account(params.integer("user_id"))
    if account is None:
        raise bad_request("PARTICIPANT_ID_INVALID")
    return group.member(account, world.clock.date())
