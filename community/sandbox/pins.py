"""Pinned messages of a chat, and which bots are told."""

from __future__ import annotations

from community.sandbox.accounts import Account
from community.sandbox.chats import Chat
from community.sandbox.messages import Message
from community.sandbox.posting import post
from community.sandbox.world import World


def pin(world: World, message: Message, actor: Account) -> None:
    """Pin a message; a service message says so. Pinned again, nothing happens."""
    chat = message.chat
    if message.id in chat.pins:
        return
    chat.pins[message.id] = message
    world.live.chat(chat)
    said = {"pinned_message": {"message_id": message.id, "date": message.date, "chat": chat.as_json()}}
    post(world, chat, actor, said, about=message)


def unpin(world: World, chat: Chat, message: Message) -> None:
    """Telegram tells nobody."""
    if chat.pins.pop(message.id, None) is not None:
        world.live.chat(chat)


def unpin_all(world: World, chat: Chat) -> None:
    chat.pins.clear()
    world.live.chat(chat)
