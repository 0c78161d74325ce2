"""Bot API methods by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from community.sandbox.accounts import Bot
from community.sandbox.params import Params
from community.sandbox.world import World


@dataclass(slots=True)
class Call:
    """What a method works on."""

    world: World
    bot: Bot
    params: Params


Handler = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Method:
    """`paced`: counts as a message for rate limits. `waits`: the handler is a coroutine."""

    name: str
    handler: Handler
    paced: bool
    waits: bool


METHODS: dict[str, Method] = {}
"""By Telegram's spelling and in lower case: names are case-insensitive."""


def method(name: str, *, paced: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler; what it returns is the call's `result`."""

    def register(handler: Handler) -> Handler:
        METHODS[name] = METHODS[name.lower()] = Method(name, handler, paced, inspect.iscoroutinefunction(handler))
        return handler

    return register
