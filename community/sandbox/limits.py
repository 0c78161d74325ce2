"""Rate limits over sliding windows of arrivals, and the meter that measures them whether enforced or not."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from community.sandbox.errors import ApiError, too_many
from community.sandbox.stars import PAID_BROADCAST, Purse

SECOND = 1.0
MINUTE = 60.0


@dataclass(slots=True)
class Limits:
    """What Telegram allows a bot: messages a second, a second in one private chat, a minute in one group.

    `chat_burst`: messages more that a quiet private chat takes at once. `paid_per_second`: with paid broadcast.
    """

    enforced: bool = False
    per_second: int = 30
    per_chat_second: int = 1
    per_group_minute: int = 20
    chat_burst: int = 0
    paid_per_second: int = 1000

    def chat(self, chat_id: int) -> tuple[float, int]:
        """Seconds of a chat's window, and how many messages it takes."""
        if chat_id < 0:
            return MINUTE, self.per_group_minute
        return SECOND + self.chat_burst / self.per_chat_second, self.per_chat_second + self.chat_burst


@dataclass(slots=True)
class Window:
    """Arrivals within the last `span` seconds."""

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
    """The windows of one bot. Those of quiet chats are swept away now and then, so memory follows traffic."""

    def __init__(self) -> None:
        self.bot = Window(SECOND)
        self.minute = Window(MINUTE)
        self.chats: dict[int, Window] = {}
        self._swept = 0.0

    def chat(self, chat_id: int, now: float, span: float) -> Window:
        window = self.chats.get(chat_id)
        if window is None:
            self._sweep(now)
            window = self.chats[chat_id] = Window(span)
        window.span = span
        return window

    def _sweep(self, now: float) -> None:
        if now - self._swept > MINUTE:
            self._swept = now
            self.chats = {chat_id: window for chat_id, window in self.chats.items() if window.count(now)}


class Gate:
    """Lets a message pass or says how long to wait. Who is told to wait is refused until the wait is over.

    Refused calls do not fill the windows. `until`: end of the wait by chat, None for the whole bot.
    """

    def __init__(self) -> None:
        self.windows = Windows()
        self.until: dict[int | None, float] = {}

    def check(
        self, limits: Limits, chat_id: int | None, now: float, purse: Purse | None = None, date: int = 0
    ) -> ApiError | None:  # fmt: skip
        """`purse`: of a bot that asks for paid broadcast, which is billed at `date` (sandbox seconds)."""
        if not limits.enforced:
            return None
        paid = False
        wait = self._bots_wait(now, limits.per_second)
        if wait > 0 and purse is not None and purse.nano >= PAID_BROADCAST:
            paid, wait = True, self.windows.bot.wait(now, limits.paid_per_second)
        if wait > 0:
            return self._refuse(None, wait, now)
        if chat_id is not None:
            span, allowed = limits.chat(chat_id)
            window = self.windows.chat(chat_id, now, span)
            wait = max(self._pause(chat_id, now), window.wait(now, allowed))
            if wait > 0:
                return self._refuse(chat_id, wait, now)
            window.add(now)
        self.windows.bot.add(now)
        if paid and purse is not None:
            purse.bill(1, date)
        return None

    def _bots_wait(self, now: float, allowed: int) -> float:
        return max(self._pause(None, now), self.windows.bot.wait(now, allowed))

    def _pause(self, chat_id: int | None, now: float) -> float:
        """What is left of a wait. Those over are forgotten."""
        end = self.until.get(chat_id)
        if end is None or end > now:
            return 0.0 if end is None else end - now
        del self.until[chat_id]
        return 0.0

    def _refuse(self, chat_id: int | None, wait: float, now: float) -> ApiError:
        seconds = max(1, math.ceil(wait))
        if chat_id not in self.until:
            self.until[chat_id] = now + seconds
        return too_many(seconds)


class Meter:
    """Calls of one bot as they arrived. The `worst_…` figures count messages and edits only."""

    def __init__(self) -> None:
        self.methods: Counter[str] = Counter()
        self.windows = Windows()
        self.refused = 0
        self.refused_chats: Counter[int] = Counter()
        self.worst_second = 0
        self.worst_minute = 0
        self.worst_chat_second = 0
        self.worst_chat: int | None = None
        self.worst_group_minute = 0
        self.worst_group: int | None = None

    def arrived(self, chat_id: int | None, now: float) -> None:
        self.worst_second = max(self.worst_second, self.windows.bot.add(now))
        self.worst_minute = max(self.worst_minute, self.windows.minute.add(now))
        if chat_id is None:
            return
        count = self.windows.chat(chat_id, now, MINUTE if chat_id < 0 else SECOND).add(now)
        if chat_id < 0 and count > self.worst_group_minute:
            self.worst_group_minute, self.worst_group = count, chat_id
        elif chat_id >= 0 and count > self.worst_chat_second:
            self.worst_chat_second, self.worst_chat = count, chat_id

    def refuse(self, chat_id: int | None) -> None:
        """A call got 429."""
        self.refused += 1
        if chat_id is not None:
            self.refused_chats[chat_id] += 1

    def reading(self) -> dict[str, Any]:
        return {
            "calls": self.methods.total(),
            "methods": dict(self.methods),
            "worst_second": self.worst_second,
            "worst_minute": self.worst_minute,
            "worst_chat_second": self.worst_chat_second,
            "worst_chat": self._worst(self.worst_chat),
            "worst_group_minute": self.worst_group_minute,
            "worst_group": self._worst(self.worst_group),
            "too_many": self.refused,
        }

    def _worst(self, chat_id: int | None) -> dict[str, int] | None:
        """Which chat it was, and how often it got 429."""
        return None if chat_id is None else {"chat_id": chat_id, "too_many": self.refused_chats[chat_id]}
