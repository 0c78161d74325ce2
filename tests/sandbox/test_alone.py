"""The package alone: no other part of the project is there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from community.sandbox.app import create_app

PACKAGE = Path(__file__).parents[2] / "community" / "sandbox"
CONFTEST = """
import sys

sys.meta_path[:] = [each for each in sys.meta_path if "editable" not in str(each)]  # where the project is installed
pytest_plugins = ["community.sandbox.pytest_plugin"]
"""
TESTS = """
import asyncio
import importlib.util

import telegram

from community.sandbox.testing import serving


def test_nothing_else_is_there():
    assert importlib.util.find_spec("community.sandbox")
    assert not importlib.util.find_spec("community.settings")


def bot_of(place):
    return telegram.Bot(place.token, base_url=place.base_url, base_file_url=place.base_file_url)


def test_a_bot_answers(telegram_sandbox):
    async def answer():
        await telegram_sandbox.client.create_user(17, "Ann")
        await telegram_sandbox.client.start(17, payload="hello")
        async with bot_of(telegram_sandbox) as bot:
            [update] = await bot.get_updates()
            await bot.send_message(update.message.chat_id, update.message.text)
        return await telegram_sandbox.client.received(17)

    assert [message["text"] for message in asyncio.run(answer())] == ["/start hello"]


def test_each_test_has_a_fresh_world_and_needs_no_loop(telegram_sandbox):
    assert telegram_sandbox.wait(telegram_sandbox.client.chats())["users"] == []


def test_it_serves_for_the_length_of_a_block():
    async def whole():
        async with serving("7:token") as sandbox, bot_of(sandbox) as bot:
            return (await bot.get_me()).id

    assert asyncio.run(whole()) == 7
"""


def test_the_package_alone_serves_a_bot_and_its_fixture(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "community" / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "community" / "__init__.py").touch()
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_bot.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "--rootdir",
        ".",
    ]
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_in_process_it_is_a_plain_asgi_application() -> None:
    program = """
import asyncio, httpx
from community.sandbox.app import create_app

async def ask():
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://telegram") as http:
        await http.post("/control/users", json=[{"id": 17}])
        await http.post("/control/actions", json=[{"do": "start", "user": 17}])
        sent = await http.post("/bot4242:sandbox-token/sendMessage", json={"chat_id": 17, "text": "hi"})
        print(sent.json()["result"]["text"])

asyncio.run(ask())
"""
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "hi\n", done.stderr


async def test_another_application_mounts_it_and_lets_it_live() -> None:
    app = create_app()
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/telegram", app)]))
    token = "4242:sandbox-token"
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/telegram") as http, app.living():
        await http.post("/control/users", json=[{"id": 17}])
        await http.post("/control/actions", json=[{"do": "start", "user": 17}])
        sent = await http.post(f"/bot{token}/sendDocument", data={"chat_id": 17}, files={"document": b"hi"})
        number = sent.json()["result"]["document"]["file_id"]
        path = (await http.post(f"/bot{token}/getFile", json={"file_id": number})).json()["result"]["file_path"]
        assert (await http.get(f"/file/bot{token}/{path}")).content == b"hi"
        assert [(await http.get(path)).status_code for path in ("/", "/page/icon.svg")] == [404, 404]
        assert app.world.serving
