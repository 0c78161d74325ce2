"""What happened: asked for by kind, method, chat, person, time or outcome; and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field
from starlette.responses import Response

from community.sandbox.control.registry import JSON, Asked, route
from community.sandbox.errors import Refused
from community.sandbox.journal import FIELDS, Effect, Entry
from community.sandbox.messages import Message
from community.sandbox.world import World

Accept = Callable[[Entry], bool]


class JournalQuery(Asked):
    """`since` and `until` are sandbox seconds, the second not included. `error`: a code, or "any" or "none"."""

    kind: Literal["call", "update", "gesture", "due", "all"] = "call"
    after: Annotated[int, Field(ge=0, le=2**52)] = 0
    method: str | None = None
    chat_id: str | None = None
    user: int | None = None
    bot_id: int | None = None
    error: int | Literal["any", "none"] | None = None
    since: Annotated[float, Field(allow_inf_nan=False)] | None = None
    until: Annotated[float, Field(allow_inf_nan=False)] | None = None
    limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = 1000

    def accept(self, world: World) -> Accept:
        """What an entry must be. Only what was asked for costs anything."""
        wanted: list[Accept] = []
        for name in ("kind", "method", "bot_id"):
            value = getattr(self, name)
            if value is not None and value != "all":
                wanted.append(_equals(name, value))
        if self.since is not None or self.until is not None:
            first, last = self.since or 0.0, self.until if self.until is not None else float("inf")
            wanted.append(lambda entry: first <= entry.date < last)
        if self.error is not None:
            wanted.append(_outcome(self.error))
        if self.chat_id is not None:
            wanted.append(_in_chat(self.chat_id))
        if self.user is not None:
            wanted.append(_about(world, self.user))
        return lambda entry: all(accept(entry) for accept in wanted)


def _equals(name: str, value: Any) -> Accept:
    return lambda entry: getattr(entry, name) == value


def _outcome(error: int | str) -> Accept:
    if error in ("any", "none"):
        return lambda entry: (entry.error is not None) == (error == "any")
    return lambda entry: entry.error == error


def _in_chat(chat_id: str) -> Accept:
    """Named by the call, or touched by it."""
    return lambda entry: entry.chat_id == chat_id or any(str(chat) == chat_id for _, chat, _ in entry.effects)


def _about(world: World, user_id: int) -> Accept:
    """What someone did, what reached them in private, and what happened in groups while they were there."""

    def reached(effect: Effect, date: float) -> bool:
        change, chat_id, message_id = effect
        group = world.groups.get(chat_id)
        if group is None:
            return chat_id == user_id
        return group.met(user_id, message_id) if change == "made" else group.was_present(user_id, date)

    return lambda entry: entry.user_id == user_id or any(reached(effect, entry.date) for effect in entry.effects)


class ExportQuery(JournalQuery):
    """All there is, of every kind, unless asked for less."""

    format: Literal["jsonl", "csv"] = "jsonl"
    kind: Literal["call", "update", "gesture", "due", "all"] = "all"
    limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class MessageQuery(Asked):
    """`bot`: whose private chat, if `chat` is a person."""

    chat: int
    message: int
    bot: int | None = None


def _selected(world: World, wanted: JournalQuery) -> list[Entry]:
    return world.journal.select(wanted.accept(world), wanted.after, wanted.limit)


@route("GET", "journal")
def journal(world: World, asked: Any) -> list[JSON]:
    return [entry.as_json() for entry in _selected(world, JournalQuery.model_validate(asked))]


@route("GET", "journal/export")
def export(world: World, asked: Any) -> Response:
    wanted = ExportQuery.model_validate(asked)
    entries = _selected(world, wanted)
    if wanted.format == "csv":
        return Response(_table(entries), media_type="text/csv; charset=utf-8")
    lines = [orjson.dumps(entry.as_json(), option=orjson.OPT_APPEND_NEWLINE) for entry in entries]
    return Response(b"".join(lines), media_type="application/x-ndjson")


def _table(entries: list[Entry]) -> str:
    page = io.StringIO(newline="")
    writer = csv.writer(page)
    writer.writerow(FIELDS)
    writer.writerows(_row(entry) for entry in entries)
    return page.getvalue()


def _row(entry: Entry) -> list[Any]:
    """Parameters and effects are JSON in their cells."""
    cells = entry.as_json()
    return [orjson.dumps(cell).decode() if isinstance(cell, (dict, list)) else cell for cell in cells.values()]


@route("GET", "message")
def message(world: World, asked: Any) -> JSON:
    """One message by an effect's chat and number, as people see it, deleted or not."""
    wanted = MessageQuery.model_validate(asked)
    found = _find(world, wanted)
    if found is None:
        raise Refused(f"no message {wanted.message} in chat {wanted.chat}")
    return found.as_seen()


def _find(world: World, wanted: MessageQuery) -> Message | None:
    group = world.groups.get(wanted.chat)
    if group is not None:
        return group.messages.get(wanted.message)
    bots = [bot for bot in world.bots.values() if wanted.bot in (None, bot.id) and wanted.chat in bot.dialogs]
    messages = (bot.dialogs[wanted.chat].messages.get(wanted.message) for bot in bots)
    return next((each for each in messages if each is not None), None)
