"""One open page: told within a moment of what its person sees change, over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from community.sandbox.accounts import Account, User
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.journal import Entry
from community.sandbox.messages import Message
from community.sandbox.watching.chats import latest, row, sees
from community.sandbox.watching.people import person
from community.sandbox.watching.seen import seen
from community.sandbox.world import World

JSON = dict[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TOGETHER = 0.03
"""Seconds that changes are gathered before they are sent."""
BOUND = 300
"""Changes of a kind that wait for a slow page; with more it is told to ask for everything again."""


class Window:
    """Notes what changed for its person; `send` makes it small JSON, once for however many changes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.user: User | None = None
        self.chat: int | None = None
        self.bot: int | None = None
        self.woken = asyncio.Event()
        self.wanted: JSON = {}
        self._clear()

    def _clear(self) -> None:
        self.messages: dict[int, Message] = {}
        self.rows: dict[int, Chat] = {}
        self.accounts: dict[int, Account] = {}
        self.records: list[Entry] = []
        self.answers: list[JSON] = []
        self.typing: set[int] = set()
        self.about = self.again = False

    def look(self, wanted: JSON) -> None:
        """What the page shows now: a person, one of their chats, a bot. What waits was noted for the one before."""
        if wanted != self.wanted:
            again = self.again
            self._clear()
            self.again = again
        self.wanted = wanted
        user, chat, bot = (wanted.get(name) for name in ("user", "chat", "bot"))
        self.user = self.world.users.get(user) if isinstance(user, int) else None
        self.chat = chat if isinstance(chat, int) else None
        self.bot = bot if isinstance(bot, int) else None

    def message(self, message: Message) -> None:
        chat_key = self._key(message.chat)
        if chat_key is None:
            return
        self.rows[chat_key] = message.chat
        if chat_key == self.chat and self.user is not None and sees(message.chat, self.user):
            self.messages[message.id] = message
        self._wake(len(self.messages) + len(self.rows))

    def chat_changed(self, chat: Chat) -> None:
        chat_key = self._key(chat)
        if chat_key is not None:
            self.rows[chat_key] = chat
            self.about = self.about or chat_key == self.chat
            self._wake(len(self.rows))

    def account(self, account: Account) -> None:
        self.accounts[account.id] = account
        self._wake(0)

    def record(self, entry: Entry) -> None:
        if entry.bot_id == self.bot:
            self.records.append(entry)
            self._wake(len(self.records))
        if entry.kind == "call" and entry.bot_id is not None and self.user is not None and entry.error is None:
            self._heard(entry.method, entry.params, entry.chat_id, entry.bot_id)

    def _heard(self, method: str, params: dict[str, str], chat_id: str | None, bot_id: int) -> None:
        """Calls that a person notices although no message changes: an answered button, a bot that types."""
        if method == "answerCallbackQuery":
            number = str(params.get("callback_query_id"))
            callback = self.world.callbacks.get(number)
            if callback is not None and self.user is not None and callback.user_id == self.user.id:
                self.answers.append({"id": number} | callback.answer)
                self._wake(len(self.answers))
        elif method == "sendChatAction" and self._shows(chat_id, bot_id):
            self.typing.add(bot_id)
            self._wake(0)

    def _shows(self, chat_id: str | None, bot_id: int) -> bool:
        """Whether what this bot calls `chat_id` is the chat on the page."""
        private = self.user is not None and self.chat == bot_id and chat_id == str(self.user.id)
        return private or (self.chat is not None and self.chat < 0 and chat_id == str(self.chat))

    def reset(self) -> None:
        """Who is looked at may be there again, as another object."""
        self.look(self.wanted)
        self._clear()
        self.again = True
        self.woken.set()

    def _key(self, chat: Chat) -> int | None:
        """What its person calls this chat; None when it is none of their business."""
        if self.user is None:
            return None
        if isinstance(chat, Dialog):
            return chat.bot.id if chat.user.id == self.user.id else None
        known = isinstance(chat, Group) and (self.user.id in chat.members or chat.id == self.chat)
        return chat.id if known else None

    def _wake(self, waiting: int) -> None:
        if waiting > BOUND:
            self._clear()
            self.again = True
        self.woken.set()

    def batch(self) -> JSON:
        """All changes since the last time, and none left."""
        batch: JSON = {}
        if self.again:
            batch["again"] = True
        elif self.user is not None:
            user = self.user
            if self.messages:
                batch["messages"] = [seen(message, user) for message in self.messages.values()]
            if self.rows:
                batch["rows"] = [row(chat, user, latest(chat)) for chat in self.rows.values()]
        if self.accounts:
            many = len(self.accounts) > BOUND
            batch["people"] = [] if many else [person(account) for account in self.accounts.values()]
        if self.records:
            batch["records"] = [self.world.journal.told(entry) for entry in self.records]
        named = {"answers": self.answers, "typing": list(self.typing), "about": self.about}
        batch |= {name: value for name, value in named.items() if value}
        self._clear()
        return batch


class _Watch:
    """A window in the words of `live.Watcher`, where `chat` is what happens and not what is shown."""

    def __init__(self, window: Window) -> None:
        self.message, self.chat, self.account = window.message, window.chat_changed, window.account
        self.record, self.reset = window.record, window.reset


async def serve(world: World, receive: Receive, send: Send) -> None:
    """One WebSocket from its opening to its end."""
    await receive()
    await send({"type": "websocket.accept"})
    window = Window(world)
    watch = _Watch(window)
    world.live.watchers.add(watch)
    telling = asyncio.create_task(_tell(window, send))
    try:
        while (message := await receive())["type"] == "websocket.receive":
            _listen(window, message)
    finally:
        world.live.watchers.discard(watch)
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await telling


def _listen(window: Window, message: MutableMapping[str, Any]) -> None:
    with contextlib.suppress(orjson.JSONDecodeError):
        wanted = orjson.loads(message.get("text") or message.get("bytes") or b"{}")
        if isinstance(wanted, dict):
            window.look(wanted)
            window.woken.set()


async def _tell(window: Window, send: Send) -> None:
    """Send what gathered; while the page is slow to take it, changes gather on, up to a bound."""
    while True:
        await window.woken.wait()
        await asyncio.sleep(TOGETHER)
        window.woken.clear()
        await send({"type": "websocket.send", "text": orjson.dumps(window.batch()).decode()})
