"""The ASGI application: bot calls on a short path of their own, files, the control interface and the page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from community.sandbox.connection import cut
from community.sandbox.control import control_app
from community.sandbox.description import library
from community.sandbox.dispatch import UNAUTHORIZED, answer, refusal
from community.sandbox.due import catch_up
from community.sandbox.errors import ApiError, ConnectionCut
from community.sandbox.watching import serving, window
from community.sandbox.watching.guard import refusal as refused
from community.sandbox.world import Options, World

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_LIMIT = 52_428_800
"""Bytes: 50 MB, the largest upload (Bot API, Sending files)."""
NOT_FOUND = ApiError(404, "Not Found")
TICK = 0.5
"""Seconds, real ones, after which the sandbox looks again for what fell due."""
VERBS = ("GET", "POST")
WRONG_VERB = ApiError(405, "Method Not Allowed")
TOO_LARGE = ApiError(413, "Request Entity Too Large")


def create_app(options: Options | None = None) -> Sandbox:
    """A fresh Telegram. Its state is `app.world`."""
    return Sandbox(World(options))


class Sandbox:
    """Serves one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._control = control_app(world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await self._window(scope, receive, send)
        else:
            await self._answer(scope, _own_path(scope), receive, send)

    async def _answer(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        if scope["method"] not in VERBS and not path.startswith("/control/"):
            await _respond(send, *refusal(WRONG_VERB))
        elif path.startswith("/bot"):
            await self._bot_call(scope, path, receive, send)
        elif path.startswith("/file/bot"):
            await self._download(path, send)
        elif reason := refused(scope, self.world.options.hosts):
            await _give(send, serving.forbidden(reason))
        elif path == "/" or path.startswith("/page/"):
            # The page's own addresses begin at the root, so under a prefix it is not there.
            await _give(send, serving.answer(self.world, scope["path"]))
        else:
            await self._control(scope, receive, send)

    async def _window(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The page's WebSocket; any other is refused before it opens."""
        if scope["path"] != "/page/live" or refused(scope, self.world.options.hosts):
            await send({"type": "websocket.close", "code": 1008})
        else:
            await window.serve(self.world, receive, send)

    async def _bot_call(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        token, _, name = path[4:].rpartition("/")
        body = await _read(receive)
        if body is None:
            await _respond(send, *refusal(TOO_LARGE))
            return
        kind = next((value for key, value in scope["headers"] if key == b"content-type"), b"")
        try:
            status, payload = await answer(self.world, token, name, scope["query_string"], kind, body)
        except ConnectionCut as wanted:
            await cut(receive, reset=wanted.reset)
        else:
            await _respond(send, status, payload)

    async def _download(self, path: str, send: Send) -> None:
        """``/file/bot<token>/<file_path>``: only files this bot was given an id for."""
        token, _, file_path = path[9:].partition("/")
        bot = self.world.tokens.get(token)
        unique_id = file_path.removeprefix("documents/").partition("/")[0]
        file = self.world.files.get(unique_id) if bot is not None and bot.knows_file(unique_id) else None
        if bot is None:
            await _respond(send, *refusal(UNAUTHORIZED))
        elif file is None or file.path != file_path:
            await _respond(send, *refusal(NOT_FOUND))
        else:
            await _respond(send, 200, file.data, b"application/octet-stream")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.living():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Time passes and webhooks are delivered to until the block ends: the lifespan, for an application around it.

        Meanwhile the description of the Bot API is loaded, 0.3 s of work that the first call need not wait for.
        """
        asyncio.get_running_loop().run_in_executor(None, library.names)
        self.world.open()
        time_passes = asyncio.create_task(self._let_time_pass())
        try:
            yield
        finally:
            time_passes.cancel()
            await self.world.close()

    async def _let_time_pass(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            catch_up(self.world)


def _own_path(scope: Scope) -> str:
    """What follows the prefix under which another application has mounted this one (ASGI, root_path)."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT:
            return None
    return b"".join(parts)


async def _give(send: Send, answer: serving.Answer) -> None:
    status, headers, body = answer
    headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _respond(send: Send, status: int, body: bytes, kind: bytes = b"application/json") -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
