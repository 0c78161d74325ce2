"""Delivery by webhook."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from telegram import Bot, Update
from telegram.error import BadRequest, Conflict

from community.sandbox.client import SandboxClient

from .conftest import ANN, BOB

SECRET = "s3cret_-"


class Receiver:
    """A web server that keeps what it gets and answers as told."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        self.secrets: list[str | None] = []
        self.statuses: list[int] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.updates.append(await request.json())
            self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        return web.Response(status=status)

    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.updates]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


async def test_updates_come_in_order_with_the_secret(bot: Bot, sandbox: SandboxClient, receiver: Receiver) -> None:
    await bot.set_webhook(receiver.url, secret_token=SECRET, max_connections=1)
    await sandbox.act_all([{"do": "say", "user": ANN, "text": str(number)} for number in range(50)])
    await sandbox.wait_idle(bot=bot.id)
    assert receiver.texts() == [str(number) for number in range(50)]
    assert set(receiver.secrets) == {SECRET}
    assert all(Update.de_json(update, bot) for update in receiver.updates)
    await bot.delete_webhook()


async def test_order_holds_per_user_over_many_connections(bot: Bot, sandbox: SandboxClient, receiver: Receiver) -> None:
    await bot.set_webhook(receiver.url)
    says = [{"do": "say", "user": user, "text": f"{user} {number}"} for number in range(20) for user in (ANN, BOB)]
    await sandbox.act_all(says)
    await sandbox.wait_idle(bot=bot.id)
    for user in (ANN, BOB):
        own = [text for text in receiver.texts() if text.startswith(str(user))]
        assert own == [f"{user} {number}" for number in range(20)]
    await bot.delete_webhook()


async def test_a_failing_webhook_is_tried_again(bot: Bot, sandbox: SandboxClient, receiver: Receiver) -> None:
    receiver.statuses = [500, 503]
    await bot.set_webhook(receiver.url)
    await sandbox.act_all([{"do": "say", "user": ANN, "text": text} for text in ("a", "b")])
    await sandbox.wait_idle(bot=bot.id)
    assert receiver.texts() == ["a", "b"]
    info = await bot.get_webhook_info()
    assert info.last_error_message is not None
    assert "503" in info.last_error_message
    await bot.delete_webhook()


async def test_polling_conflicts_with_a_webhook(bot: Bot, sandbox: SandboxClient, receiver: Receiver) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=5))
    while not (await sandbox.meter())["methods"].get("getUpdates"):
        await asyncio.sleep(0.005)
    await bot.set_webhook(receiver.url, allowed_updates=["message"])
    for refused in (poll, bot.get_updates()):
        with pytest.raises(Conflict, match="webhook is active"):
            await refused
    info = await bot.get_webhook_info()
    assert (info.url, info.max_connections, info.allowed_updates) == (receiver.url, 40, ("message",))
    await bot.delete_webhook()
    assert (await bot.get_webhook_info()).url == ""


async def test_undelivered_updates_survive_the_webhook_unless_dropped(bot: Bot, sandbox: SandboxClient) -> None:
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    await sandbox.act_all([{"do": "say", "user": ANN, "text": text} for text in ("a", "b")])
    assert (await bot.get_webhook_info()).pending_update_count == 2
    await bot.delete_webhook()
    assert [update.message.text for update in await bot.get_updates() if update.message] == ["a", "b"]
    await bot.set_webhook("http://127.0.0.1:9/nobody", drop_pending_updates=True)
    assert (await bot.get_webhook_info()).pending_update_count == 0
    await bot.delete_webhook()


async def test_bad_settings_are_refused(bot: Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)invalid webhook url"):
        await bot.set_webhook("ftp://example.org")
    with pytest.raises(BadRequest, match=r"(?i)unallowed characters"):
        await bot.set_webhook("http://127.0.0.1:9/", secret_token="ä b")
