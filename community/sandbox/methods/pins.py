"""Pinning and unpinning."""

from __future__ import annotations

from community.sandbox.access import find_chat
from community.sandbox.chats import Chat
from community.sandbox.errors import bad_request
from community.sandbox.methods.registry import Call, method
from community.sandbox.pins import check_pinning, pin, unpin, unpin_all


@method("pinChatMessage")
def pin_chat_message(call: Call) -> bool:
    """`disable_notification` only keeps phones silent."""
    message = _chat(call).message(call.params.integer("message_id"))
    if message is None:
        raise bad_request("message to pin not found")
    if message.is_service:
        raise bad_request("service messages can't be pinned")
    pin(call.world, message, call.bot)
    return True


@method("unpinChatMessage")
def unpin_chat_message(call: Call) -> bool:
    """Without `message_id` the newest pinned one."""
    chat = _chat(call)
    wanted = call.params.integer("message_id")
    message = chat.message(wanted) if wanted else chat.pinned
    if message is None:
        raise bad_request("message to unpin not found")
    unpin(call.world, chat, message)
    return True


@method("unpinAllChatMessages")
def unpin_all_chat_messages(call: Call) -> bool:
    unpin_all(call.world, _chat(call))
    return True


def _chat(call: Call) -> Chat:
    chat = find_chat(call.world, call.bot, call.params)
    check_pinning(call.world, chat, call.bot)
    return chat
