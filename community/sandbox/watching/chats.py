"""Someone's chats: last message, time, unread count. A chat is named as its person would: a bot's or group's number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from community.sandbox.accounts import User
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import Refused
from community.sandbox.messages import Message
from community.sandbox.watching.people import person
from community.sandbox.watching.seen import seen
from community.sandbox.world import World

JSON = dict[str, Any]
COUNTED = 1_000
"""Unread messages are counted up to here."""


def key(chat: Chat) -> int:
    """What the person calls this chat: the bot's number in private, else the group's."""
    return chat.bot.id if isinstance(chat, Dialog) else chat.id


def chats(world: World, user: User, query: str, offset: int, limit: int) -> JSON:
    """Newest first; then bots not started yet. A search also finds public groups the user is not in."""
    wanted = query.strip().lower()
    found = [(latest(chat), chat) for chat in _visible(world, user, wanted)]
    found.sort(key=lambda entry: -_date(*entry))
    page = found[offset : offset + limit]
    return {"chats": [row(chat, user, last) for last, chat in page], "total": len(found)}


def _visible(world: World, user: User, wanted: str) -> Iterator[Chat]:
    for bot in world.bots.values():
        if not wanted or wanted in f"{bot.first_name} @{bot.username}".lower():
            yield bot.dialogs.get(user.id) or Dialog(bot, user, world.first_message_id)
    for group in world.groups.values():
        member = group.members.get(user.id)
        inside = member is not None and member.present and group.migrated_to is None
        public = bool(wanted and group.username)
        if (inside or public) and (not wanted or wanted in f"{group.title} @{group.username or ''}".lower()):
            yield group


def sees(chat: Chat, user: User) -> bool:
    """Whether someone may read what is said there: in private, inside, or where everybody may."""
    member = chat.members.get(user.id) if isinstance(chat, Group) else None
    return not isinstance(chat, Group) or bool(chat.username or (member is not None and member.present))


def latest(chat: Chat) -> Message | None:
    return next((message for message in reversed(chat.messages.values()) if not message.deleted), None)


def _date(last: Message | None, chat: Chat) -> float:
    refused = chat.refused[-1].date if isinstance(chat, Dialog) and chat.refused else 0
    return max(last.date if last is not None else 0, refused)


def unread(chat: Chat, user: User) -> int:
    """Others' messages above the one last read, at most `COUNTED`."""
    read = chat.read.get(user.id, 0)
    first = max(read + 1, chat.next_message_id - COUNTED, next(iter(chat.messages), chat.next_message_id))
    messages = (chat.message(number) for number in range(first, chat.next_message_id))
    return sum(1 for message in messages if message is not None and message.sender is not user)


def row(chat: Chat, user: User, last: Message | None) -> JSON:
    """One line of the list. `begun`: the bot may write, or wrote already while a join request waited."""
    open_to = sees(chat, user)
    view: JSON = {"key": key(chat), "unread": unread(chat, user) if open_to else 0}
    view["read"] = chat.read.get(user.id, 0)
    view["last"] = seen(last, user) if last is not None and open_to else None
    view["date"] = _date(last, chat)
    if isinstance(chat, Dialog):
        view |= {"kind": "private", "title": chat.bot.first_name, "username": chat.bot.username}
        view |= {"opened": chat.opened, "begun": chat.opened or last is not None, "blocked": chat.blocked}
        view["peer"] = person(chat.bot)
        view["refused"] = chat.refused[-1].as_json() if chat.refused else None
    elif isinstance(chat, Group):
        member = chat.members.get(user.id)
        view |= {"kind": chat.kind, "title": chat.title, "username": chat.username}
        view |= {"member": member.status if member else "left", "inside": bool(member and member.present)}
        view["forum"] = chat.is_forum
    return view


def find(world: World, user: User, chat_key: int) -> Chat:
    """The chat behind a key. A private chat not begun is not created by looking at it."""
    bot = world.bots.get(chat_key)
    if bot is not None:
        return bot.dialogs.get(user.id) or Dialog(bot, user, world.first_message_id)
    group = world.groups.get(chat_key)
    if group is None:
        raise Refused(f"no chat {chat_key}")
    return group


def read_up_to(chat: Chat, user: User, message_id: int) -> None:
    if message_id > chat.read.get(user.id, 0):
        chat.read[user.id] = min(message_id, chat.next_message_id - 1)
