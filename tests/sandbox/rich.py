"""A world in which a bit of everything has happened, and all there is to see of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import telegram

from community.sandbox.client import SandboxClient, SandboxError

ANN, BOB, EVE, DAN, ZOE = 17, 18, 19, 20, 21


async def live(sandbox: SandboxClient, bot: telegram.Bot) -> int:
    """Many gestures and calls; the number of the supergroup it happens in."""
    await sandbox.create_users([{"id": DAN, "first_name": "Dan", "username": "dan"}, {"id": ZOE}])
    club = await sandbox.create_group("Club", owner=EVE, members=[BOB])
    basic = await sandbox.create_group("Basic", kind="group", owner=EVE, members=[BOB])
    await sandbox.migrate(EVE, basic)
    await bot.get_updates(allowed_updates=list(telegram.Update.ALL_TYPES), timeout=0)
    await sandbox.start(ANN, payload="ref_1")
    await sandbox.start(BOB)
    keyboard = telegram.InlineKeyboardMarkup([[telegram.InlineKeyboardButton("Go", callback_data="go")]])
    sent = await bot.send_message(ANN, "<b>Hello</b>", parse_mode="HTML", reply_markup=keyboard)
    await bot.edit_message_text("Hello again", ANN, sent.message_id, reply_markup=keyboard)
    await bot.send_document(ANN, b"the content", filename="a.txt", reply_to_message_id=sent.message_id)
    await bot.send_message(BOB, "bye")
    await sandbox.react(ANN, None, sent.message_id)
    await _club(sandbox, bot, club)
    await _vip(sandbox, bot)
    await bot.set_my_commands([telegram.BotCommand("help", "Help")], language_code="de")
    await sandbox.block(BOB)
    await sandbox.add_fault("blocked", method="sendPhoto", every=2)
    await sandbox.set_limits(False, per_second=29)
    await sandbox.delete_account(DAN)
    with suppress(SandboxError):
        await sandbox.say(BOB, None, "refused")
    await sandbox.press(ANN, text="Go")
    return club


async def _club(sandbox: SandboxClient, bot: telegram.Bot, club: int) -> None:
    link = await bot.create_chat_invite_link(club, name="Spring", member_limit=5)
    asking = await bot.create_chat_invite_link(club, creates_join_request=True)
    await sandbox.join(ANN, link=link.invite_link)
    await sandbox.join(DAN, link=link.invite_link)
    await sandbox.request_join(ZOE, asking.invite_link)
    said = await sandbox.say(ANN, club, "hello all", document={"name": "photo.txt", "text": "smile"})
    await sandbox.say(BOB, club, "answer", reply_to=said["message_id"])
    now = int(await sandbox.now())
    poll = await bot.send_poll(club, "Which?", ["One", "Two"], is_anonymous=False, close_date=now + 500)
    await sandbox.act("vote", user=ANN, chat=club, message=poll.message_id, options=[1])
    await bot.forward_message(ANN, club, poll.message_id)
    await bot.send_media_group(club, [telegram.InputMediaDocument(b"one"), telegram.InputMediaDocument(b"two")])
    channel = await sandbox.create_group("News", kind="channel", owner=EVE)
    await bot.send_message(channel, "a post")
    pinned = await bot.send_message(club, "rules")
    await bot.pin_chat_message(club, pinned.message_id)
    gone = await bot.send_message(club, "oops")
    await bot.delete_message(club, gone.message_id)
    await bot.ban_chat_member(club, DAN, until_date=now + 3600)
    await bot.restrict_chat_member(club, BOB, telegram.ChatPermissions.no_permissions(), until_date=now + 7200)


async def _vip(sandbox: SandboxClient, bot: telegram.Bot) -> None:
    """Ann has a subscription; another payment waits for the bot."""
    prices = [telegram.LabeledPrice("VIP", 100)]
    link = await bot.create_invoice_link("VIP", "A month", "vip", "XTR", prices, subscription_period=2_592_000)
    await sandbox.pay(ANN, link=link)
    asked = (await bot.get_updates(timeout=0))[-1].pre_checkout_query
    assert asked is not None
    await asked.answer(ok=True)
    await sandbox.pay(EVE, link=link)


async def sights(sandbox: SandboxClient) -> dict[str, Any]:
    """Everything the control interface shows, but the time."""
    chats = await sandbox.chats()
    shown: dict[str, Any] = {"chats": chats, "links": await sandbox.invite_links()}
    for group in chats["groups"]:
        shown[f"group {group['id']}"] = await sandbox.history(group["id"])
    for user in chats["users"]:
        for bot in chats["bots"]:
            shown[f"{user['id']} with {bot['id']}"] = await sandbox.history(bot["id"], user=user["id"])
    asked = {"requests": sandbox.join_requests(), "delivered": sandbox.delivered(), "faults": sandbox.faults()}
    asked |= {"payments": sandbox.payments(), "subscriptions": sandbox.subscriptions()}
    asked |= {"pending": sandbox.pending(), "meter": sandbox.meter(), "journal": sandbox.journal(kind="all")}
    return shown | {name: await each for name, each in asked.items()}
