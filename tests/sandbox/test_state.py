"""Keeping the whole sandbox in a file, and going on from it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import telegram
from aiohttp import web

from community.sandbox import graph
from community.sandbox.accounts import User
from community.sandbox.client import SandboxClient, SandboxError
from community.sandbox.commands import Scope
from community.sandbox.state import TRANSIENT
from community.sandbox.testing import serving

from .conftest import ANN, BOB, OTHER_TOKEN, Served, make_bot
from .rich import live, sights

ROOT = Path(__file__).parents[2]


async def test_a_fresh_sandbox_goes_on_where_the_saved_one_stood(
    bot: telegram.Bot, sandbox: SandboxClient, tmp_path: Path
) -> None:
    club = await live(sandbox, bot)
    before, file = await sights(sandbox), tmp_path / "world"
    await sandbox.save(file)
    assert await sights(sandbox) == before
    waiting = await bot.get_updates(timeout=0)
    async with serving("1:another-token") as fresh:
        await fresh.client.load(file)
        assert await sights(fresh.client) == before
        async with make_bot(fresh, bot.token) as again:
            await _goes_on(again, fresh.client, club, waiting)


async def _goes_on(bot: telegram.Bot, sandbox: SandboxClient, club: int, waiting: tuple[telegram.Update, ...]) -> None:
    """Updates come with their numbers, files by their ids, a button answers, links count, bans hold."""
    updates = await bot.get_updates(timeout=0)
    assert [update.update_id for update in updates] == [update.update_id for update in waiting]
    assert await bot.get_updates(offset=updates[-1].update_id + 1, timeout=0) == ()
    pressed = updates[-1].callback_query
    assert pressed is not None
    await bot.answer_callback_query(pressed.id, "Done")
    assert (await sandbox.callback(pressed.id))["text"] == "Done"
    [file] = [update.message.document for update in updates if update.message and update.message.document]
    assert bytes(await (await bot.get_file(file.file_id)).download_as_bytearray()) == b"smile"
    await sandbox.press(ANN, text="Go")
    assert (await bot.get_updates(timeout=1))[0].update_id == updates[-1].update_id + 1
    [spring] = [link for link in await sandbox.invite_links(club) if link.get("name") == "Spring"]
    await sandbox.leave(ANN, club)
    assert [link["joined"] for link in await sandbox.invite_links(club) if link.get("name") == "Spring"] == [
        spring["joined"] - 1
    ]
    with pytest.raises(telegram.error.Forbidden):
        await bot.send_message(BOB, "blocked")
    assert (await bot.get_my_commands(language_code="de"))[0].command == "help"
    asked = [update.pre_checkout_query for update in updates if update.pre_checkout_query]
    await asked[-1].answer(ok=True)
    await sandbox.advance_clock(31 * 86_400)
    assert (await bot.get_my_star_balance()).amount == 400


async def test_a_bot_that_went_on_meanwhile_still_hears(
    bot: telegram.Bot, sandbox: SandboxClient, tmp_path: Path
) -> None:
    """Its offset is ahead of the saved numbers, so what waits gets new ones."""
    await sandbox.say(ANN, None, "one")
    await sandbox.save(tmp_path / "world")
    await sandbox.say(ANN, None, "two")
    offset = (await bot.get_updates(timeout=0))[-1].update_id + 1
    await bot.get_updates(offset=offset, timeout=0)
    await sandbox.load(tmp_path / "world")
    [update] = await bot.get_updates(offset=offset, timeout=0)
    assert update.message is not None
    assert update.message.text == "one"


async def test_delivery_by_webhook_goes_on(sandbox: SandboxClient, other: telegram.Bot, tmp_path: Path) -> None:
    came: list[int] = []
    down = True

    async def receive(request: web.Request) -> web.Response:
        if not down:
            came.append((await request.json())["update_id"])
        return web.Response(status=500 if down else 200)

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await other.set_webhook(f"http://127.0.0.1:{runner.addresses[0][1]}/", secret_token="s3cret")
    await sandbox.say(ANN, other.id, "hello")
    await sandbox.save(tmp_path / "world")
    await other.delete_webhook(drop_pending_updates=True)
    down = False
    async with serving() as fresh:
        await fresh.client.load(tmp_path / "world")
        await fresh.client.wait_idle()
    assert len(came) == 1
    await runner.cleanup()


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _newer(data: bytes) -> bytes:
    header = json.loads(_lines(data)[0]) | {"version": 99}
    return json.dumps(header).encode() + b"\n" + b"".join(_lines(data)[1:])


def _forged(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Other contents with a right checksum."""

    def forge(data: bytes) -> bytes:
        body = b"".join(_lines(data)[1:])
        assert old in body
        body = body.replace(old, new)
        header = json.loads(_lines(data)[0]) | {"sha256": hashlib.sha256(body).hexdigest()}
        return json.dumps(header).encode() + b"\n" + body

    return forge


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: b"", "not a state file"),
        (lambda data: b"\xff\x00PNG" * 99, "not a state file"),
        (lambda data: b'{"form": "other"}\n', "not a state file"),
        (lambda data: b"[]\n", "not a state file"),
        (lambda data: data[: len(data) // 2], "damaged"),
        (lambda data: data.replace(b"Ann", b"Anm"), "damaged"),
        (_newer, "version 99"),
        (_forged(b"accounts:User", b"accounts:Ghost"), "another version"),
        (_forged(b'"deactivated"', b'"wings"'), "another version"),
        (_forged(b"accounts:User", b"server:Server"), "another version"),
        (_forged(b'["r",1]', b'["r",-1]'), "damaged"),
        (_forged(b'["r",1]', b'["r",10000000]'), "damaged"),
        (_forged(b'["r",1]', b'["?",1]'), "damaged"),
        (_forged(b'"first_name"', b'"as_json"'), "another version"),
        (_forged(b'"users":', b'"people":'), "another version"),
    ],
)
async def test_a_file_that_cannot_be_used_changes_nothing(
    sandbox: SandboxClient, tmp_path: Path, spoil: Callable[[bytes], bytes], told: str
) -> None:
    await sandbox.start(ANN)
    good, bad = tmp_path / "good", tmp_path / "bad"
    await sandbox.save(good)
    bad.write_bytes(spoil(good.read_bytes()))
    before = await sights(sandbox)
    with pytest.raises(SandboxError, match=told) as caught:
        await sandbox.load(bad)
    assert "\n" not in str(caught.value)
    assert await sights(sandbox) == before


