"""Long polling, confirmation, conflicts, what is asked for."""

import asyncio
import time

import pytest
from telegram import Bot, Update
from telegram.error import BadRequest, Conflict
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes

from community.sandbox.client import SandboxClient
from community.sandbox.world import DEFAULT_TOKEN, Options, World

from .conftest import ANN, RawCaller, Served

GO = {"text": "Go", "callback_data": "go"}


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


async def test_what_was_queued_before_is_not_filtered_later(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    assert len(await bot.get_updates(allowed_updates=["poll"])) == 1
    await sandbox.start(ANN)
    assert len(await bot.get_updates()) == 1
    await bot.get_updates(allowed_updates=["MESSAGE", "no such kind"])
    await sandbox.start(ANN)
    assert len(await bot.get_updates()) == 2


async def test_an_offset_far_ahead_confirms_nothing(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.act_all([{"do": "say", "user": ANN, "text": str(number)} for number in range(3)])
    last = (await bot.get_updates())[-1].update_id
    assert len(await bot.get_updates(offset=last + 100)) == 3
    assert await bot.get_updates(offset=last + 2) == ()
    assert (await sandbox.pending())[bot.id] == 0


async def test_a_negative_offset_forgets_all_but_the_newest(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.act_all([{"do": "say", "user": ANN, "text": str(number)} for number in range(5)])
    assert len(await bot.get_updates(offset=-2)) == 2
    assert len(await bot.get_updates()) == 2
    assert len(await bot.get_updates(offset=-99)) == 2


async def test_updates_wait_a_day_and_pressed_buttons_150_seconds(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    await bot.send_message(ANN, "?", api_kwargs={"reply_markup": {"inline_keyboard": [[GO]]}})
    await sandbox.press(ANN, text="Go")
    await sandbox.advance_clock(140)
    assert len(await bot.get_updates()) == 2
    await sandbox.advance_clock(20)
    assert len(await bot.get_updates()) == 1
    await sandbox.advance_clock(86_400)
    assert (await sandbox.pending())[bot.id] == 0


async def test_logging_out_shuts_the_bot_out_for_ten_minutes(bot: Bot, call: RawCaller, sandbox: SandboxClient) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=5))
    while not (await sandbox.meter())["methods"].get("getUpdates"):
        await asyncio.sleep(0.005)
    assert await bot.log_out()
    with pytest.raises(BadRequest, match="Logged out"):
        await poll
    assert await call("getMe") == (400, {"ok": False, "error_code": 400, "description": "Logged out"})
    await sandbox.advance_clock(600)
    assert (await call("getMe"))[0] == 200


async def test_closing_again_within_ten_minutes_is_refused(call: RawCaller, sandbox: SandboxClient) -> None:
    await sandbox.set_clock(2_000_000_000, frozen=True)
    assert (await call("close"))[0] == 200
    await sandbox.advance_clock(500)
    status, answer = await call("close")
    assert (status, answer["parameters"]) == (429, {"retry_after": 100})
    await sandbox.advance_clock(100)
    assert (await call("close"))[0] == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("4242:no/getMe", 401), ("7:x/getMe", 401), ("x/getMe", 404), ("/getMe", 404), ("4242:sandbox-token", 404)],
)
async def test_a_wrong_token_is_unauthorized_and_a_bad_path_not_found(
    call: RawCaller, path: str, status: int
) -> None:  # fmt: skip
    async with call.session.get(f"{call.url}/bot{path}") as response:
        assert response.status == status
        assert (await response.json())["error_code"] == status


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
