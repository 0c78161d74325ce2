"""Pinned messages of a chat, and which bots are told."""

from __future__ import annotations

from community.sandbox.access import check_alive, has_right, permits
from community.sandbox.accounts import Account
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import bad_request
from community.sandbox.messages import Message
from community.sandbox.posting import post
from community.sandbox.topics import in_topic, thread_of
from community.sandbox.world import World


def check_pinning(world: World, chat: Chat, account: Account) -> None:
    """A channel's pins take the right to edit its posts (Bot API, pinChatMessage)."""
    if isinstance(chat, Dialog):
        check_alive(chat)
    elif isinstance(chat, Group):
        ask, right = (has_right, "can_edit_messages") if chat.is_channel else (permits, "can_pin_messages")
        if not ask(world, chat, account, right):
            raise bad_request("not enough rights to manage pinned messages in the chat")


def pin(world: World, message: Message, actor: Account) -> None:
    """Pin a message; a service message says so, in its topic. Pinned again, nothing happens."""
    chat = message.chat
    if message.id in chat.pins:
        return
    chat.pins[message.id] = message
    world.live.chat(chat)
    said = {"pinned_message": {"message_id": message.id, "date": message.date, "chat": chat.as_json()}}
    topic = chat.topics.get(thread_of(message)) if isinstance(chat, Group) and chat.is_forum else None
    post(world, chat, actor, said | (in_topic(topic) if topic is not None else {}), about=message)


def unpin(world: World, chat: Chat, message: Message) -> None:
    """Telegram tells nobody."""
    if chat.pins.pop(message.id, None) is not None:
        world.live.chat(chat)


def unpin_all(world: World, chat: Chat) -> None:
    chat.pins.clear()
    world.live.chat(chat)
