"""Faults on request."""

import asyncio
import time
from datetime import timedelta

import aiohttp
import pytest
from telegram import Bot
from telegram.error import ChatMigrated, Forbidden, NetworkError, RetryAfter

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, RawCaller


@pytest.fixture(autouse=True)
async def opened(sandbox: SandboxClient) -> None:
    await sandbox.act_all([{"do": "start", "user": ANN}, {"do": "start", "user": BOB}])


async def texts(sandbox: SandboxClient) -> list[str]:
    return [seen["text"] for seen in await sandbox.received(ANN)]


async def test_a_dropped_answer_hides_a_sent_message(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.add_fault("drop_after_accept", method="sendMessage", times=1)
    with pytest.raises(NetworkError):
        await bot.send_message(ANN, "one")
    await bot.send_message(ANN, "two")
    assert await texts(sandbox) == ["one", "two"]
    [dropped] = [entry for entry in await sandbox.journal(method="sendMessage") if entry["fault"]]
    assert (dropped["fault"], dropped["description"]) == ("drop_after_accept", "answer dropped")


async def test_a_reset_has_no_effect(sandbox: SandboxClient, call: RawCaller) -> None:
    await sandbox.add_fault("reset", times=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await call("sendMessage", chat_id=ANN, text="one")
    assert await texts(sandbox) == []


async def test_server_errors_with_and_without_effect(call: RawCaller, sandbox: SandboxClient) -> None:
    await sandbox.add_fault("status", status=502, nth=1)
    await sandbox.add_fault("status", status=503, nth=2, after_effect=True)
    assert (await call("sendMessage", chat_id=ANN, text="one"))[0] == 502
    assert (await call("sendMessage", chat_id=ANN, text="two"))[0] == 503
    assert (await call("sendMessage", chat_id=ANN, text="three"))[0] == 200
    assert await texts(sandbox) == ["two", "three"]


async def test_rules_choose_by_method_chat_and_turn(bot: Bot, sandbox: SandboxClient) -> None:
    number = await sandbox.add_fault("blocked", method="send*", chat=BOB, every=2)
    await bot.send_message(BOB, "one")
    with pytest.raises(Forbidden, match="blocked by the user"):
        await bot.send_message(BOB, "two")
    await bot.send_message(ANN, "three")
    [rule] = (await sandbox.faults())["rules"]
    assert (rule["matched"], rule["hits"]) == (2, 1)
    await sandbox.clear_faults(number)
    assert (await sandbox.faults())["rules"] == []


async def test_too_many_on_request(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.add_fault("too_many", retry_after=7, probability=1, times=1)
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(ANN, "one")
    assert caught.value.retry_after == timedelta(seconds=7)


async def test_latency_holds_for_many_calls_at_once(call: RawCaller, sandbox: SandboxClient) -> None:
    await sandbox.set_latency(300)
    began = time.monotonic()
    await asyncio.gather(*(call("sendMessage", chat_id=ANN, text=str(number)) for number in range(100)))
    assert 0.3 <= time.monotonic() - began < 2
    await sandbox.clear_faults()
    began = time.monotonic()
    await sandbox.add_fault("latency", method="getMe", latency_ms=200)
    await call("sendMessage", chat_id=ANN, text="quick")
    assert time.monotonic() - began < 0.2


async def test_a_slow_call_does_nothing_to_a_world_that_began_anew(call: RawCaller, sandbox: SandboxClient) -> None:
    await sandbox.set_latency(100)
    slow = asyncio.create_task(call("createChatInviteLink", chat_id=await sandbox.create_group("Group")))
    await asyncio.sleep(0.03)
    await sandbox.reset()
    assert await slow == (401, {"ok": False, "error_code": 401, "description": "Unauthorized"})


async def test_a_bad_rule_is_refused(sandbox: SandboxClient) -> None:
    with pytest.raises(Exception, match="kind"):
        await sandbox.add_fault("explode")


async def test_deactivated_and_kicked(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group")
    await sandbox.add_fault("deactivated", chat=ANN)
    await sandbox.add_fault("kicked", chat=group)
    with pytest.raises(Forbidden, match="user is deactivated"):
        await bot.send_message(ANN, "one")
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.send_message(group, "two")
    assert await texts(sandbox) == []


async def test_migrate_really_migrates_a_basic_group(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", kind="group")
    await sandbox.add_fault("migrate", chat=group, method="sendMessage")
    for _ in range(2):  # struck by the fault, then refused by the group itself
        with pytest.raises(ChatMigrated) as caught:
            await bot.send_message(group, "one")
    moved = {each["id"]: each["migrated_to"] for each in (await sandbox.chats())["groups"]}
    assert moved == {group: caught.value.new_chat_id, caught.value.new_chat_id: None}
    await bot.send_message(caught.value.new_chat_id, "two")


async def test_rules_are_switched_and_changed(bot: Bot, sandbox: SandboxClient) -> None:
    number = await sandbox.add_fault("blocked", enabled=False)
    await bot.send_message(ANN, "one")
    changed = await sandbox.change_fault(number, enabled=True, kind="deactivated")
    assert (changed["enabled"], changed["matched"], changed["id"]) == (True, 0, number)
    with pytest.raises(Forbidden, match="deactivated"):
        await bot.send_message(ANN, "two")
    for wrong, why in (({"status": 200}, "status"), ({"wings": 2}, "wings"), ({"kind": "tired"}, "kind")):
        with pytest.raises(SandboxError, match=why):
            await sandbox.change_fault(number, **wrong)
    with pytest.raises(SandboxError, match="no fault 99"):
        await sandbox.change_fault(99, enabled=True)
    assert (await sandbox.faults())["rules"] == [changed | {"matched": 1, "hits": 1}]
