"""A whole world in a file: what is kept, the file's form, and taking it over into a world that runs.

The file is lines of JSON: a header that names the form, its version and the checksum of the rest, the shapes of the
classes, the world, then an object a line (see graph.py).
"""

from __future__ import annotations

import gc
import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from community.sandbox.accounts import Account
from community.sandbox.errors import Refused
from community.sandbox.graph import Decoder, Encoder, dismissed
from community.sandbox.limits import Gate, Meter, Windows
from community.sandbox.live import Live
from community.sandbox.updates import Inbox
from community.sandbox.world import World

FORM = "telegram-sandbox-state"
VERSION = 2


def _nothing() -> None:
    return None


TRANSIENT: dict[type, dict[str, Callable[[], Any]]] = {
    World: {"options": _nothing, "live": Live, "couriers": dict, "serving": bool, "first_update_ids": dict},
    Account: {"_json": _nothing},
    Inbox: {"arrived": _nothing, "put_in": _nothing, "_poll": _nothing},
    Gate: {"windows": Windows, "until": dict},
    Meter: {"windows": Windows},
}
"""All that is not kept: who watches and delivers, polls in flight, caches, windows on the monotonic clock."""


def save(world: World) -> bytes:
    """The world as a file. Raises Refused when something in it cannot be kept."""
    world.clock.pause()
    encoder = Encoder(TRANSIENT, _undelivered(world))
    away = dismissed(World, TRANSIENT)
    with _no_collection():
        lines = list(encoder.lines({name: value for name, value in vars(world).items() if name not in away}))
    body = b"\n".join([orjson.dumps(encoder.shapes), *lines]) + b"\n"
    header = {"form": FORM, "version": VERSION, "sha256": hashlib.sha256(body).hexdigest(), "saved": world.clock.now()}
    return orjson.dumps(header) + b"\n" + body


@contextmanager
def _no_collection() -> Iterator[None]:
    """Looking for garbage among a million new objects, again and again, takes longer than making them."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _undelivered(world: World) -> dict[int, dict[str, Any]]:
    """What a courier carries belongs to the queue it came from."""
    return {
        id(courier.inbox): {"queue": deque([*courier.waiting.values(), *courier.inbox.queue])}
        for courier in world.couriers.values()
    }


def read(data: bytes, world: World) -> dict[str, Any]:
    """The attributes for a world such as this one, which stays as it is. Raises Refused for any other file."""
    header, _, body = data.partition(b"\n")
    _check(header, body)
    away = dismissed(World, TRANSIENT)
    try:
        shapes, root, *rows = body.splitlines()
        with _no_collection():
            state = Decoder(orjson.loads(shapes), rows, TRANSIENT).build(orjson.loads(root))
        fitting = {name: type(value) for name, value in vars(world).items() if name not in away}
        if {name: type(value) for name, value in state.items()} != fitting:
            raise Refused("another version of the sandbox saved this state: the world has other parts")
        _try_out(state)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise Refused("this state file is damaged") from None
    return state


def _check(header: bytes, body: bytes) -> None:
    try:
        about = orjson.loads(header)
    except orjson.JSONDecodeError:
        about = None
    if not isinstance(about, dict) or about.get("form") != FORM:
        raise Refused("this is not a state file of the sandbox")
    if about.get("version") != VERSION:
        raise Refused(f"this state file has version {about.get('version')}; this sandbox reads version {VERSION}")
    if hashlib.sha256(body).hexdigest() != about.get("sha256"):
        raise Refused("this state file is damaged: its checksum differs, perhaps it is cut short")


def _try_out(state: dict[str, Any]) -> None:
    """Look once at all there is to see, so that wrong contents show before the world is replaced."""
    for account in [*state["users"].values(), *state["bots"].values()]:
        account.as_json()
    chats = [*state["groups"].values(), *(dialog for bot in state["bots"].values() for dialog in bot.dialogs.values())]
    for chat in chats:
        chat.as_json()
        for message in chat.messages.values():
            message.as_seen()
    for each in [*state["till"].payments.values(), *state["till"].subscriptions]:
        each.as_seen()
    for entry in state["journal"].entries:
        state["journal"].told(entry)


async def load(world: World, data: bytes) -> None:
    """Make a world what a file says. Raises Refused, and then nothing has changed."""
    state = read(data, world)
    await world.replace(state)
