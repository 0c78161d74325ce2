"""Sending text, showing that the bot is busy, deleting."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import find_chat
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import bad_request
from community.sandbox.messages import Message
from community.sandbox.methods.registry import Call, method
from community.sandbox.methods.sending import position, read_text, send, writable_chat
from community.sandbox.posting import delete

DELETABLE = 48 * 3600
"""Seconds during which a bot may delete what it has no right to moderate (Bot API, deleteMessage)."""
DICE_REST = 24 * 3600
"""Seconds before a dice in a private chat may be deleted."""
JSON = dict[str, Any]
ACTIONS = frozenset(
    ["typing", "choose_sticker", "pick_up_location", "find_location", "cancel"]
    + [f"{verb}_{what}" for verb in ("record", "upload") for what in ("video", "voice", "audio", "video_note")]
    + ["upload_photo", "upload_document"]
)
"""As the Bot API has them, with the older names that still work."""


@method("sendMessage", paced=True)
def send_message(call: Call) -> JSON:
    chat = writable_chat(call)
    content = read_text(call.params)
    if preview := call.params.nested("link_preview_options"):
        content["link_preview_options"] = preview
    return send(call, chat, content).as_json(call.bot)


@method("sendChatAction")
def send_chat_action(call: Call) -> bool:
    if call.params.text("action").lower() not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    position(call, writable_chat(call))
    return True


@method("deleteMessage")
def delete_message(call: Call) -> bool:
    chat = find_chat(call.world, call.bot, call.params)
    message = chat.message(call.params.integer("message_id"))
    if message is None:
        raise bad_request("message to delete not found")
    if not _deletable(call, chat, message):
        raise bad_request("message can't be deleted")
    delete(call.world, message)
    return True


@method("deleteMessages")
def delete_messages(call: Call) -> bool:
    """Those not found are skipped (Bot API, deleteMessages)."""
    chat = find_chat(call.world, call.bot, call.params)
    ids = call.params.listing("message_ids")
    if not ids or not all(type(message_id) is int for message_id in ids):
        raise bad_request("message identifiers are not specified")
    if len(ids) > 100:
        raise bad_request("too many message identifiers specified")
    messages = [message for message_id in ids if (message := chat.message(message_id))]
    if not all(_deletable(call, chat, message) for message in messages):
        raise bad_request("message can't be deleted")
    for message in messages:
        delete(call.world, message)
    return True


def _deletable(call: Call, chat: Chat, message: Message) -> bool:
    """The message that a topic began with goes with the topic only."""
    date = call.world.clock.date()
    if "forum_topic_created" in message.content:
        return False
    if isinstance(chat, Group) and chat.member(call.bot, date).may("can_delete_messages"):
        return True
    if isinstance(chat, Dialog) and "dice" in message.content and date - message.date < DICE_REST:
        return False
    own = message.sender is call.bot or isinstance(chat, Dialog)
    return own and date - message.date < DELETABLE
