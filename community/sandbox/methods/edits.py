"""Editing the bot's own messages."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import check_alive, find_chat
from community.sandbox.chats import Dialog
from community.sandbox.errors import bad_request
from community.sandbox.keyboards import check_pay, read_markup
from community.sandbox.messages import Message
from community.sandbox.methods.registry import Call, method
from community.sandbox.methods.sending import read_caption, read_text
from community.sandbox.posting import edit

JSON = dict[str, Any]
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


@method("editMessageText", paced=True)
def edit_message_text(call: Call) -> JSON:
    message = _editable(call)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    return _edited(call, message, {"entities": []} | read_text(call.params))


@method("editMessageCaption", paced=True)
def edit_message_caption(call: Call) -> JSON:
    message = _editable(call)
    if message.media is None:
        raise bad_request("there is no caption in the message to edit")
    return _edited(call, message, {"caption": "", "caption_entities": []} | read_caption(call.params))


@method("editMessageReplyMarkup", paced=True)
def edit_message_reply_markup(call: Call) -> JSON:
    return _edited(call, _editable(call), {})


def _editable(call: Call) -> Message:
    if call.params.has("inline_message_id"):
        raise bad_request("MESSAGE_ID_INVALID")
    chat = find_chat(call.world, call.bot, call.params)
    if isinstance(chat, Dialog):
        check_alive(chat)
    message = chat.message(call.params.integer("message_id"))
    if message is None:
        raise bad_request("message to edit not found")
    if message.sender is not call.bot or message.is_service:
        raise bad_request("message can't be edited")
    return message


def _edited(call: Call, message: Message, changes: JSON) -> JSON:
    """The keyboard is part of the edit: without one, the message loses its own."""
    markup = read_markup(call.params)
    check_pay(markup, invoice=message.offer is not None)
    same = all(message.content.get(key, type(value)()) == value for key, value in changes.items())
    if same and markup == message.markup:
        raise bad_request(NOT_MODIFIED)
    edit(call.world, message, changes, markup)
    message.content = {key: value for key, value in message.content.items() if value not in ("", [])}
    return message.as_json(call.bot)
