"""Copying and forwarding, one message or many."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from community.sandbox.access import check_writable, find_chat
from community.sandbox.chats import Chat
from community.sandbox.errors import bad_request
from community.sandbox.files import album_id
from community.sandbox.messages import Message
from community.sandbox.methods.polls import post_poll
from community.sandbox.methods.registry import Call, method
from community.sandbox.methods.sending import Sending, read_caption, writable_chat
from community.sandbox.origins import kind_of, origin, taken
from community.sandbox.polls import Poll
from community.sandbox.voting import show

JSON = dict[str, Any]
MOST = 100


@method("copyMessage", paced=True)
def copy_message(call: Call) -> JSON:
    source = _source(call, "copy")
    if not _copyable(source):
        raise bad_request("the message can't be copied")
    sending = Sending(call, writable_chat(call, kind_of(source)))
    content = taken(source)
    if call.params.has("caption") and source.media is not None:
        content = _without_caption(content) | read_caption(call.params)
        content |= {"show_caption_above_media": True} if call.params.flag("show_caption_above_media") else {}
    return {"message_id": _copy(call, sending, source, content).id}


@method("forwardMessage", paced=True)
def forward_message(call: Call) -> JSON:
    source = _source(call, "forward")
    if source.is_service or source.is_protected:
        raise bad_request("the message can't be forwarded")
    sending = Sending(call, writable_chat(call, kind_of(source)))
    return _forward(call, sending, source, {}).as_json(call.bot)


@method("copyMessages", paced=True)
def copy_messages(call: Call) -> list[JSON]:
    """Messages that are not there or cannot be copied are skipped; albums stay together (Bot API, copyMessages)."""
    chat = writable_chat(call)
    sources = [source for source in _sources(call) if _copyable(source)]
    sending, groups = _many(call, chat, sources)
    bare = call.params.flag("remove_caption")
    copies = []
    for source in sources:
        content = _without_caption(taken(source)) if bare and source.media else taken(source)
        copies.append(_copy(call, sending, source, content | groups.get(source.id, {})))
    return [{"message_id": copy.id} for copy in copies]


@method("forwardMessages", paced=True)
def forward_messages(call: Call) -> list[JSON]:
    """As copyMessages, with a link to where each came from."""
    chat = writable_chat(call)
    sources = [source for source in _sources(call) if not source.is_service and not source.is_protected]
    sending, groups = _many(call, chat, sources)
    return [{"message_id": _forward(call, sending, source, groups.get(source.id, {})).id} for source in sources]


def _source(call: Call, what: str) -> Message:
    there = find_chat(call.world, call.bot, call.params, "from_chat_id", reading=True)
    source = there.message(call.params.integer("message_id"))
    if source is None:
        raise bad_request(f"message to {what} not found")
    return source


def _sources(call: Call) -> list[Message]:
    there = find_chat(call.world, call.bot, call.params, "from_chat_id", reading=True)
    ids = call.params.listing("message_ids")
    if not ids:
        raise bad_request("message identifiers are not specified")
    if len(ids) > MOST:
        raise bad_request("too many message identifiers specified")
    if any(after <= before for before, after in pairwise(ids)):
        raise bad_request("message identifiers must be in a strictly increasing order")
    return [source for message_id in ids if (source := there.message(message_id))]


def _many(call: Call, chat: Chat, sources: list[Message]) -> tuple[Sending, dict[int, JSON]]:
    """With the new album, by message id, of each that was in one."""
    if not sources:
        raise bad_request("messages can't be forwarded")
    for kind in {kind_of(source) for source in sources}:
        check_writable(call.world, call.bot, chat, kind)
    albums: dict[str, str] = {}
    groups = {}
    for source in sources:
        if old := source.content.get("media_group_id"):
            groups[source.id] = {"media_group_id": albums.setdefault(old, album_id())}
    return Sending(call, chat), groups


def _copyable(source: Message) -> bool:
    """Neither service messages nor invoices; a quiz only if its answers are known (Bot API, copyMessage).

    Protected content keeps bots from forwarding, not from copying.
    """
    if source.is_service or "invoice" in source.content:
        return False
    poll = source.content.get("poll")
    known = poll is None or poll["type"] != "quiz" or poll["is_closed"] or "forward_origin" not in source.content
    return bool(known)


def _without_caption(content: JSON) -> JSON:
    return {key: value for key, value in content.items() if key not in ("caption", "caption_entities")}


def _copy(call: Call, sending: Sending, source: Message, content: JSON) -> Message:
    old = source.poll
    if old is None:
        return sending.post(content, source.media)
    return post_poll(call, sending, Poll(call.bot, old.asked, old.options, closed=old.closed, about=old.about), content)


def _forward(call: Call, sending: Sending, source: Message, group: JSON) -> Message:
    content = taken(source) | {"forward_origin": origin(source)} | group
    message = sending.post(content, source.media, offer=source.offer.copy() if source.offer else None)
    if source.poll is not None:
        show(call.world, source.poll, message)
    return message
