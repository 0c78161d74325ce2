"""Every answer the sandbox gives and every update it queues during the tests, held against Telegram's types.

Whoever adds a method need not add a test of the shape of its answers: one that calls it is enough.
"""

from __future__ import annotations

import os
import types
import typing
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
import telegram

from community.sandbox import app
from community.sandbox.description import library, newer
from community.sandbox.description.types import IllTyped, check_of
from community.sandbox.dispatch import answer
from community.sandbox.methods import METHODS
from community.sandbox.updates import Inbox


class Witness:
    """What was wrong, with how often and the test that showed it first; and which methods answered at all."""

    def __init__(self) -> None:
        self.wrong: Counter[str] = Counter()
        self.shown_by: dict[str, str] = {}
        self.answered: set[str] = set()

    def answer(self, name: str, body: bytes) -> None:
        known = METHODS.get(name) or METHODS[name.lower()]
        self.answered.add(known.name)
        if known.name != "getUpdates":  # seen when they were queued; tests also inject nonsense
            self._look(known.name, library.returned(known.name), orjson.loads(body)["result"])

    def update(self, kind: str, payload: Any) -> None:
        body = orjson.loads(orjson.dumps({"update_id": 1, kind: payload}))
        self._look(f"update {kind}", telegram.Update, body)

    def _look(self, what: str, annotation: Any, value: Any) -> None:
        for fault in faults(annotation, value):
            self.wrong[f"{what}: {fault}"] += 1
            self.shown_by.setdefault(f"{what}: {fault}", os.environ.get("PYTEST_CURRENT_TEST", ""))

    def story(self) -> str:
        return "\n".join(f"{count} × {fault}\n    {self.shown_by[fault]}" for fault, count in self.wrong.items())


def faults(annotation: Any, value: Any) -> list[str]:
    """What keeps a value from being of a type of the Bot API."""
    found = [f"null at {place}" for place in nulls(value)]
    try:
        if not check_of(annotation)(value):
            found.append(f"not {check_of(annotation).expected}: {str(value)[:200]}")
    except IllTyped as error:
        found.append(f"{error}: {str(value)[:300]}")
    if found:
        return found
    return [fault for parsed in parse(annotation, value) for fault in leftovers(parsed)]


def nulls(value: Any, place: str = "result") -> Iterator[str]:
    """Telegram leaves out what is not there."""
    if value is None:
        yield place
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from nulls(child, f"{place}.{key}")


def parse(annotation: Any, value: Any) -> list[Any]:
    """What python-telegram-bot makes of a value."""
    if isinstance(value, list):
        item = typing.get_args(annotation)[0]
        return [parsed for each in value for parsed in parse(item, each)]
    if isinstance(annotation, types.UnionType):
        annotation = typing.get_args(annotation)[0]
    return [annotation.de_json(value, None)] if isinstance(value, dict) else []


def leftovers(parsed: Any) -> Iterator[str]:
    """Fields that the library did not know, at any depth."""
    if isinstance(parsed, tuple):
        for each in parsed:
            yield from leftovers(each)
    if not isinstance(parsed, telegram.TelegramObject):
        return
    kind = type(parsed).__name__
    for name in parsed.api_kwargs.keys() - newer.ADDED.get(kind, {}).keys():
        yield f"{kind} has no {name}"
    for attribute in parsed._get_attrs(recursive=False, include_private=False).values():
        yield from leftovers(attribute)


@contextmanager
def watching(witness: Witness) -> Iterator[None]:
    async def watched(world: Any, token: str, name: str, *request: Any) -> tuple[int, bytes]:
        status, body = await answer(world, token, name, *request)
        if status == 200:
            witness.answer(name, body)
        return status, body

    queue = Inbox.put

    def put(inbox: Inbox, kind: str, payload: dict[str, Any], *how: Any, **more: Any) -> int | None:
        witness.update(kind, payload)
        return queue(inbox, kind, payload, *how, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "answer", watched)
        patch.setattr(Inbox, "put", put)
        yield
