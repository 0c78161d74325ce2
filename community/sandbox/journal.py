"""What bots called and what came of it; and, in order, what reached people."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

SHOWN = 80
HIDDEN = frozenset({"secret_token", "certificate"})


@dataclass(slots=True)
class Entry:
    """`date`: sandbox seconds. `arrived`: monotonic seconds. `error`: None for success, else the code."""

    number: int
    date: float
    arrived: float
    bot_id: int
    method: str
    chat_id: str | None
    params: dict[str, str]
    error: int | None
    description: str | None
    fault: str | None


def _shown(value: Any) -> str:
    """The beginning of a value; nothing of one that is nested too deeply for Python."""
    try:
        return str(value)[:SHOWN]
    except RecursionError:
        return "…"


class Journal:
    """The newest `limit` calls; older ones are forgotten."""

    def __init__(self, limit: int) -> None:
        self.entries: deque[Entry] = deque(maxlen=limit)
        self.count = 0

    def add(
        self, date: float, arrived: float, bot_id: int, method: str, raw: dict[str, Any], error: int | None,
        description: str | None, fault: str | None,
    ) -> Entry:  # fmt: skip
        self.count += 1
        chat = raw.get("chat_id")
        summary = {key: _shown(value) for key, value in raw.items() if key != "chat_id" and key not in HIDDEN}
        chat_id = None if chat is None else _shown(chat)
        entry = Entry(self.count, date, arrived, bot_id, method, chat_id, summary, error, description, fault)
        self.entries.append(entry)
        return entry

    def select(
        self, *, after: int = 0, method: str | None = None, chat_id: str | None = None, bot_id: int | None = None,
        limit: int = 1000,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Calls in order, those numbered above `after` only."""
        chosen = (
            entry
            for entry in self._after(after)
            if (method is None or entry.method == method)
            and (chat_id is None or entry.chat_id == chat_id)
            and (bot_id is None or entry.bot_id == bot_id)
        )
        return [asdict(entry) for entry in islice(chosen, limit)]

    def _after(self, number: int) -> Iterator[Entry]:
        skipped = self.count - len(self.entries)
        return islice(self.entries, max(0, number - skipped), None)
