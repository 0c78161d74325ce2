"""Sending text, copying, forwarding, deleting, reacting, pinning, answering buttons."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import check_right, check_writable, find_chat
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import bad_request
from community.sandbox.messages import Message
from community.sandbox.methods.registry import Call, method
from community.sandbox.methods.sending import read_caption, read_text, send, writable_chat
from community.sandbox.posting import delete, post, react

DELETABLE = 48 * 3600
"""Seconds during which a bot may delete what it has no right to moderate (Bot API, deleteMessage)."""
JSON = dict[str, Any]


@method("sendMessage", paced=True)
def send_message(call: Call) -> JSON:
    chat = writable_chat(call)
    content = read_text(call.params)
    if preview := call.params.nested("link_preview_options"):
        content["link_preview_options"] = preview
    return send(call, chat, content).as_json(call.bot)


@method("sendChatAction")
def send_chat_action(call: Call) -> bool:
    if not call.params.text("action"):
        raise bad_request("wrong parameter action in request")
    writable_chat(call)
    return True


@method("copyMessage", paced=True)
def copy_message(call: Call) -> JSON:
    source = _source(call, "message to copy not found")
    if source.offer is not None:
        raise bad_request("message can't be copied")
    chat = writable_chat(call)
    content = dict(source.content)
    if call.params.has("caption") and source.media is not None:
        content = read_caption(call.params)
    return {"message_id": send(call, chat, content, source.media).id}


@method("forwardMessage", paced=True)
def forward_message(call: Call) -> JSON:
    source = _source(call, "message to forward not found")
    chat = writable_chat(call)
    origin = {"type": "user", "date": source.date, "sender_user": source.sender.as_json()}
    extra = source.extra or {"forward_origin": origin}
    offer, markup = source.offer.forwarded() if source.offer is not None else (None, None)
    content = dict(source.content)
    message = post(
        call.world, chat, call.bot, content, media=source.media, markup=markup, extra=extra, offer=offer
    )  # fmt: skip
    return message.as_json(call.bot)


def _source(call: Call, missing: str) -> Message:
    """The message to copy or forward; service messages cannot be."""
    origin = find_chat(call.world, call.bot, call.params, "from_chat_id")
    source = origin.message(call.params.integer("message_id"))
    if source is None:
        raise bad_request(missing)
    if source.is_service:
        raise bad_request(missing.replace("not found", "can't be used: it is a service message"))
    return source


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
    if not ids or len(ids) > 100 or not all(type(message_id) is int for message_id in ids):
        raise bad_request("message identifiers are not specified")
    messages = [message for message_id in ids if (message := chat.message(message_id))]
    if not all(_deletable(call, chat, message) for message in messages):
        raise bad_request("message can't be deleted")
    for message in messages:
        delete(call.world, message)
    return True


def _deletable(call: Call, chat: Chat, message: Message) -> bool:
    date = call.world.clock.date()
    if isinstance(chat, Group) and chat.member(call.bot, date).may("can_delete_messages"):
        return True
    own = message.sender is call.bot or isinstance(chat, Dialog)
    return own and date - message.date < DELETABLE


@method("setMessageReaction")
def set_message_reaction(call: Call) -> bool:
    chat = find_chat(call.world, call.bot, call.params)
    message = chat.message(call.params.integer("message_id"))
    if message is None:
        raise bad_request("message to react not found")
    reaction = call.params.listing("reaction") or []
    if not all(isinstance(item, dict) and isinstance(item.get("type"), str) for item in reaction):
        raise bad_request("REACTION_INVALID")
    react(call.world, message, call.bot, reaction[:1])
    return True


@method("pinChatMessage")
def pin_chat_message(call: Call) -> bool:
    chat, message = _pinnable(call)
    if message is None:
        raise bad_request("message to pin not found")
    chat.pinned = message
    call.world.live.chat(chat)
    post(call.world, chat, call.bot, {"pinned_message": message.as_json(call.bot, nested=True)})
    return True


@method("unpinChatMessage")
def unpin_chat_message(call: Call) -> bool:
    chat, _ = _pinnable(call)
    chat.pinned = None
    call.world.live.chat(chat)
    return True


def _pinnable(call: Call) -> tuple[Chat, Message | None]:
    chat = find_chat(call.world, call.bot, call.params)
    if isinstance(chat, Group):
        check_right(call.world, call.bot, chat, "can_pin_messages", "manage pinned messages in the chat")
    else:
        check_writable(call.world, call.bot, chat)
    return chat, chat.message(call.params.integer("message_id"))


@method("answerCallbackQuery")
def answer_callback_query(call: Call) -> bool:
    callback = call.world.callbacks.get(call.params.text("callback_query_id"))
    if callback is None or callback.bot_id != call.bot.id or callback.answered:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if len(call.params.text("text")) > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    callback.answered = True
    callback.answer = {
        "text": call.params.text("text"),
        "show_alert": call.params.flag("show_alert"),
        "url": call.params.text("url"),
    }
    return True
