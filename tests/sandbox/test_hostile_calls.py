"""Whatever anybody sends: an answer below 500, soon, and nothing that belongs to somebody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.sandbox.accounts import User
from community.sandbox.actions import perform
from community.sandbox.app import Sandbox, create_app
from community.sandbox.description import library
from community.sandbox.methods import METHODS
from community.sandbox.world import DEFAULT_TOKEN, Options
from tests.sandbox.conftest import ANN, OTHER_TOKEN, Served
from tests.sandbox.shapes import Shapes

SECRET = "between-ann-and-her-bot"
NAMES = sorted({each.name for each in METHODS.values()} - {"setWebhook"})
ABSENT = sorted(set(library.functions()) - METHODS.keys())
EXAMPLES = max(10, settings().max_examples // 3)
"""For each method; there are a hundred of them."""
EASY = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
LOOP = asyncio.new_event_loop()
JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"
SOON = 5


@pytest.fixture(scope="module", autouse=True)
def _closed_loop() -> Iterator[None]:
    yield
    LOOP.close()


def ask(
    app: Sandbox, path: str, body: bytes = b"", kind: bytes = b"", verb: str = "POST", query: bytes = b""
) -> tuple[int, bytes]:
    """Status and body; an exception or a wait of seconds fails the test."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": verb, "path": path, "query_string": query}
    scope["headers"] = [(b"host", b"localhost"), (b"content-type", kind)]
    scope |= {"http_version": "1.1", "scheme": "http", "root_path": "", "server": ("t", 80), "client": ("t", 1)}
    LOOP.run_until_complete(asyncio.wait_for(app(scope, receive, send), SOON))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def call(app: Sandbox, token: str, method: str, **params: Any) -> tuple[int, Any]:
    status, body = ask(app, f"/bot{token}/{method}", orjson.dumps(params), JSON)
    return status, orjson.loads(body)


class Scene:
    """Ann's private chat with the first bot and a group of it, both with secrets; the other bot is outside."""

    def __init__(self) -> None:
        self.app = create_app(Options(tokens=(DEFAULT_TOKEN, OTHER_TOKEN)))
        world = self.app.world
        world.add_user(User(ANN, "Ann"))
        for bot in (4242, 5151):
            perform(world, {"do": "start", "user": ANN, "bot": bot})
        self.group = world.add_group("supergroup", SECRET)
        for account in (world.users[ANN], world.bots[4242]):
            self.group.enrol(account, admin=True)
        perform(world, {"do": "say", "user": ANN, "bot": 4242, "text": SECRET})
        self.messages = [self._send(chat, ANN) for chat in (ANN, self.group.id)]
        upload = {"document": f"https://a.b/{SECRET}", "caption": SECRET}
        self.file_id = call(self.app, DEFAULT_TOKEN, "sendDocument", chat_id=ANN, **upload)[1]["result"]["document"][
            "file_id"
        ]
        self.link = call(self.app, DEFAULT_TOKEN, "exportChatInviteLink", chat_id=self.group.id)[1]["result"]
        numbers = [ANN, self.group.id, *self.messages, self.messages[0] - 1, 4242, 5151]
        self.shapes = Shapes(numbers, [str(ANN), str(self.group.id), self.file_id, self.link])

    def _send(self, chat: int, user: int) -> int:
        markup = {"inline_keyboard": [[{"text": SECRET, "callback_data": SECRET}]]}
        number: int = call(self.app, DEFAULT_TOKEN, "sendMessage", chat_id=chat, text=SECRET, reply_markup=markup)[1][
            "result"
        ]["message_id"]
        return number


SCENE = Scene()


@cache
def scene_of(method: str) -> Scene:
    """One for each method, since some would leave no group for the others."""
    return Scene()


@EASY
@given(st.data())
@pytest.mark.parametrize("name", NAMES)
def test_hostile_well_typed_calls(name: str, data: st.DataObject) -> None:
    """Right by type, of any meaning: no crash, the witness looks at the answer, and the outsider sees no secret."""
    fixed = {"timeout": 0} if name == "getUpdates" else {}
    scene = scene_of(name)
    params = data.draw(scene.shapes.call(name, **fixed))
    status, answer = call(scene.app, OTHER_TOKEN, name, **params)
    assert status < 500
    assert SECRET not in json.dumps(answer)
    assert call(scene.app, DEFAULT_TOKEN, name, **params)[0] < 500


def test_hostile_bot_gets_no_foreign_file() -> None:
    path = call(SCENE.app, DEFAULT_TOKEN, "getFile", file_id=SCENE.file_id)[1]["result"]["file_path"]
    assert ask(SCENE.app, f"/file/bot{DEFAULT_TOKEN}/{path}", verb="GET")[0] == 200
    assert call(SCENE.app, OTHER_TOKEN, "getFile", file_id=SCENE.file_id)[0] == 400
    for token in (OTHER_TOKEN, "1:x", "", f"{DEFAULT_TOKEN}x", f"{OTHER_TOKEN}/../bot{DEFAULT_TOKEN}"):
        assert ask(SCENE.app, f"/file/bot{token}/{path}", verb="GET")[0] in (401, 404)
    for wrong in (f"{path}/..", f"../{path}", f"{path}\0", "documents/", "../../../etc/passwd", "/etc/passwd"):
        assert ask(SCENE.app, f"/file/bot{DEFAULT_TOKEN}/{wrong}", verb="GET")[0] == 404


