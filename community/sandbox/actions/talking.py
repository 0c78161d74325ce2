"""Starting a bot, writing, reacting, editing, deleting, forwarding."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field

from community.sandbox.access import check_kind, check_pace, check_permission, may_edit
from community.sandbox.accounts import User
from community.sandbox.actions.attachments import Contact, Document, File, Place, checked_album, keep
from community.sandbox.actions.masks import masked
from community.sandbox.actions.registry import JSON, Gesture, find_bot, find_chat, find_message, gesture
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.errors import ApiError, Refused
from community.sandbox.files import Media, album_id
from community.sandbox.formatting import found
from community.sandbox.keyboards import hide
from community.sandbox.membership import set_blocked
from community.sandbox.messages import Message
from community.sandbox.origins import kind_of, origin, taken
from community.sandbox.posting import delete, edit, post
from community.sandbox.reactions import EMOJI, may_react, plain, react
from community.sandbox.topics import placed
from community.sandbox.voting import show
from community.sandbox.world import World

PAYLOAD = re.compile(r"[A-Za-z0-9_-]{0,64}")
CAPTION_LIMIT = 1024


def check_speech(world: World, user: User, chat: Chat, kind: str = "text", thread: int | None = None) -> None:
    """Raise Refused unless this user may send a message of this kind here. Writing opens a private chat for good.

    `thread`: the topic or the channel's post it is about.
    """
    if isinstance(chat, Dialog):
        if chat.blocked:
            raise Refused("the user has blocked this bot; unblock or start it first")
        chat.opened = True
    elif isinstance(chat, Group):
        try:
            check_kind(world, user, chat, kind, thread)
            check_pace(world, user, chat)
        except ApiError as error:
            raise Refused(f"user {user.id} may not write in {chat.id}: {error.reason}") from None


def utter(world: World, user: User, chat: Chat, content: JSON, **more: Any) -> Message:
    """Post for a user; who was asked for a reply gives it now, as Telegram's apps have them do."""
    asked = chat.keyboard_of(user.id)
    if asked is not None and "force_reply" in asked:
        more["reply_to"] = more.get("reply_to") or chat.message(chat.keyboard_message)
        hide(chat, user.id)
        world.live.chat(chat)
    return post(world, chat, user, content, **more)


def say(world: World, user: User, chat: Chat, text: str) -> Message:
    """Write plainly into a chat."""
    check_speech(world, user, chat)
    where = placed(world, chat, user, None, None) if isinstance(chat, Group) else {}
    return utter(world, user, chat, worded("text", text) | where)


def worded(field: str, text: str) -> JSON:
    """Text or caption with what Telegram finds in it."""
    content: JSON = {field: text} if text else {}
    if entities := found(text):
        content["entities" if field == "text" else "caption_entities"] = entities
    return content


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


@gesture("say")
class Say(Gesture):
    """Write text, send files, a place or a contact, reply. `chat`: a group or channel, or a bot for the chat with it.

    `thread`: a topic, or the number of a channel's post that came into its discussion group. `anonymous`: as the group
    itself, for its administrators. `as_chat`: as a channel of one's own.

    Two to ten files are an album; `text` is the caption of the first. Answers with ``message_id``, and
    ``message_ids`` of an album.
    """

    chat: int | str | None = None
    text: str = Field("", max_length=4096)
    reply_to: int | None = None
    document: Document | None = None
    media: list[File] = Field(default_factory=list, max_length=10)
    location: Place | None = None
    contact: Contact | None = None
    thread: int | None = None
    anonymous: bool = False
    as_chat: int | str | None = None

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        chat = find_chat(world, user, self.chat)
        reply_to = find_message(chat, self.reply_to) if self.reply_to is not None else None
        where = self._where(world, user, chat, reply_to)
        files = [self.document, *self.media] if self.document is not None else list(self.media)
        if files:
            album = checked_album([file.media() for file in files])
            return self._send_files(world, user, chat, album, where, reply_to)
        card = self.location or self.contact
        if card is None and not self.text.strip():
            raise Refused("nothing to say: text is empty")
        check_speech(world, user, chat, thread=where.get("message_thread_id"))
        content = card.content() if card is not None else worded("text", self.text)
        return {"message_id": utter(world, user, chat, content | where, reply_to=reply_to).id}

    def _where(self, world: World, user: User, chat: Chat, reply_to: Message | None) -> JSON:
        """The message's thread, and who it shows as its sender."""
        if not isinstance(chat, Group):
            if self.thread is not None or self.anonymous or self.as_chat is not None:
                raise Refused("a private chat has no threads, and nobody else to write as")
            return {}
        mask = {} if chat.is_channel else masked(world, chat, user, anonymous=self.anonymous, as_chat=self.as_chat)
        return placed(world, chat, user, self.thread, reply_to) | mask

    def _send_files(
        self, world: World, user: User, chat: Chat, files: list[Media], where: JSON, reply_to: Message | None
    ) -> JSON:
        if len(self.text) > CAPTION_LIMIT:
            raise Refused(f"a caption has at most {CAPTION_LIMIT} characters")
        for media in files:
            check_speech(world, user, chat, media.kind, where.get("message_thread_id"))
        group = {"media_group_id": album_id()} if len(files) > 1 else {}
        ids: list[int] = []
        for media in files:
            keep(world, media)
            content = group | (worded("caption", self.text) if not ids else {}) | where
            ids.append(utter(world, user, chat, content, media=media, reply_to=reply_to).id)
        return {"message_id": ids[0]} | ({"message_ids": ids} if group else {})


