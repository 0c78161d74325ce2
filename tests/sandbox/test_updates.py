"""Long polling, confirmation, conflicts, what is asked for."""

import asyncio
import time

import pytest
from telegram import Bot, Update
from telegram.error import Conflict
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes

from community.sandbox.client import SandboxClient
from community.sandbox.world import DEFAULT_TOKEN, Options, World

from .conftest import ANN, RawCaller, Served


async def test_a_long_poll_ends_with_the_first_update(bot: Bot, sandbox: SandboxClient) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=5))
    while not (await sandbox.meter())["methods"].get("getUpdates"):
        await asyncio.sleep(0.005)
    began = time.monotonic()
    await sandbox.start(ANN)
    [update] = await poll
    assert update.message is not None
    assert time.monotonic() - began < 2


async def test_an_empty_poll_waits_its_time_and_returns_nothing(call: RawCaller) -> None:
    began = time.monotonic()
    assert await call("getUpdates", timeout=1) == (200, {"ok": True, "result": []})
    assert 0.9 < time.monotonic() - began < 2


async def test_updates_stay_until_confirmed_by_offset(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.act_all([{"do": "say", "user": ANN, "text": str(number)} for number in range(5)])
    first = await bot.get_updates(limit=2)
    assert [update.message.text for update in first if update.message] == ["0", "1"]
    assert await bot.get_updates(limit=2) == first
    assert (await sandbox.pending())[bot.id] == 5
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert len(rest) == 3
    assert (await bot.get_updates(offset=-1))[0].update_id == rest[-1].update_id
    await bot.get_updates(offset=rest[-1].update_id + 1)
    await sandbox.wait_idle(bot=bot.id)


async def test_a_second_poll_ends_the_first(bot: Bot, sandbox: SandboxClient) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=5))
    while not (await sandbox.meter())["methods"].get("getUpdates"):
        await asyncio.sleep(0.005)
    await bot.get_updates()
    with pytest.raises(Conflict, match="terminated by other getUpdates"):
        await first


async def test_allowed_updates_are_kept_until_changed(bot: Bot, sandbox: SandboxClient) -> None:
    await bot.get_updates(allowed_updates=["callback_query"])
    await sandbox.start(ANN)
    assert await bot.get_updates() == ()
    await bot.get_updates(allowed_updates=[])
    await sandbox.start(ANN)
    assert len(await bot.get_updates()) == 1


async def test_update_ids_rise_across_resets_and_restarts(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.act_all([{"do": "say", "user": ANN, "text": "x"}] * 50)
    last = (await bot.get_updates())[-1].update_id
    await sandbox.reset()
    await sandbox.create_user(ANN)
    await sandbox.start(ANN)
    again = (await bot.get_updates())[0].update_id
    assert again > last
    while time.time_ns() // 1_000_000 <= again:
        await asyncio.sleep(0.001)
    assert World(Options()).tokens[DEFAULT_TOKEN].inbox.next_id > again


async def test_injected_updates_arrive_as_they_are(call: RawCaller, sandbox: SandboxClient) -> None:
    number = await sandbox.inject({"message": {"nonsense": True}})
    _, answer = await call("getUpdates")
    assert answer["result"] == [{"update_id": number, "message": {"nonsense": True}}]


async def test_an_application_runs_unchanged(served: Served, sandbox: SandboxClient) -> None:
    async def start(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None
        markup = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
        await update.message.reply_text(f"hello {context.args}", api_kwargs={"reply_markup": markup})

    async def go(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("ok")
        await update.callback_query.edit_message_text("gone")

    builder = Application.builder().token(DEFAULT_TOKEN).base_url(f"{served.url}/bot")
    application = builder.base_file_url(f"{served.url}/file/bot").build()
    application.add_handlers([CommandHandler("start", start), CallbackQueryHandler(go)])
    async with application:
        assert application.updater is not None
        await application.updater.start_polling(poll_interval=0, timeout=1)
        await application.start()
        await sandbox.start(ANN, payload="ref")
        await until_received(sandbox, "hello ['ref']")
        await sandbox.press(ANN, data="go")
        await until_received(sandbox, "gone")
        await application.updater.stop()
        await application.stop()


async def until_received(sandbox: SandboxClient, text: str) -> None:
    async with asyncio.timeout(5):
        while text not in [seen["text"] for seen in await sandbox.received(ANN)]:
            await asyncio.sleep(0.01)
