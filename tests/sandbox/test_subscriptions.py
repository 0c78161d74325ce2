"""Subscriptions to bots and channels: renewal, cancelling, the end."""

import asyncio

import pytest
from telegram import Bot, LabeledPrice, Message, SuccessfulPayment
from telegram.error import BadRequest

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, EVE, RawCaller

DAY = 86_400
MONTH = 30 * DAY
BEGIN = 2_000_000_000


async def subscribe(bot: Bot, sandbox: SandboxClient, stars: int = 100) -> str:
    """Ann takes a subscription at BEGIN; its charge."""
    await sandbox.set_clock(BEGIN, frozen=True)
    number = await sandbox.pay(ANN, link=await vip_link(bot, stars))
    asked = (await bot.get_updates())[-1].pre_checkout_query
    assert asked is not None
    await asked.answer(ok=True)
    charge: str = (await sandbox.payment(number))["charge_id"]
    return charge


async def vip_link(bot: Bot, stars: int) -> str:
    prices = [LabeledPrice("VIP", stars)]
    return await bot.create_invoice_link("VIP", "A month", "vip", "XTR", prices, subscription_period=MONTH)


async def payments(bot: Bot) -> list[tuple[Message, SuccessfulPayment]]:
    messages = [update.message for update in await bot.get_updates() if update.message]
    return [(message, message.successful_payment) for message in messages if message.successful_payment]


async def paid(sandbox: SandboxClient) -> int:
    """How often Ann paid."""
    return len([payment for payment in await sandbox.payments(ANN) if payment["state"] == "paid"])


async def test_a_subscription_is_renewed_every_thirty_days(bot: Bot, sandbox: SandboxClient) -> None:
    await subscribe(bot, sandbox)
    [first] = await payments(bot)
    await sandbox.advance_clock(2 * MONTH)
    second, third = await payments(bot)
    assert first[1].is_first_recurring
    assert first[1].is_recurring
    for number, (message, payment) in enumerate((first, second, third)):
        assert message.date.timestamp() == BEGIN + number * MONTH
        assert payment.subscription_expiration_date is not None
        assert payment.subscription_expiration_date.timestamp() == BEGIN + (number + 1) * MONTH
    assert (second[1].is_recurring, second[1].is_first_recurring) == (True, None)
    assert len({payment.telegram_payment_charge_id for _, payment in (first, second, third)}) == 3
    assert (await bot.get_my_star_balance()).amount == 300
    [subscription] = await sandbox.subscriptions(ANN)
    assert (subscription["until"], subscription["ended"]) == (BEGIN + 3 * MONTH, None)


async def test_time_that_passes_by_itself_renews_too(bot: Bot, sandbox: SandboxClient) -> None:
    await subscribe(bot, sandbox)
    await sandbox.set_clock(BEGIN + MONTH - 0.05)
    async with asyncio.timeout(5):
        while await paid(sandbox) < 2:
            await asyncio.sleep(0.02)


async def test_too_few_stars_end_a_subscription(bot: Bot, sandbox: SandboxClient) -> None:
    await subscribe(bot, sandbox)
    await sandbox.add_stars(-9_750, user=ANN)
    await sandbox.advance_clock(4 * MONTH)
    assert await paid(sandbox) == 2
    assert (await sandbox.subscriptions(ANN))[0]["ended"] == "BALANCE_TOO_LOW"
    with pytest.raises(SandboxError, match="0 such subscriptions"):
        await sandbox.cancel_subscription(ANN)


async def test_a_cancelled_subscription_lasts_to_its_end(bot: Bot, sandbox: SandboxClient) -> None:
    charge = await subscribe(bot, sandbox)
    await sandbox.cancel_subscription(ANN)
    await sandbox.advance_clock(MONTH - 1)
    await sandbox.resume_subscription(ANN, charge)
    await sandbox.advance_clock(1)
    await sandbox.cancel_subscription(ANN, charge)
    await sandbox.advance_clock(MONTH - 1)
    assert (await sandbox.subscriptions(ANN))[0]["ended"] is None
    await sandbox.advance_clock(1)
    assert (await sandbox.subscriptions(ANN))[0]["ended"] == "canceled"
    assert await paid(sandbox) == 2