@gesture("react")
class React(Gesture):
    """Set one's reaction to a message; an empty emoji takes it back."""

    chat: int | str | None = None
    message: int
    emoji: str = "👍"

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        chat = find_chat(world, user, self.chat)
        if not may_react(world, chat, user):
            raise Refused(f"user {user.id} is not in {chat.id}")
        if isinstance(chat, Group) and not chat.is_channel:
            check_permission(world, user, chat, "can_react_to_messages", "react to messages in the chat")
        emoji = plain(self.emoji)
        if emoji and emoji not in EMOJI:
            raise Refused(f"REACTION_INVALID: {self.emoji!r} is none of Telegram's reactions")
        reaction = [{"type": "emoji", "emoji": emoji}] if emoji else []
        react(world, find_message(chat, self.message), user, reaction)
        return {}


@gesture("edit")
class Edit(Gesture):
    """Change the text or caption of one's own message, or of a post of a channel whose posts one may edit."""

    chat: int | str | None = None
    message: int
    text: str = Field(min_length=1, max_length=4096)

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        message = find_message(find_chat(world, user, self.chat), self.message)
        if not may_edit(world, message, user):
            raise Refused("only one's own message can be edited")
        if message.media is None and "text" not in message.content:
            raise Refused("there is no text in this message")
        field = "caption" if message.media else "text"
        if field == "caption" and len(self.text) > CAPTION_LIMIT:
            raise Refused(f"a caption has at most {CAPTION_LIMIT} characters")
        kept = {key: value for key, value in message.content.items() if key not in (field, _entities(field))}
        edit(world, message, kept | worded(field, self.text), message.markup, message.media)
        return {"message_id": message.id}


def _entities(field: str) -> str:
    return "entities" if field == "text" else "caption_entities"


@gesture("delete")
class Delete(Gesture):
    """Take a message away for everyone: one's own, any in private, and as an administrator anyone's. No bot hears."""

    chat: int | str | None = None
    message: int

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        chat = find_chat(world, user, self.chat)
        message = find_message(chat, self.message)
        moderates = isinstance(chat, Group) and chat.member(user, world.clock.date()).may("can_delete_messages")
        if message.sender is not user and not moderates and not isinstance(chat, Dialog):
            raise Refused(f"user {user.id} may not delete message {message.id} in {chat.id}")
        delete(world, message)
        return {}


@gesture("forward")
class Forward(Gesture):
    """Pass a message of `chat` on into the chat `to`."""

    chat: int | str | None = None
    message: int
    to: int | str | None = None

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        source, chat = find_message(find_chat(world, user, self.chat), self.message), find_chat(world, user, self.to)
        if not may_react(world, source.chat, user):
            raise Refused(f"user {user.id} is not in {source.chat.id}")
        if source.is_protected or source.is_service:
            raise Refused(f"message {source.id} can't be forwarded")
        check_speech(world, user, chat, kind_of(source))
        content = taken(source) | {"forward_origin": origin(source)}
        content |= placed(world, chat, user, None, None) if isinstance(chat, Group) else {}
        offer = source.offer.copy() if source.offer else None
        markup = offer.keyboard() if offer else None
        message = utter(world, user, chat, content, media=source.media, markup=markup, offer=offer)
        if source.poll is not None:
            show(world, source.poll, message)
        return {"message_id": message.id}
