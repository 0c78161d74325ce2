"""Rate limits and the meter."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from telegram import Bot
from telegram.error import RetryAfter

from community.sandbox.client import SandboxClient
from community.sandbox.limits import Gate, Limits, Meter
from community.sandbox.stars import NANO, Purse, Transaction

from .conftest import ANN, BOB, EVE, RawCaller

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


async def test_the_meter_names_the_worst_chats(bot: Bot, sandbox: SandboxClient) -> None:
    await asyncio.gather(*(sandbox.start(user) for user in (ANN, BOB)))
    group = await sandbox.create_group("Group")
    await sandbox.set_limits(per_group_minute=1)
    await bot.send_message(BOB, "one")
    await bot.send_message(group, "one")
    for chat in (ANN, ANN, group):
        with contextlib.suppress(RetryAfter):
            await bot.send_message(chat, "again")
    reading = await sandbox.meter()
    assert reading["worst_minute"] == 5
    assert reading["worst_chat"] == {"chat_id": ANN, "too_many": 1}
    assert reading["worst_group"] == {"chat_id": group, "too_many": 1}


def test_a_flooding_bot_is_refused_until_the_wait_is_over() -> None:
    """Also where the window would have room again; other chats are not concerned."""
    gate = Gate()
    limits = Limits(enforced=True, chat_burst=2)
    accepted = [gate.check(limits, 7, now) is None for now in (0.0, 0.1, 0.2, 0.3, 3.1, 3.3)]
    assert accepted == [True, True, True, False, False, True]
    assert gate.check(limits, 8, 0.4) is None


def test_a_burst_is_tolerated_but_not_kept_up() -> None:
    gate = Gate()
    limits = Limits(enforced=True, chat_burst=3)
    accepted = [now / 10 for now in range(400) if gate.check(limits, 7, now / 10) is None]
    assert accepted[:4] == [0.0, 0.1, 0.2, 0.3]
    assert len(accepted) <= 43


def test_paid_broadcast_takes_a_tenth_of_a_star_for_each_message_above_the_free_ones() -> None:
    gate, purse = Gate(), Purse()
    purse.enter(Transaction("top", 0, 3 * NANO, {"type": "other"}))

    def sent(payer: Purse | None, start: float) -> int:
        return sum(gate.check(ON, 100 + number, start, payer) is None for number in range(100))

    assert (sent(None, 0.0), purse.nano) == (30, 3 * NANO)
    assert (sent(purse, 1.5), purse.nano) == (30 + 30, 0)
    assert (sent(purse, 5.0), purse.nano) == (30, 0)
    assert purse.transactions[1].as_json()["receiver"] == {"type": "telegram_api", "request_count": 30}


async def test_paid_broadcast_is_asked_for_by_the_call(bot: Bot, sandbox: SandboxClient) -> None:
    await asyncio.gather(*(sandbox.start(user) for user in (ANN, BOB)))
    await sandbox.set_limits(per_second=1)
    await sandbox.add_stars(1)
    await bot.send_message(ANN, "free")
    await bot.send_message(BOB, "paid", allow_paid_broadcast=True)
    assert (await bot.get_my_star_balance()).nanostar_amount == 900_000_000
    with pytest.raises(RetryAfter):
        await bot.send_message(EVE, "free no more")


async def test_the_meter_can_be_read_after_any_chat_number(sandbox: SandboxClient, call: RawCaller) -> None:
    for number in (2**63, -(2**63) - 1, 10**30):
        await call("sendMessage", chat_id=number, text="x")
    reading = await sandbox.meter()
    assert (reading["calls"], reading["worst_chat"]) == (3, None)
