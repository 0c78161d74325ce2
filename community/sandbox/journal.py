"""What happened, in order: calls, updates, gestures, what fell due; and which messages each touched."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

JSON = dict[str, Any]
Kind = Literal["call", "update", "gesture", "due"]
Effect = tuple[str, int, int]
"""What happened to a message (made, edited, deleted, reacted, changed), its chat, its number."""
SHOWN = 80
BODIES = 4_000
"""Of how many updates, the newest, the whole body is kept."""
HIDDEN = frozenset({"secret_token", "certificate"})
_EFFECTS: ContextVar[list[Effect] | None] = ContextVar("effects", default=None)


def noted(change: str, chat_id: int, message_id: int) -> None:
    """Add to the effects of what is under way, if something is."""
    effects = _EFFECTS.get()
    if effects is not None:
        effects.append((change, chat_id, message_id))


@contextmanager
def noting() -> Iterator[list[Effect]]:
    """Collects the effects of what happens within."""
    effects: list[Effect] = []
    token = _EFFECTS.set(effects)
    try:
        yield effects
    finally:
        _EFFECTS.reset(token)


@dataclass(slots=True)
class Entry:
    """`date`: sandbox seconds. `arrived`: monotonic seconds. `error`: None for success, else the code.

    `method` is a call's method, an update's kind, a gesture's `do` or what fell due. `user_id` is who made the gesture
    or caused the update. `duration` is in seconds: of a call to its answer, of an update to its confirmation by the bot
    (None until then). `params` are cut to 80 characters; `effects` lead to the whole text.
    """

    number: int
    date: float
    arrived: float
    bot_id: int | None
    method: str
    chat_id: str | None
    params: dict[str, str]
    error: int | None = None
    description: str | None = None
    fault: str | None = None
    kind: Kind = "call"
    user_id: int | None = None
    duration: float | None = None
    effects: list[Effect] | tuple[()] = ()

    def as_json(self) -> JSON:
        entry = {name: getattr(self, name) for name in FIELDS}
        entry["effects"] = [
            {"change": change, "chat_id": chat_id, "message_id": message_id}
            for change, chat_id, message_id in self.effects
        ]
        return entry

    def settled(self) -> None:
        """An update was confirmed, or accepted by the webhook."""
        self.duration = time.monotonic() - self.arrived


FIELDS = tuple(Entry.__slots__)


def _shown(value: Any) -> str:
    """The beginning of a value; nothing of one that is nested too deeply for Python."""
    try:
        return str(value)[:SHOWN]
    except RecursionError:
        return "…"


class Journal:
    """The newest `limit` entries; older ones are forgotten. `bodies`: of the newest updates, by the entry's number."""

    def __init__(self, limit: int) -> None:
        self.entries: deque[Entry] = deque(maxlen=limit)
        self.count = 0
        self.bodies: dict[int, JSON] = {}

    def add(self, date: float, arrived: float, bot_id: int | None, method: str, raw: JSON, **more: Any) -> Entry:
        """`raw`: parameters as they came; `more`: further fields of an entry."""
        self.count += 1
        chat = raw.get("chat_id")
        summary = {key: _shown(value) for key, value in raw.items() if key != "chat_id" and key not in HIDDEN}
        chat_id = None if chat is None else _shown(chat)
        entry = Entry(self.count, date, arrived, bot_id, method, chat_id, summary, **more)
        self.entries.append(entry)
        return entry

    def update(self, date: float, bot_id: int, body: JSON) -> Entry:
        """An update put into a bot's queue."""
        kind = next((key for key in body if key != "update_id"), "")
        about = body.get(kind)
        told = about if isinstance(about, dict) else {}
        message = told if "message_id" in told else _object(told, "message")
        chat, person = _object(message, "chat") or _object(told, "chat"), _object(told, "from") or _object(told, "user")
        raw = {"update_id": body["update_id"], "chat_id": chat.get("id"), "message_id": message.get("message_id")}
        given = {key: value for key, value in raw.items() if value is not None}
        by = _number(person.get("id"))
        entry = self.add(date, time.monotonic(), bot_id, kind, given, kind="update", user_id=by)
        self.bodies[entry.number] = body
        if len(self.bodies) > BODIES:
            del self.bodies[next(iter(self.bodies))]
        return entry

    def told(self, entry: Entry) -> JSON:
        """An entry with the body of its update, if that is still kept."""
        body = self.bodies.get(entry.number)
        return entry.as_json() | ({"update": body} if body is not None else {})

    def newest(self, bot_id: int, before: int | None, limit: int) -> list[Entry]:
        """A bot's newest calls and updates below number `before`, oldest first."""
        own = (entry for entry in reversed(self.entries) if entry.bot_id == bot_id)
        return list(islice((entry for entry in own if before is None or entry.number < before), limit))[::-1]

    @contextmanager
    def due(self, date: float, method: str) -> Iterator[None]:
        """What falls due, with its effects."""
        with noting() as effects:
            yield
        self.add(date, time.monotonic(), None, method, {}, kind="due", effects=effects or ())

    def select(self, accept: Callable[[Entry], bool], after: int = 0, limit: int | None = None) -> list[Entry]:
        """Accepted entries in order, those numbered above `after` only."""
        return list(islice(filter(accept, self._after(after)), limit))

    def bound(self, limit: int) -> None:
        """Keep at most the newest `limit` entries from now on."""
        self.entries = deque(self.entries, maxlen=limit)

    def _after(self, number: int) -> Iterator[Entry]:
        skipped = self.count - len(self.entries)
        return islice(self.entries, max(0, number - skipped), None)


def _object(value: JSON, name: str) -> JSON:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
