"""Starting a bot, writing, pressing buttons, reacting, editing."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field

from community.sandbox.accounts import User
from community.sandbox.actions.paying import pay
from community.sandbox.actions.registry import JSON, Gesture, find_bot, find_chat, find_message, gesture
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import Refused
from community.sandbox.files import Media, StoredFile
from community.sandbox.formatting import found
from community.sandbox.membership import set_blocked
from community.sandbox.messages import Message, buttons
from community.sandbox.posting import edit, post, react
from community.sandbox.world import Callback, World

PAYLOAD = re.compile(r"[A-Za-z0-9_-]{0,64}")


def say(world: World, user: User, chat: Chat, text: str, **more: Any) -> Message:
    """Write into a chat. In private this opens it for the bot, for good."""
    if isinstance(chat, Dialog):
        if chat.blocked:
            raise Refused("the user has blocked this bot; unblock or start it first")
        chat.opened = True
    elif isinstance(chat, Group) and not chat.member(user, world.clock.date()).may_send():
        raise Refused(f"user {user.id} may not write in {chat.id}")
    field = "caption" if more.get("media") else "text"
    content: JSON = {field: text} if text else {}
    if entities := found(text):
        content["entities" if field == "text" else "caption_entities"] = entities
    return post(world, chat, user, content, **more)


@gesture("start")
class Start(Gesture):
    """Press Start, perhaps by a ``?start=`` link; unblocks the bot."""

    bot: int | str | None = None
    payload: str = ""

    def apply(self, world: World) -> JSON:
        if not PAYLOAD.fullmatch(self.payload):
            raise Refused("a start payload is up to 64 of A-Z a-z 0-9 _ -")
        dialog = world.dialog(find_bot(world, self.bot), self.who(world))
        if dialog.blocked:
            set_blocked(world, dialog, False)
        message = say(world, dialog.user, dialog, f"/start {self.payload}".strip())
        return {"message_id": message.id}


class Document(BaseModel):
    """A file by `data` (base64) or `text`."""

    name: str = Field("file.txt", min_length=1, max_length=255)
    mime_type: str = "text/plain"
    text: str = ""
    data: str | None = None

    def stored(self) -> StoredFile:
        try:
            data = base64.b64decode(self.data, validate=True) if self.data is not None else self.text.encode()
        except (binascii.Error, ValueError):
            raise Refused("document.data is not base64") from None
        return StoredFile(data, self.name, self.mime_type)


@gesture("say")
class Say(Gesture):
    """Write text, send a document, reply. `chat`: a group, or a bot for the private chat with it."""

    chat: int | str | None = None
    text: str = Field("", max_length=4096)
    reply_to: int | None = None
    document: Document | None = None
    thread: int | None = None

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        chat = find_chat(world, user, self.chat)
        if not self.text.strip() and self.document is None:
            raise Refused("nothing to say: text is empty")
        replied = find_message(chat, self.reply_to) if self.reply_to is not None else None
        extra = {"message_thread_id": self.thread} if self.thread is not None else None
        message = say(world, user, chat, self.text, media=self._media(world), reply_to=replied, extra=extra)
        return {"message_id": message.id}

    def _media(self, world: World) -> Media | None:
        if self.document is None:
            return None
        file = self.document.stored()
        world.files[file.unique_id] = file
        return Media("document", file)


@gesture("press")
class Press(Gesture):
    """Press a button, named by `text` or `data`. Without `message` the newest message that has it is meant.

    Answers with ``callback_query_id``, ``message_id`` (a reply keyboard writes its text), ``payment``, or ``url``;
    a ``?start=`` link of a bot here is followed.
    """

    chat: int | str | None = None
    message: int | None = None
    text: str | None = None
    data: str | None = None

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        chat = find_chat(world, user, self.chat)
        if isinstance(chat, Group) and not chat.member(user, world.clock.date()).present:
            raise Refused(f"user {user.id} is not in {chat.id}")
        message, button = self._find(chat)
        if "callback_data" in button:
            return _call_back(world, user, message, button["callback_data"])
        if "url" in button:
            return self._follow(world, button["url"])
        if message.markup is not None and "keyboard" in message.markup:
            return {"message_id": say(world, user, chat, button["text"]).id}
        if button.get("pay"):
            return pay(world, user, message)
        return {"button": button}

    def _find(self, chat: Chat) -> tuple[Message, JSON]:
        if self.text is None and self.data is None:
            raise Refused("name the button by text or data")
        candidates = (
            [find_message(chat, self.message)] if self.message is not None else reversed(chat.messages.values())
        )
        for message in candidates:
            for button in [] if message.deleted else buttons(message.markup):
                if self._meant(button):
                    return message, button
        raise Refused(f"no button {self.text or self.data!r} in chat {chat.id}")

    def _meant(self, button: JSON) -> bool:
        named = self.text is None or button.get("text") == self.text
        return named and (self.data is None or button.get("callback_data") == self.data)

    def _follow(self, world: World, url: str) -> JSON:
        parts = urlsplit(url)
        name, query = parts.path.strip("/"), parse_qs(parts.query)
        known = parts.hostname == "t.me" and any(bot.username == name for bot in world.bots.values())
        if known and "start" in query:
            start = Start(user=self.user, bot=name, payload=query["start"][0], at=None)
            return {"url": url, "followed": True} | start.apply(world)
        return {"url": url, "followed": False}


def _call_back(world: World, user: User, message: Message, data: str) -> JSON:
    bot = world.bots.get(message.sender.id)
    if bot is None:
        raise Refused("the bot of this button is gone")
    callback_id = str(secrets.randbits(62))
    world.remember_callback(callback_id, Callback(bot.id, user.id))
    query = {
        "id": callback_id,
        "from": user.as_json(),
        "message": message.as_json(bot),
        "chat_instance": str(message.chat.id),
        "data": data,
    }
    bot.inbox.put("callback_query", query, user.id)
    return {"callback_query_id": callback_id, "message_id": message.id}


@gesture("react")
class React(Gesture):
    """Set one's reaction to a message; an empty emoji takes it back."""

    chat: int | str | None = None
    message: int
    emoji: str = "👍"

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        chat = find_chat(world, user, self.chat)
        if isinstance(chat, Group) and not chat.member(user, world.clock.date()).present:
            raise Refused(f"user {user.id} is not in {chat.id}")
        reaction = [{"type": "emoji", "emoji": self.emoji}] if self.emoji else []
        react(world, find_message(chat, self.message), user, reaction)
        return {}


@gesture("edit")
class Edit(Gesture):
    """Change one's own message."""

    chat: int | str | None = None
    message: int
    text: str = Field(min_length=1, max_length=4096)

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        message = find_message(find_chat(world, user, self.chat), self.message)
        if message.sender is not user or message.is_service:
            raise Refused("only one's own message can be edited")
        field = "caption" if message.media else "text"
        entities = "caption_entities" if message.media else "entities"
        edit(world, message, {field: self.text, entities: found(self.text)}, message.markup)
        return {"message_id": message.id}