async def test_what_the_bot_cancels_only_the_bot_lets_go_on(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    charge = await subscribe(bot, sandbox)
    for caller, user, named in ((bot, BOB, charge), (other, ANN, charge), (bot, ANN, "no")):
        with pytest.raises(BadRequest, match=r"(?i)charge_not_found"):
            await caller.edit_user_star_subscription(user, named, is_canceled=True)
    await bot.edit_user_star_subscription(ANN, charge, is_canceled=True)
    with pytest.raises(SandboxError, match="the bot canceled"):
        await sandbox.resume_subscription(ANN)
    await bot.edit_user_star_subscription(ANN, charge, is_canceled=False)
    assert (await sandbox.subscriptions(ANN))[0]["canceled"]
    await sandbox.resume_subscription(ANN)
    await sandbox.advance_clock(MONTH)
    assert await paid(sandbox) == 2


async def test_one_invoice_gives_one_subscription_at_a_time(bot: Bot, sandbox: SandboxClient) -> None:
    link = await vip_link(bot, 5)
    await sandbox.pay(ANN, link=link)
    asked = (await bot.get_updates())[-1].pre_checkout_query
    assert asked is not None
    await asked.answer(ok=True)
    with pytest.raises(SandboxError, match="SUBSCRIPTION_ALREADY_ACTIVE"):
        await sandbox.pay(ANN, link=link)


async def test_a_channel_is_paid_for_and_lost_when_it_lapses(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.set_clock(BEGIN, frozen=True)
    channel = await sandbox.create_group("News", kind="channel", owner=EVE)
    await bot.get_updates(allowed_updates=["chat_member"])
    link = await bot.create_chat_subscription_invite_link(channel, MONTH, 4_000, name="Readers")
    assert (link.to_dict()["subscription_period"], link.subscription_price, link.name) == (MONTH, 4_000, "Readers")
    edited = await bot.edit_chat_subscription_invite_link(channel, link.invite_link, name="Friends")
    assert (edited.name, edited.subscription_price) == ("Friends", 4_000)
    await sandbox.join(ANN, link=link.invite_link)
    joined = (await bot.get_updates())[-1].chat_member
    assert joined is not None
    assert joined.new_chat_member.to_dict()["until_date"] == BEGIN + MONTH
    await sandbox.leave(ANN, channel)
    await sandbox.join(ANN, link=link.invite_link)
    assert await sandbox.add_stars(0, user=ANN) == 6_000
    await sandbox.advance_clock(MONTH)
    assert (await bot.get_chat_member(channel, ANN)).to_dict()["until_date"] == BEGIN + 2 * MONTH
    await sandbox.advance_clock(MONTH)
    assert (await bot.get_chat_member(channel, ANN)).status == "left"
    lost = (await bot.get_updates())[-1].chat_member
    assert lost is not None
    assert (lost.new_chat_member.status, lost.date.timestamp()) == ("left", BEGIN + 2 * MONTH)
    with pytest.raises(SandboxError, match="BALANCE_TOO_LOW"):
        await sandbox.join(ANN, link=link.invite_link)
    assert (await bot.get_my_star_balance()).amount == 0


async def test_who_left_a_channel_is_not_charged_again(bot: Bot, sandbox: SandboxClient) -> None:
    channel = await sandbox.create_group("News", kind="channel", owner=EVE)
    link = await bot.create_chat_subscription_invite_link(channel, MONTH, 10)
    await sandbox.join(ANN, link=link.invite_link)
    await sandbox.leave(ANN, channel)
    await sandbox.advance_clock(MONTH + 1)
    assert await sandbox.add_stars(0, user=ANN) == 9_990
    assert (await sandbox.subscriptions(ANN))[0]["ended"] == "left the channel"


async def test_what_no_subscription_link_may_be(call: RawCaller, bot: Bot, sandbox: SandboxClient) -> None:
    channel = await sandbox.create_group("News", kind="channel")
    group = await sandbox.create_group("Club")
    wrong = [
        (channel, DAY, 5, "SUBSCRIPTION_PERIOD_INVALID"),
        (channel, MONTH, 0, "PRICING_CHAT_INVALID"),
        (channel, MONTH, 10_001, "PRICING_CHAT_INVALID"),
        (group, MONTH, 5, "PRICING_CHAT_INVALID"),
    ]
    for chat, period, price, why in wrong:
        _, answer = await call(
            "createChatSubscriptionInviteLink", chat_id=chat, subscription_period=period, subscription_price=price
        )
        assert why in answer["description"]
    plain = await bot.create_chat_invite_link(channel)
    paid = await bot.create_chat_subscription_invite_link(channel, MONTH, 5)
    for method, url in (("editChatSubscriptionInviteLink", plain), ("editChatInviteLink", paid)):
        _, answer = await call(method, chat_id=channel, invite_link=url.invite_link)
        assert "INVITE_HASH_EXPIRED" in answer["description"]
