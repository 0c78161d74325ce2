"""Rate limits over sliding windows of arrivals, and the meter that measures them whether enforced or not."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from community.sandbox.errors import ApiError, too_many

SECOND = 1.0
MINUTE = 60.0


@dataclass(slots=True)
class Limits:
    """What Telegram allows a bot: messages a second, a second in one private chat, a minute in one group."""

    enforced: bool = False
    per_second: int = 30
    per_chat_second: int = 1
    per_group_minute: int = 20


@dataclass(slots=True)
class Window:
    """Arrivals within the last `span` seconds; `worst` is the most there ever were."""

    span: float
    arrivals: deque[float] = field(default_factory=deque)

    def count(self, now: float) -> int:
        arrivals, edge = self.arrivals, now - self.span
        while arrivals and arrivals[0] <= edge:
            arrivals.popleft()
        return len(arrivals)

    def add(self, now: float) -> int:
        """Count one more; how many the window now holds."""
        self.arrivals.append(now)
        return self.count(now)

    def wait(self, now: float, allowed: int) -> float:
        """Seconds until one more fits; 0 when it fits now."""
        count = self.count(now)
        if count < allowed:
            return 0.0
        return self.arrivals[count - max(allowed, 1)] + self.span - now


class Windows:
    """The three windows of one bot. Those of quiet chats are swept away now and then, so memory follows traffic."""

    def __init__(self) -> None:
        self.bot = Window(SECOND)
        self.chats: dict[int, Window] = {}
        self._swept = 0.0

    def chat(self, chat_id: int, now: float) -> Window:
        window = self.chats.get(chat_id)
        if window is None:
            self._sweep(now)
            window = self.chats[chat_id] = Window(MINUTE if chat_id < 0 else SECOND)
        return window

    def _sweep(self, now: float) -> None:
        if now - self._swept > MINUTE:
            self._swept = now
            self.chats = {chat_id: window for chat_id, window in self.chats.items() if window.count(now)}


class Gate:
    """Lets a message pass or says how long to wait. Refused calls do not fill the windows."""

    def __init__(self) -> None:
        self.windows = Windows()

    def check(self, limits: Limits, chat_id: int | None, now: float) -> ApiError | None:
        if not limits.enforced:
            return None
        wait = self.windows.bot.wait(now, limits.per_second)
        chat = None if chat_id is None else self.windows.chat(chat_id, now)
        if chat is not None and chat_id is not None:
            allowed = limits.per_group_minute if chat_id < 0 else limits.per_chat_second
            wait = max(wait, chat.wait(now, allowed))
        if wait > 0:
            return too_many(max(1, math.ceil(wait)))
        self.windows.bot.add(now)
        if chat is not None:
            chat.add(now)
        return None


class Meter:
    """Calls of one bot as they arrived. The `worst_…` figures count messages and edits only."""

    def __init__(self) -> None:
        self.methods: Counter[str] = Counter()
        self.windows = Windows()
        self.refused = 0
        self.worst_second = 0
        self.worst_chat_second = 0
        self.worst_group_minute = 0

    def arrived(self, chat_id: int | None, now: float) -> None:
        self.worst_second = max(self.worst_second, self.windows.bot.add(now))
        if chat_id is None:
            return
        count = self.windows.chat(chat_id, now).add(now)
        if chat_id < 0:
            self.worst_group_minute = max(self.worst_group_minute, count)
        else:
            self.worst_chat_second = max(self.worst_chat_second, count)

    def reading(self) -> dict[str, Any]:
        return {
            "calls": self.methods.total(),
            "methods": dict(self.methods),
            "worst_second": self.worst_second,
            "worst_chat_second": self.worst_chat_second,
            "worst_group_minute": self.worst_group_minute,
            "too_many": self.refused,
        }
