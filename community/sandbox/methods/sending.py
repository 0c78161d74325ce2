"""What all sending methods share: text and its limits, what is answered, marks, posting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from community.sandbox.access import check_pace, check_writable, find_chat
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import bad_request
from community.sandbox.files import Media
from community.sandbox.formatting import formatted
from community.sandbox.invoices import Offer
from community.sandbox.keyboards import check_pay, check_place, read_markup
from community.sandbox.messages import ANSWERS, Message
from community.sandbox.methods.registry import Call
from community.sandbox.origins import origin
from community.sandbox.params import Params
from community.sandbox.posting import post
from community.sandbox.reader import utf16
from community.sandbox.topics import placed

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
QUOTE_LIMIT = 1024
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


def writable_chat(call: Call, kind: str = "text") -> Chat:
    chat = find_chat(call.world, call.bot, call.params)
    check_writable(call.world, call.bot, chat, kind)
    return chat


def send(call: Call, chat: Chat, content: JSON, media: Media | None = None) -> Message:
    """Post for the bot, with the call's keyboard, reply, thread and marks."""
    return Sending(call, chat).post(content, media)


class Sending:
    """What a call says about the message besides its content; checked before anything is posted."""

    __slots__ = ("answers", "call", "chat", "marks", "markup")

    def __init__(self, call: Call, chat: Chat) -> None:
        self.call = call
        self.chat = chat
        self.markup = read_markup(call.params)
        if self.markup is not None:
            check_place(self.markup, chat)
        self.answers = _answered(call, chat)
        self.marks = _marks(call.params, chat) | position(call, chat, self.answers.message) | self.answers.content
        check_pace(call.world, call.bot, chat)

    def post(self, content: JSON, media: Media | None = None, *, offer: Offer | None = None) -> Message:
        """An invoice has a button in any case."""
        check_pay(self.markup, invoice=offer is not None)
        markup = offer.keyboard() if offer is not None and self.markup is None else self.markup
        return post(
            self.call.world, self.chat, self.call.bot, content | self.marks, media=media, markup=markup,
            reply_to=self.answers.message, about=self.answers.elsewhere, offer=offer,
        )  # fmt: skip


def position(call: Call, chat: Chat, reply_to: Message | None = None) -> JSON:
    """Where the call's message goes in a chat with topics or comments; {} elsewhere."""
    thread = call.params.integer("message_thread_id") or None
    if isinstance(chat, Group):
        return placed(call.world, chat, call.bot, thread, reply_to)
    if thread is not None:
        raise bad_request("message thread not found")
    return {}


def _marks(params: Params, chat: Chat) -> JSON:
    marks: JSON = {}
    if params.flag("protect_content"):
        marks["has_protected_content"] = True
    effect = params.text("message_effect_id")
    if effect.isdecimal() and effect.strip("0"):
        if not isinstance(chat, Dialog):
            raise bad_request("can't use message effects in the chat")
        marks["effect_id"] = effect
    return marks


@dataclass(slots=True)
class _Answers:
    """The message answered: here, or `elsewhere` with what `content` says of it."""

    message: Message | None = None
    elsewhere: Message | None = None
    content: JSON = field(default_factory=dict)


def _answered(call: Call, chat: Chat) -> _Answers:
    """To a message of another chat it is always required (Bot API, ReplyParameters.allow_sending_without_reply)."""
    given = call.params.nested("reply_parameters")
    if not given:
        return _Answers()
    reply = Params(given)
    there = find_chat(call.world, call.bot, reply) if reply.has("chat_id") else chat
    message = there.message(reply.integer("message_id"))
    if message is None:
        if there is chat and reply.flag("allow_sending_without_reply"):
            return _Answers()
        raise bad_request("message to be replied not found")
    quote = _quote(reply, message)
    if there is chat:
        return _Answers(message, None, quote)
    return _Answers(None, message, quote | {"external_reply": _from_elsewhere(message)})


def _quote(reply: Params, message: Message) -> JSON:
    """A part of the answered message, word for word (Bot API, ReplyParameters.quote)."""
    if not reply.text("quote"):
        return {}
    given = reply.listing("quote_entities")
    text, entities = formatted(reply.text("quote"), reply.text("quote_parse_mode"), given)
    wanted = reply.integer("quote_position")
    places = [at for at in range(len(message.text)) if message.text.startswith(text, at)] if text else []
    if not places or len(text) > QUOTE_LIMIT:
        raise bad_request("QUOTE_TEXT_INVALID")
    positions = [utf16(message.text[:at]) for at in places[:100]]
    quote = {"text": text, "position": min(positions, key=lambda at: abs(at - wanted)), "is_manual": True}
    return {"quote": quote | ({"entities": entities} if entities else {})}


EXTERNAL = ("link_preview_options", "has_media_spoiler", "contact", "dice", "invoice", "location", "poll", "venue")


def _from_elsewhere(message: Message) -> JSON:
    """Telegram's ExternalReplyInfo; the place shows for groups only. Files are added for each viewer."""
    about: JSON = {"origin": origin(message)} | {
        key: message.content[key] for key in EXTERNAL if key in message.content
    }
    if "poll" in about:
        about["poll"] = {key: value for key, value in about["poll"].items() if key not in ANSWERS}
    if message.chat.id < 0:
        about |= {"chat": message.chat.as_json(), "message_id": message.id}
    return about
