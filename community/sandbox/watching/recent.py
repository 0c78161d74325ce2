"""The newest updates and calls of every bot, in order and with timing, for whoever looks at a bot."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from community.sandbox.accounts import Bot
    from community.sandbox.journal import Entry
    from community.sandbox.updates import Update

JSON = dict[str, Any]
KEPT = 4_000


@dataclass(slots=True)
class Record:
    """An update put into a bot's queue, or a call that has its answer. `at`: real seconds; `took`: seconds."""

    number: int
    bot_id: int
    at: float
    took: float
    update: Update | None
    call: Entry | None

    def as_json(self) -> JSON:
        record: JSON = {"number": self.number, "bot": self.bot_id, "at": self.at}
        if self.update is not None:
            return record | {"update": self.update.body}
        call = asdict(self.call) if self.call is not None else {}
        return record | {"took": self.took, "call": call}


class Recent:
    """Numbered from 1 across all bots; the oldest are forgotten."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque(maxlen=KEPT)
        self.count = 0

    def update(self, bot: Bot, update: Update) -> Record:
        return self._add(Record(0, bot.id, time.time(), 0.0, update, None))

    def call(self, entry: Entry) -> Record:
        took = time.monotonic() - entry.arrived
        return self._add(Record(0, entry.bot_id, time.time() - took, took, None, entry))

    def _add(self, record: Record) -> Record:
        self.count += 1
        record.number = self.count
        self.records.append(record)
        return record

    def select(self, bot_id: int, before: int | None, limit: int) -> list[JSON]:
        """The newest of one bot below number `before`, oldest first."""
        found: list[JSON] = []
        for record in reversed(self.records):
            if record.bot_id == bot_id and (before is None or record.number < before):
                found.append(record.as_json())
                if len(found) == limit:
                    break
        return found[::-1]