DEEP = b'{"chat_id":' + b"[" * 1_010 + b"]" * 1_010 + b"}"
ODD_BODIES = [
    b"[" * 100_000,
    DEEP,
    b'{"reply_markup":{"inline_keyboard":' + b"[" * 900 + b"]" * 900 + b"}}",
    b'{"chat_id":' + b"9" * 5_000 + b"}",
    b'{"chat_id":1e400}',
    b'{"chat_id":NaN}',
    b'{"chat_id":-Infinity}',
    b'{"chat_id":17,"text":"\\ud800"}',
    b'{"chat_id":17,"text":"\\u0000"}',
    b'{"chat_id":17,"text":"\xed\xa0\x80"}',
    b'{"\\u0000":1}',
    b'{"chat_id":17,"chat_id":18}',
    b"null",
    b'"text"',
    b"\xff\xfe",
    b"chat_id=%ff&text=%00",
    b"chat_id=" + b"9" * 10_000,
    b"&=&==&%&a=%",
    b"--x\r\n\r\n--x--",
    b'--x\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n17\0\r\n--x--',
    b'--x\r\nContent-Disposition: form-data; name="document"; filename="../../x\0"\r\n\r\nd\r\n--x--',
    b'--x\r\nContent-Disposition: form-data; name="text"; filename="f"\r\n\r\nd\r\n--x',
]
KINDS = [JSON, FORM, b"multipart/form-data; boundary=x", b"multipart/form-data", b"text/plain", b"\xff"]


@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
def test_hostile_bodies(body: bytes) -> None:
    for kind in KINDS:
        for name in ("sendMessage", "sendDocument", "getUpdates", ABSENT[0], "x"):
            query = b"" if name != "getUpdates" else b"timeout=0"
            assert ask(SCENE.app, f"/bot{DEFAULT_TOKEN}/{name}", body, kind, query=query)[0] < 500
    for path in ("actions", "users", "bots", "groups", "faults", "updates", "limits", "clock"):
        verb = "PATCH" if path in ("limits", "clock") else "POST"
        assert ask(SCENE.app, f"/control/{path}", body, JSON, verb)[0] < 500
        assert ask(SCENE.app, f"/control/{path}", b"[" + body + b"]", JSON, verb)[0] < 500


def test_hostile_verbs() -> None:
    for verb in ("PUT", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "\0"):
        for path in (f"/bot{DEFAULT_TOKEN}/getMe", f"/file/bot{DEFAULT_TOKEN}/x", "/control/actions"):
            assert 400 <= ask(SCENE.app, path, verb=verb)[0] < 500


def test_hostile_nesting_reaches_no_other_caller() -> None:
    """An update too deep to be written is refused where it is put in, not where it would be taken out."""
    deep: Any = {}
    for _ in range(400):
        deep = {"x": deep}
    body = json.dumps({"update": {"message": deep}}).encode()
    assert ask(SCENE.app, "/control/updates", body, JSON)[0] == 400
    assert call(SCENE.app, DEFAULT_TOKEN, "getUpdates", timeout=0, offset=-1)[0] == 200


async def close(writer: asyncio.StreamWriter) -> None:
    """The other side may have been first, and less polite."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_hostile_bytes_on_the_wire(served: Served) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    lines = [
        b"\0" * 40,
        b"GET\r\n\r\n",
        b"POST /bot%s/getMe HTTP/1.1\r\nContent-Length: -5\r\n\r\n" % DEFAULT_TOKEN.encode(),
    ]
    lines += [b"GET /file/bot%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nConnection: close\r\n\r\n"]
    lines += [b"HEAD /bot/%00 HTTP/1.1\r\nConnection: close\r\n\r\n", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n"]
    for line in lines:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(line)
        answer = await asyncio.wait_for(reader.read(), SOON)
        assert not answer or answer.split(b" ")[1].startswith(b"4"), answer[:200]
        await close(writer)


async def test_hostile_size(served: Served) -> None:
    """A body beyond 50 MB is refused on every endpoint."""
    host, port = served.url.removeprefix("http://").split(":")
    for path in (f"/bot{DEFAULT_TOKEN}/sendDocument", "/control/actions"):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n" % path.encode())
        chunk = b"x" * 1_000_000
        for _ in range(60):
            writer.write(chunk)
            await writer.drain()
        assert (await asyncio.wait_for(reader.readline(), SOON)).split(b" ")[1] == b"413"
        await close(writer)
