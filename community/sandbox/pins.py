"""Pinning messages and taking pins back, for bots and for people."""

from __future__ import annotations

from community.sandbox.access import check_alive, has_right, permits
from community.sandbox.accounts import Account
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import bad_request
from community.sandbox.messages import Message
from community.sandbox.posting import post
from community.sandbox.topics import in_topic, thread_of
from community.sandbox.world import World

PINNING = "can_pin_messages"


def check_pinning(world: World, chat: Chat, account: Account) -> None:
    """A channel's pins take the right to edit its posts (Bot API, pinChatMessage)."""
    if isinstance(chat, Dialog):
        check_alive(chat)
    elif isinstance(chat, Group):
        channel = chat.is_channel
        may = (
            has_right(world, chat, account, "can_edit_messages") if channel else permits(world, chat, account, PINNING)
        )
        if not may:
            raise bad_request("not enough rights to manage pinned messages in the chat")


def pin(world: World, chat: Chat, account: Account, message: Message) -> None:
    """Pinning again puts it last; a service message tells of it, in the message's own topic."""
    check_pinning(world, chat, account)
    if message.is_service:
        raise bad_request("service message can't be pinned")
    chat.pins = [each for each in chat.pins if each is not message] + [message]
    world.live.chat(chat)
    content = {"pinned_message": {"message_id": message.id, "date": message.date, "chat": chat.as_json()}}
    if isinstance(chat, Group) and chat.is_forum and (topic := chat.topics.get(thread_of(message))):
        content |= in_topic(topic)
    post(world, chat, account, content, about=message)


def unpin(world: World, chat: Chat, account: Account, message: Message | None = None) -> None:
    """The newest pinned message, unless one is named."""
    check_pinning(world, chat, account)
    gone = message or chat.pinned
    if gone is None or gone not in chat.pins:
        raise bad_request("message to unpin not found")
    chat.pins = [each for each in chat.pins if each is not gone]
    world.live.chat(chat)


def unpin_all(world: World, chat: Chat, account: Account) -> None:
    check_pinning(world, chat, account)
    chat.pins = []
    world.live.chat(chat)
