"""Rate limits and the meter."""

import asyncio
from datetime import timedelta

import pytest
from telegram import Bot
from telegram.error import RetryAfter

from community.sandbox.client import SandboxClient
from community.sandbox.limits import Gate, Limits, Meter

from .conftest import ANN, RawCaller

ON = Limits(enforced=True)


async def test_limits_are_off_by_default_but_measured(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    group = await sandbox.create_group("Group")
    await asyncio.gather(*(bot.send_message(ANN, str(number)) for number in range(5)))
    await asyncio.gather(*(bot.send_message(group, str(number)) for number in range(25)))
    await bot.get_me()
    reading = await sandbox.meter()
    assert reading["methods"] == {"sendMessage": 30, "getMe": 1}
    assert (reading["calls"], reading["worst_group_minute"], reading["too_many"]) == (31, 25, 0)
    assert 1 < reading["worst_chat_second"] <= 5
    assert reading["worst_second"] > 5
    await sandbox.reset_meter()
    assert (await sandbox.meter())["calls"] == 0


async def test_a_second_message_within_a_second_is_refused(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    await sandbox.set_limits()
    await bot.send_message(ANN, "one")
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(ANN, "two")
    assert caught.value.retry_after == timedelta(seconds=1)
    assert (await sandbox.meter())["too_many"] == 1
    assert [seen["text"] for seen in await sandbox.received(ANN)] == ["one"]


async def test_the_answer_is_telegrams(call: RawCaller, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    await sandbox.set_limits(per_chat_second=1)
    await call("sendMessage", chat_id=ANN, text="one")
    status, answer = await call("sendMessage", chat_id=ANN, text="two")
    assert status == 429
    assert answer == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    }


async def test_edits_count_for_groups(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group")
    await sandbox.set_limits(per_group_minute=2)
    sent = await bot.send_message(group, "one")
    await bot.edit_message_text("two", group, sent.message_id)
    with pytest.raises(RetryAfter) as caught:
        await bot.edit_message_text("three", group, sent.message_id)
    assert timedelta(seconds=50) <= caught.value.retry_after <= timedelta(seconds=60)  # type: ignore[operator]
    await bot.get_chat(group)


def test_windows_slide() -> None:
    gate = Gate()
    accepted = [now / 100 for now in range(200) if gate.check(ON, now + 1, now / 100) is None]
    assert len(accepted) == 60
    assert all(later - earlier > 0.999 for earlier, later in zip(accepted, accepted[30:], strict=False))


def test_a_private_chat_takes_one_a_second_and_a_group_twenty_a_minute() -> None:
    gate = Gate()
    assert [gate.check(ON, 7, now) is None for now in (0.0, 0.999, 1.5, 1.999)] == [True, False, False, True]
    group = [gate.check(ON, -7, 10.0 + number) is None for number in range(21)]
    assert group == [True] * 20 + [False]
    refused = gate.check(ON, -7, 60.0)
    assert refused is not None
    assert refused.parameters == {"retry_after": 10}
    assert gate.check(ON, -7, 70.0) is None


def test_the_meter_keeps_the_worst() -> None:
    meter = Meter()
    for now in (0.0, 0.5, 0.9, 5.0, 5.1):
        meter.arrived(7, now)
    assert (meter.reading()["worst_second"], meter.reading()["worst_chat_second"]) == (3, 3)
