"""Pinning and unpinning messages."""

from __future__ import annotations

from community.sandbox import pins
from community.sandbox.access import find_chat
from community.sandbox.errors import bad_request
from community.sandbox.methods.registry import Call, method


@method("pinChatMessage")
def pin_chat_message(call: Call) -> bool:
    chat = find_chat(call.world, call.bot, call.params)
    pins.check_pinning(call.world, chat, call.bot)
    message = chat.message(call.params.integer("message_id"))
    if message is None:
        raise bad_request("message to pin not found")
    pins.pin(call.world, chat, call.bot, message)
    return True


@method("unpinChatMessage")
def unpin_chat_message(call: Call) -> bool:
    chat = find_chat(call.world, call.bot, call.params)
    message = chat.message(call.params.integer("message_id"))
    if message is None and call.params.has("message_id"):
        raise bad_request("message to unpin not found")
    pins.unpin(call.world, chat, call.bot, message)
    return True


@method("unpinAllChatMessages")
def unpin_all_chat_messages(call: Call) -> bool:
    pins.unpin_all(call.world, find_chat(call.world, call.bot, call.params), call.bot)
    return True