async def test_what_cannot_be_kept_is_named(served: Served, sandbox: SandboxClient, tmp_path: Path) -> None:
    (tmp_path / "world").write_text("as it was")
    served.app.world.users[ANN].first_name = print  # type: ignore[assignment]
    with pytest.raises(SandboxError, match=r"User holds a builtins\.builtin_function"):
        await sandbox.save(tmp_path / "world")
    assert {name: (tmp_path / name).read_text() for name in os.listdir(tmp_path)} == {"world": "as it was"}


def test_any_graph_comes_back_the_same() -> None:
    """Cycles, sharing, and every kind of container."""
    ann = User(1, "Ann")
    shared = [1, 2.5, None, True, "ü", float("inf"), b"\x00\xff"]
    ann.requests = {1: ann, 2: shared, 3: shared}  # type: ignore[dict-item]
    scope = {(Scope("chat", 1), "de"): {Scope("default")}}
    root = {
        "scopes": scope,
        "a": ann,
        "b": (1, frozenset({2})),
        "c": {3},
        "": {(1, "x"): [[]]},
        "r": ["r", 0],
        "=": ["=", 0],
    }
    encoder = graph.Encoder(TRANSIENT, {})
    first, *rows = encoder.lines(root)
    back = graph.Decoder(encoder.shapes, rows, TRANSIENT).build(json.loads(first))
    again = back.pop("a")
    assert back == {name: value for name, value in root.items() if name != "a"}
    assert again.requests[1] is again
    assert again.requests[2] is again.requests[3]
    assert again.requests[2] == shared


def _run(state: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "community.sandbox", "--port", "0", "--state", str(state), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().partition("http://")[2].partition("/")[0]


async def test_the_command_saves_at_its_end_and_begins_with_what_it_saved(tmp_path: Path) -> None:
    state = tmp_path / "world"
    seen = []
    for arguments in ([], ["--token", OTHER_TOKEN]):
        with _run(state, *arguments) as process:
            async with SandboxClient(f"http://{_address(process)}") as client:
                if not seen:
                    await client.create_user(ANN, "Ann")
                seen.append(await client.chats())
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
    assert seen[0]["users"] == seen[1]["users"]
    assert [len(each["bots"]) for each in seen] == [1, 2]
    assert os.listdir(tmp_path) == ["world"]


def test_a_file_the_command_cannot_use_is_one_clear_line_and_stays(tmp_path: Path) -> None:
    state = tmp_path / "world"
    state.write_text("something else")
    for path in (state, tmp_path, tmp_path / "no" / "file"):
        with _run(path) as process:
            _, errors = process.communicate(timeout=20)
        assert process.returncode == 1
        [line] = errors.splitlines()
        assert str(path) in line
    assert state.read_text() == "something else"
