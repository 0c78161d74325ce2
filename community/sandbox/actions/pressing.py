"""Pressing buttons, and voting in polls."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs, urlsplit

from pydantic import Field

from community.sandbox.accounts import User
from community.sandbox.actions.attachments import Place, own_contact
from community.sandbox.actions.paying import pay
from community.sandbox.actions.registry import JSON, Gesture, find_chat, find_group, find_message, gesture
from community.sandbox.actions.talking import Start, check_speech, utter, worded
from community.sandbox.chats import Chat, Group
from community.sandbox.errors import Refused
from community.sandbox.keyboards import hide
from community.sandbox.messages import Message, buttons
from community.sandbox.reactions import may_react
from community.sandbox.voting import vote
from community.sandbox.world import CALLBACK_LIFETIME, Callback, World

INLINE = ("switch_inline_query_current_chat", "switch_inline_query", "switch_inline_query_chosen_chat")


@gesture("press")
class Press(Gesture):
    """Press a button, named by `text` or `data`. Without `message` the newest message that has it is meant.

    Answers with ``callback_query_id``, with ``message_id`` (a reply keyboard says its text, or shares what it asks
    for: one's own contact, `location`, the users or the chat in `shared`), with ``copied``, with ``inline_query``
    (what the app would put into the input field), with ``payment`` (its number), or with ``url``; a ``?start=`` link
    of a bot here is followed.
    """

    chat: int | str | None = None
    message: int | None = None
    text: str | None = None
    data: str | None = None
    location: Place | None = None
    shared: list[int] = Field(default_factory=list, max_length=10)

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        chat = find_chat(world, user, self.chat)
        if isinstance(chat, Group) and not chat.member(user, world.clock.date()).present:
            raise Refused(f"user {user.id} is not in {chat.id}")
        if self.text is None and self.data is None:
            raise Refused("name the button by text or data")
        below = self._below(chat, user)
        if below is not None:
            return self._press_below(world, user, chat, below)
        message, button = self._find(chat)
        if "callback_data" in button:
            return _call_back(world, user, message, button["callback_data"])
        if button.get("pay"):
            return pay(world, user, message)
        return self._press_inline(world, message, button)

    def _below(self, chat: Chat, user: User) -> JSON | None:
        """The button in the reply keyboard that this user sees now."""
        if self.message is not None or self.data is not None:
            return None
        seen = chat.keyboard_of(user.id)
        return next((button for button in buttons(seen) if button.get("text") == self.text), None)

    def _find(self, chat: Chat) -> tuple[Message, JSON]:
        candidates = (
            [find_message(chat, self.message)] if self.message is not None else reversed(chat.messages.values())
        )
        for message in candidates:
            if message.deleted or "inline_keyboard" not in (message.markup or {}):
                continue
            for button in buttons(message.markup):
                if self._meant(button):
                    return message, button
        raise Refused(f"no button {self.text or self.data!r} in chat {chat.id}")

    def _meant(self, button: JSON) -> bool:
        named = self.text is None or button.get("text") == self.text
        return named and (self.data is None or button.get("callback_data") == self.data)

    def _press_inline(self, world: World, message: Message, button: JSON) -> JSON:
        if "url" in button:
            return self._follow(world, button["url"])
        if isinstance(button.get("copy_text"), dict):
            return {"copied": button["copy_text"].get("text", "")}
        for kind in INLINE:
            if kind in button:
                return {"inline_query": _inline_query(message, button[kind]), "here": kind == INLINE[0]}
        return {"button": button}

    def _press_below(self, world: World, user: User, chat: Chat, button: JSON) -> JSON:
        """In a group what is said answers the message that brought the keyboard, so that its bot hears it."""
        check_speech(world, user, chat)
        content = self._content(world, user, button)
        replied = chat.message(chat.keyboard_message) if isinstance(chat, Group) else None
        if (chat.keyboard or {}).get("one_time_keyboard"):
            hide(chat, user.id)
            world.live.chat(chat)
        return {"message_id": utter(world, user, chat, content, reply_to=replied).id}

    def _content(self, world: World, user: User, button: JSON) -> JSON:
        if button.get("request_contact"):
            return own_contact(user)
        if button.get("request_location"):
            if self.location is None:
                raise Refused("this button shares a place: give location")
            return self.location.content()
        for kind, share in (("request_users", self._users), ("request_chat", self._chat)):
            if isinstance(button.get(kind), dict):
                return share(world, button[kind])
        if button.get("request_poll") or button.get("web_app"):
            raise Refused("buttons that ask for a poll or open an app are not there yet")
        return worded("text", button["text"])

    def _users(self, world: World, asked: JSON) -> JSON:
        people = [world.account(number) for number in self.shared]
        if not people or len(people) > (asked.get("max_quantity") or 1) or None in people:
            raise Refused("this button shares users: give their numbers as shared, not more than it asks for")
        shown = [key for key in ("first_name", "last_name", "username") if asked.get(SHOWN_BY[key])]
        users = [{"user_id": each.id} | _named(each.as_json(), shown) for each in people if each is not None]
        return {"users_shared": {"request_id": asked.get("request_id", 0), "users": users}}

    def _chat(self, world: World, asked: JSON) -> JSON:
        if len(self.shared) != 1:
            raise Refused("this button shares a chat: give its number as shared")
        chat = find_group(world, self.shared[0])
        shown = [key for key in ("title", "username") if asked.get(SHOWN_BY[key])]
        about = {"request_id": asked.get("request_id", 0), "chat_id": chat.id}
        return {"chat_shared": about | _named(chat.as_json(), shown)}

    def _follow(self, world: World, url: str) -> JSON:
        try:
            parts = urlsplit(url)
        except ValueError:
            return {"url": url, "followed": False}
        name, query = parts.path.strip("/"), parse_qs(parts.query)
        known = parts.hostname == "t.me" and any(bot.username == name for bot in world.bots.values())
        if known and "start" in query:
            start = Start(user=self.user, bot=name, payload=query["start"][0], at=None)
            return {"url": url, "followed": True} | start.apply(world)
        return {"url": url, "followed": False}


SHOWN_BY = {"first_name": "request_name", "last_name": "request_name", "username": "request_username"} | (
    {"title": "request_title"}
)
"""What of the shared a button asks for by which of its fields (Bot API, KeyboardButtonRequestUsers and …Chat)."""


def _named(about: JSON, keys: list[str]) -> JSON:
    return {key: about[key] for key in keys if key in about}


def _inline_query(message: Message, asked: object) -> str:
    """The bot's name and the query, as they come to stand in the input field."""
    query = asked.get("query", "") if isinstance(asked, dict) else asked
    return f"@{message.sender.username} {query}".strip()


def _call_back(world: World, user: User, message: Message, data: str) -> JSON:
    bot = world.bots.get(message.sender.id)
    if bot is None:
        raise Refused("the bot of this button is gone")
    callback_id = str(secrets.randbits(62))
    world.remember_callback(callback_id, Callback(bot.id, user.id, world.clock.deadline(CALLBACK_LIFETIME)))
    query = {
        "id": callback_id,
        "from": user.as_json(),
        "message": message.as_json(bot),
        "chat_instance": str(message.chat.id),
        "data": data,
    }
    bot.inbox.put("callback_query", query, user.id)
    return {"callback_query_id": callback_id, "message_id": message.id}


@gesture("vote")
class Vote(Gesture):
    """Choose `options` of a poll, counted from 0; none takes the vote back."""

    chat: int | str | None = None
    message: int
    options: list[int] = Field(max_length=100)

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        chat = find_chat(world, user, self.chat)
        if not may_react(world, chat, user):
            raise Refused(f"user {user.id} is not in {chat.id}")
        message = find_message(chat, self.message)
        poll = message.poll
        if poll is None:
            raise Refused(f"message {message.id} in chat {chat.id} is not a poll")
        chosen = sorted(set(self.options))
        if refused := poll.why_not(user.id, chosen):
            raise Refused(refused)
        vote(world, poll, user, chosen)
        return {}
