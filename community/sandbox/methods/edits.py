"""Editing the bot's own messages."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import check_alive, find_chat, may_edit
from community.sandbox.chats import Dialog
from community.sandbox.errors import bad_request
from community.sandbox.files import Media
from community.sandbox.keyboards import read_markup
from community.sandbox.messages import Message
from community.sandbox.methods.media import input_media
from community.sandbox.methods.places import read_location
from community.sandbox.methods.registry import Call, method
from community.sandbox.methods.sending import read_caption, read_text
from community.sandbox.posting import edit

JSON = dict[str, Any]
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
TEXTS = ("text", "entities", "link_preview_options")
CAPTIONS = ("caption", "caption_entities", "show_caption_above_media")
CAPTIONED = ("photo", "video", "animation", "audio", "document", "voice")
CHANGEABLE = ("photo", "video", "animation", "audio", "document")
ALBUMS = {"photo": ("photo", "video"), "video": ("photo", "video")}
"""What a photo or video of an album may be replaced by; documents and audio only by their like."""


@method("editMessageText", paced=True)
def edit_message_text(call: Call) -> JSON:
    message = _editable(call)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    new = read_text(call.params)
    if preview := call.params.nested("link_preview_options"):
        new["link_preview_options"] = preview
    return _edited(call, message, _without(message, TEXTS) | new, message.media)


@method("editMessageCaption", paced=True)
def edit_message_caption(call: Call) -> JSON:
    message = _editable(call)
    if message.media is None or message.media.kind not in CAPTIONED:
        raise bad_request("there is no caption in the message to edit")
    new = read_caption(call.params)
    if call.params.flag("show_caption_above_media"):
        new["show_caption_above_media"] = True
    return _edited(call, message, _without(message, CAPTIONS) | new, message.media)


@method("editMessageMedia", paced=True)
def edit_message_media(call: Call) -> JSON:
    message = _editable(call)
    if "text" not in message.content and (message.media is None or message.media.kind not in CHANGEABLE):
        raise bad_request("message media can't be edited")
    item = call.params.nested("media")
    if item is None:
        raise bad_request("can't parse input media JSON object")
    caption, media = input_media(call, item)
    if "media_group_id" in message.content and message.media is not None:
        _check_album(message.media.kind, media.kind)
    kept = _without(message, (*TEXTS, *CAPTIONS, "has_media_spoiler"))
    return _edited(call, message, kept | caption, media)


def _check_album(old: str, new: str) -> None:
    if new not in ALBUMS.get(old, (old,)):
        raise bad_request("can't use the media of the specified type in the album")


@method("editMessageReplyMarkup", paced=True)
def edit_message_reply_markup(call: Call) -> JSON:
    message = _editable(call)
    return _edited(call, message, message.content, message.media)


@method("editMessageLiveLocation", paced=True)
def edit_message_live_location(call: Call) -> JSON:
    message, location = _live(call)
    moved = read_location(call.params) | {"live_period": call.params.integer("live_period") or location["live_period"]}
    return _edited(call, message, message.content | {"location": moved}, None)


@method("stopMessageLiveLocation", paced=True)
def stop_message_live_location(call: Call) -> JSON:
    message, location = _live(call)
    ended = {key: value for key, value in location.items() if key != "live_period"}
    return _edited(call, message, message.content | {"location": ended}, None)


def _live(call: Call) -> tuple[Message, JSON]:
    """A live location still running."""
    message = _editable(call)
    location: JSON = message.content.get("location", {})
    if call.world.clock.date() - message.date >= location.get("live_period", 0):
        raise bad_request("message can't be edited")
    return message, location


def _editable(call: Call) -> Message:
    if call.params.has("inline_message_id"):
        raise bad_request("MESSAGE_ID_INVALID")
    chat = find_chat(call.world, call.bot, call.params)
    if isinstance(chat, Dialog):
        check_alive(chat)
    message = chat.message(call.params.integer("message_id"))
    if message is None:
        raise bad_request("message to edit not found")
    if not may_edit(call.world, message, call.bot):
        raise bad_request("message can't be edited")
    return message


def _without(message: Message, fields: tuple[str, ...]) -> JSON:
    return {key: value for key, value in message.content.items() if key not in fields}


def _edited(call: Call, message: Message, content: JSON, media: Media | None) -> JSON:
    """The keyboard is part of the edit: without one, the message loses its own."""
    markup = read_markup(call.params)
    same_file = (media and media.file) is (message.media and message.media.file)
    if same_file and content == message.content and markup == message.markup:
        raise bad_request(NOT_MODIFIED)
    edit(call.world, message, content, markup, media)
    return message.as_json(call.bot)
