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
        self.headers: dict[str, str] = {}
        self.answers: list[dict[str, Any]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.updates.append(await request.json())
            self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        if status == 200 and self.answers:
            return web.json_response(self.answers.pop(0))
        return web.Response(status=status, headers=self.headers)

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
    for refused, why in ((poll, "terminated by setWebhook"), (bot.get_updates(), "webhook is active")):
        with pytest.raises(Conflict, match=why):
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
    with pytest.raises(BadRequest, match=r"(?i)too long"):
        await bot.set_webhook("http://127.0.0.1:9/", secret_token="x" * 257)
    with pytest.raises(BadRequest, match=r"(?i)invalid IP"):
        await bot.set_webhook("http://127.0.0.1:9/", ip_address="home")
    with pytest.raises(BadRequest, match=r"(?i)certificate size is too big"):
        await bot.set_webhook("http://127.0.0.1:9/", certificate=bytes((3 << 20) + 1))


async def test_the_settings_can_be_read(bot: Bot, sandbox: SandboxClient) -> None:
    await bot.set_webhook("https://bot.example.org/", ip_address="127.0.0.9", certificate=b"pem", max_connections=999)
    info = await bot.get_webhook_info()
    assert (info.ip_address, info.has_custom_certificate, info.max_connections) == ("127.0.0.9", True, 100)
    assert info.allowed_updates == ()
    await bot.delete_webhook()
    assert (await bot.get_webhook_info()).ip_address is None


async def test_a_redirect_is_not_followed(bot: Bot, sandbox: SandboxClient, receiver: Receiver) -> None:
    receiver.statuses, receiver.headers = [302], {"Location": receiver.url}
    await bot.set_webhook(receiver.url)
    await sandbox.start(ANN)
    await sandbox.wait_idle(bot=bot.id)
    assert len(receiver.updates) == 1
    assert "302" in str((await bot.get_webhook_info()).last_error_message)
    await bot.delete_webhook()


async def test_a_method_in_the_answer_is_carried_out(bot: Bot, sandbox: SandboxClient, receiver: Receiver) -> None:
    receiver.answers = [
        {"method": "sendMessage", "chat_id": ANN, "text": "hello"},
        {"method": "deleteWebhook"},
        {"method": "sendMessage", "chat_id": 999, "text": "nobody"},
        {"method": "noSuchMethod"},
        {"method": ["sendMessage"]},
    ]
    await bot.set_webhook(receiver.url, max_connections=1)
    await sandbox.act_all([{"do": "say", "user": ANN, "text": str(number)} for number in range(5)])
    await sandbox.wait_idle(bot=bot.id)
    assert [message["text"] for message in await sandbox.received(ANN)] == ["hello"]
    calls = [(entry["method"], entry["error"]) for entry in await sandbox.journal()]
    assert calls[1:] == [("sendMessage", None), ("sendMessage", 400)]
    assert (await bot.get_webhook_info()).url == receiver.url
    await bot.delete_webhook()


async def test_trying_ends_when_an_update_is_a_day_old(bot: Bot, sandbox: SandboxClient, receiver: Receiver) -> None:
    receiver.statuses = [500] * 100
    await bot.set_webhook(receiver.url)
    await sandbox.start(ANN)
    await sandbox.advance_clock(86_401)
    await sandbox.wait_idle(bot=bot.id)
    assert receiver.updates == []
    receiver.statuses = []
    await sandbox.say(ANN, None, "now")
    await sandbox.wait_idle(bot=bot.id)
    assert receiver.texts() == ["now"]
    await bot.delete_webhook()


async def test_the_other_side_may_ask_for_a_pause(bot: Bot, sandbox: SandboxClient, receiver: Receiver) -> None:
    receiver.statuses, receiver.headers = [429], {"Retry-After": "3000"}
    await bot.set_webhook(receiver.url)
    await sandbox.start(ANN)
    async with asyncio.timeout(2):
        while (await bot.get_webhook_info()).last_error_message is None:
            await asyncio.sleep(0.01)
    assert (await sandbox.pending())[bot.id] == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert (await sandbox.pending())[bot.id] == 0


async def test_settings_made_at_the_same_time_leave_one_webhook(
    bot: Bot, sandbox: SandboxClient, receiver: Receiver
) -> None:
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    await sandbox.act_all([{"do": "say", "user": ANN, "text": text} for text in ("a", "b")])
    await asyncio.gather(*(bot.set_webhook(receiver.url, secret_token=f"s{number}") for number in range(5)))
    await sandbox.say(ANN, None, "c")
    await sandbox.wait_idle(bot=bot.id)
    # What was under way when a setting went comes again.
    assert list(dict.fromkeys(receiver.texts())) == ["a", "b", "c"]
    await bot.delete_webhook()


async def test_the_same_settings_again_change_nothing(bot: Bot, sandbox: SandboxClient, receiver: Receiver) -> None:
    receiver.statuses = [500]
    await bot.set_webhook(receiver.url)
    await sandbox.start(ANN)
    await sandbox.wait_idle(bot=bot.id)
    await bot.set_webhook(receiver.url, allowed_updates=["poll"])
    info = await bot.get_webhook_info()
    assert (info.allowed_updates, info.last_error_date is None) == (("poll",), False)
    await bot.set_webhook(receiver.url, max_connections=2)
    assert (await bot.get_webhook_info()).last_error_date is None
    await bot.delete_webhook()
