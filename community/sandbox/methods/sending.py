"""What all sending methods share: text and its limits, the message replied to, posting."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import check_writable, find_chat
from community.sandbox.chats import Chat
from community.sandbox.errors import bad_request
from community.sandbox.files import Media
from community.sandbox.formatting import formatted
from community.sandbox.invoices import Offer
from community.sandbox.keyboards import check_pay, read_markup
from community.sandbox.messages import Message
from community.sandbox.methods.registry import Call
from community.sandbox.params import Params
from community.sandbox.posting import post

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
JSON = dict[str, Any]


def read_text(params: Params) -> JSON:
    """`text` with its entities; at most 4,096 characters once entities are parsed."""
    text, entities = formatted(params.text("text"), params.text("parse_mode"), params.listing("entities"))
    if not text:
        raise bad_request("message text is empty")
    if len(text) > TEXT_LIMIT:
        raise bad_request("message is too long")
    return {"text": text, "entities": entities} if entities else {"text": text}


def read_caption(source: Params) -> JSON:
    """`caption` with its entities; at most 1,024 characters once entities are parsed. None gives {}."""
    given = source.listing("caption_entities")
    caption, entities = formatted(source.text("caption"), source.text("parse_mode"), given)
    if len(caption) > CAPTION_LIMIT:
        raise bad_request("message caption is too long")
    if not caption:
        return {}
    return {"caption": caption, "caption_entities": entities} if entities else {"caption": caption}


def writable_chat(call: Call) -> Chat:
    chat = find_chat(call.world, call.bot, call.params)
    check_writable(call.world, call.bot, chat)
    return chat


def send(call: Call, chat: Chat, content: JSON, media: Media | None = None, *, offer: Offer | None = None) -> Message:
    """Post for the bot, with the call's keyboard, reply and thread. An invoice has a Pay button in any case."""
    params = call.params
    if params.has("message_thread_id"):
        content["message_thread_id"] = params.integer("message_thread_id")
    if params.flag("protect_content"):
        content["has_protected_content"] = True
    markup = read_markup(params)
    check_pay(markup, invoice=offer is not None)
    if offer is not None and markup is None:
        markup = offer.pay_button()
    reply = _replied(params, chat)
    return post(call.world, chat, call.bot, content, media=media, markup=markup, reply_to=reply, offer=offer)


def _replied(params: Params, chat: Chat) -> Message | None:
    reply = Params(params.nested("reply_parameters") or {})
    message_id = reply.integer("message_id") or params.integer("reply_to_message_id")
    if not message_id:
        return None
    message = chat.message(message_id)
    optional = reply.flag("allow_sending_without_reply") or params.flag("allow_sending_without_reply")
    if message is None and not optional:
        raise bad_request("message to be replied not found")
    return message
