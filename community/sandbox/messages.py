"""A message, as its chat keeps it and as a bot or a person sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from community.sandbox.accounts import Account, Bot
from community.sandbox.chats import Chat, Dialog
from community.sandbox.files import Media, StoredFile, sizes
from community.sandbox.identity import PLACED, shown, thread_root
from community.sandbox.polls import Poll

if TYPE_CHECKING:
    from community.sandbox.invoices import Offer

JSON = dict[str, Any]
SAID = frozenset(["text", "poll", "location", "venue", "contact", "dice", "invoice", "game", "paid_media"])
"""Contents of a message that is no service message and has no file."""
ANSWERS = ("correct_option_ids", "explanation", "explanation_entities")
SHOWN = (SAID - {"text"}) | {
    "effect_id", "external_reply", "forward_origin", "has_media_spoiler", "has_protected_content",
    "link_preview_options", "media_group_id", "quote", "show_caption_above_media",
}  # fmt: skip
"""Fields of the content that a person in the chat sees as they are."""


class Message:
    """`content` holds the fields of Telegram's Message that make this one what it is (text, caption, pinned_message…).

    `markup` is any reply markup; only an inline keyboard shows in `as_json`. `reactions` by user id. `about`: the
    message that this one pinned, or that it answers in another chat, or the chat's new photo. `offer`: what an invoice
    does not show, and who paid. `sender` is who wrote, whatever shows (see identity.py).
    """

    __slots__ = (
        "about", "chat", "content", "date", "deleted", "edited", "extra", "id", "markup", "media", "offer", "poll",
        "reactions", "reply_to", "sender",
    )  # fmt: skip

    def __init__(self, chat: Chat, id: int, date: int, sender: Account, content: JSON) -> None:
        self.chat = chat
        self.id = id
        self.date = date
        self.sender = sender
        self.content = content
        self.markup: JSON | None = None
        self.media: Media | None = None
        self.poll: Poll | None = None
        self.about: Message | StoredFile | None = None
        self.reply_to: Message | None = None
        self.extra: JSON | None = None
        self.offer: Offer | None = None
        self.edited: int | None = None
        self.deleted: int | None = None
        self.reactions: dict[int, list[JSON]] | None = None

    @property
    def text(self) -> str:
        """Text or caption; empty for others."""
        found: str = self.content.get("text") or self.content.get("caption") or ""
        return found

    @property
    def is_service(self) -> bool:
        return self.media is None and SAID.isdisjoint(self.content)

    @property
    def is_protected(self) -> bool:
        """Not to be forwarded, nor saved by people."""
        return bool(self.content.get("has_protected_content"))

    def as_json(self, viewer: Bot, *, nested: bool = False) -> JSON:
        """Telegram's Message for one bot. A message inside a message carries no reply of its own."""
        message: JSON = {
            "message_id": self.id,
            "chat": self.chat.as_json(),
            "date": self.date,
            **self.content,
        }
        if (sender := shown(self)) is not None:
            message["from"] = sender.as_json()
        if self.media is not None:
            message |= self.media.as_json(viewer)
        if self.edited is not None:
            message["edit_date"] = self.edited
        if self.extra is not None:
            message |= self.extra
        if self.markup is not None and "inline_keyboard" in self.markup:
            message["reply_markup"] = self.markup
        if not nested and (replied := self.reply_to or thread_root(self.chat, self)) is not None:
            message["reply_to_message"] = replied.as_json(viewer, nested=True)
        if self.about is not None and not nested:
            self._add_about(message, self.about, viewer)
        if "poll" in self.content and not self._knows_answers(viewer):
            message["poll"] = {key: value for key, value in self.content["poll"].items() if key not in ANSWERS}
        return message

    def _add_about(self, message: JSON, about: Message | StoredFile, viewer: Bot) -> None:
        if isinstance(about, StoredFile):
            message["new_chat_photo"] = sizes(about, viewer)
        elif "pinned_message" in message:
            message["pinned_message"] = about.as_json(viewer, nested=True)
        elif about.media is not None:
            message["external_reply"] = self.content["external_reply"] | about.media.as_json(viewer)

    def _knows_answers(self, viewer: Bot) -> bool:
        """Right answers show once a quiz is closed, and before to its bot (Bot API, Poll.correct_option_ids)."""
        closed: bool = self.content["poll"]["is_closed"]
        own = self.sender is viewer or isinstance(self.chat, Dialog)
        return closed or (own and "forward_origin" not in self.content)

    def as_seen(self) -> JSON:
        """For the control interface: what a person in the chat sees, with the marks of edits and deletion."""
        seen: JSON = {
            "message_id": self.id,
            "chat_id": self.chat.id,
            "chat": self.chat.as_json(),
            "date": self.date,
            "from": self.content["sender_chat"] if (sender := shown(self)) is None else sender.as_json(),
            "author": self.sender.id,
            "sender_chat": self.content.get("sender_chat"),
            "author_signature": self.content.get("author_signature"),
            "thread": self.content.get("message_thread_id"),
            "text": self.text,
            "entities": self.content.get("entities") or self.content.get("caption_entities") or [],
            "edited": self.edited,
            "deleted": self.deleted,
            "reply_to": self.reply_to.id if self.reply_to else None,
            "markup": self.markup,
            "buttons": buttons(self.markup),
            "media": self.media.as_seen() if self.media else None,
            "reactions": {str(user): given for user, given in (self.reactions or {}).items() if given},
        }
        seen |= {key: value for key, value in self.content.items() if key in SHOWN}
        if self.offer is not None:
            seen["invoice"] = self.offer.as_seen()
        if self.poll is not None:
            seen["votes"] = {str(voter): chosen for voter, chosen in self.poll.votes.items()}
        if self.is_service:
            seen["service"] = [key for key in self.content if key not in PLACED]
        return seen


def buttons(markup: JSON | None) -> list[JSON]:
    """All buttons of a markup in one list; reply keyboards have plain texts as well as objects."""
    rows = (markup or {}).get("inline_keyboard") or (markup or {}).get("keyboard") or []
    return [{"text": cell} if isinstance(cell, str) else cell for row in rows for cell in row]
