"""Whom a message shows as its sender: the writer, a group for its anonymous administrators, or a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from community.sandbox.accounts import Account, Bot
from community.sandbox.chats import Chat, Group

if TYPE_CHECKING:
    from community.sandbox.messages import Message

JSON = dict[str, Any]


class SystemBot(Account):
    """An account of Telegram itself that stands for a chat."""

    __slots__ = ()
    is_bot = True


TELEGRAM = Account(777000, "Telegram")
ANONYMOUS = SystemBot(1087968824, "Group", username="GroupAnonymousBot")
CHANNEL = SystemBot(136817688, "Channel", username="Channel_Bot")
SYSTEM = {account.id: account for account in (TELEGRAM, ANONYMOUS, CHANNEL)}
"""Sent as `from` for clients that know nothing of `sender_chat` (Bot API, Message.from)."""
PLACED = ("sender_chat", "author_signature", "is_automatic_forward", "message_thread_id", "is_topic_message")
"""Fields that say where a message stands and as whom it was written."""


def signature(chat: Group, sender: Account, *, anonymous: bool) -> JSON:
    """`sender_chat` and `author_signature` of a new message, as far as the writer does not show."""
    if chat.is_channel:
        return {"sender_chat": chat.as_json()} | ({"author_signature": _name(sender)} if chat.signed else {})
    member = chat.standing(sender)
    hidden = member is not None and member.is_anonymous and member.is_admin and not isinstance(sender, Bot)
    if not anonymous and not hidden:
        return {}
    title = member.custom_title if member is not None else None
    return {"sender_chat": chat.as_json()} | ({"author_signature": title} if title else {})


def actor(chat: Group, account: Account) -> Account:
    """Who an update names as the doer: an anonymous administrator stays unknown."""
    member = chat.standing(account)
    return ANONYMOUS if member is not None and member.is_admin and member.is_anonymous else account


def shown(message: Message) -> Account | None:
    """The message's `from`; None for channel posts, which have none."""
    chat = message.content.get("sender_chat")
    if chat is None:
        return message.sender
    if message.content.get("is_automatic_forward"):
        return TELEGRAM
    if chat["id"] != message.chat.id:
        return CHANNEL
    return None if chat["type"] == "channel" else ANONYMOUS


def thread_root(chat: Chat, message: Message) -> Message | None:
    """The service message that began the topic of a message: Telegram shows it as what is replied to."""
    if not isinstance(chat, Group) or not message.content.get("is_topic_message"):
        return None
    topic = chat.topics.get(message.content["message_thread_id"])
    return topic.root if topic is not None and topic.root is not message else None


def _name(account: Account) -> str:
    return " ".join(filter(None, (account.first_name, account.last_name)))
