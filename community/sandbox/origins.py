"""Where a message first came from, and what a forward or a copy takes along."""

from __future__ import annotations

from typing import Any

from community.sandbox.accounts import User
from community.sandbox.messages import SAID, Message

JSON = dict[str, Any]
TAKEN = (
    SAID
    | {"entities", "caption", "caption_entities", "link_preview_options", "has_media_spoiler"}
    | ({"show_caption_above_media"})
)
"""Fields of a message's content that belong to what it says, not to where it stands."""


def origin(message: Message) -> JSON:
    """Telegram's MessageOrigin; a forward of a forward names the first. People may hide their account."""
    first: JSON | None = message.content.get("forward_origin")
    if first is not None:
        return first
    sender, chat = message.sender, message.content.get("sender_chat")
    if chat is not None:
        return _of_chat(message, chat)
    if isinstance(sender, User) and sender.hides_forwards:
        name = f"{sender.first_name} {sender.last_name or ''}".strip()
        return {"type": "hidden_user", "date": message.date, "sender_user_name": name}
    return {"type": "user", "date": message.date, "sender_user": sender.as_json()}


def _of_chat(message: Message, chat: JSON) -> JSON:
    signed = {key: message.content[key] for key in ("author_signature",) if key in message.content}
    if chat.get("type") == "channel" and chat.get("id") == message.chat.id:
        return {"type": "channel", "date": message.date, "chat": chat, "message_id": message.id} | signed
    return {"type": "chat", "date": message.date, "sender_chat": chat} | signed


def taken(message: Message) -> JSON:
    return {key: value for key, value in message.content.items() if key in TAKEN}


def kind_of(message: Message) -> str:
    """What the message counts as among permissions to send."""
    if message.media is not None:
        return message.media.kind
    return next((kind for kind in ("poll", "dice", "venue", "location", "contact") if kind in message.content), "text")
