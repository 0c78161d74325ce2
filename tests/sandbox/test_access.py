"""Who may be written to."""

import pytest
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden

from community.sandbox.client import SandboxClient

from .conftest import ANN, BOB, EVE, RawCaller


async def test_only_those_who_started_or_wrote_can_be_written_to(bot: Bot, sandbox: SandboxClient) -> None:
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        await bot.send_message(ANN, "hi")
    await sandbox.say(ANN, None, "hello")
    await bot.send_message(ANN, "hi")
    await sandbox.start(BOB, payload="ref_1")
    await bot.send_message(BOB, "hi")


async def test_being_in_a_group_gives_no_right(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.create_group("Group", members=[ANN])
    with pytest.raises(Forbidden, match="can't initiate"):
        await bot.send_message(ANN, "hi")


@pytest.mark.parametrize(("seconds", "allowed"), [(0, True), (300, True), (301, False)])
async def test_a_pending_request_lets_the_bot_write_for_five_minutes(
    bot: Bot, sandbox: SandboxClient, seconds: float, allowed: bool
) -> None:
    group = await sandbox.create_group("Group")
    link = await bot.create_chat_invite_link(group, creates_join_request=True)
    await sandbox.set_clock(1_800_000_000, frozen=True)
    await sandbox.request_join(ANN, link.invite_link)
    await sandbox.advance_clock(seconds)
    if allowed:
        await bot.send_message(ANN, "welcome")
    else:
        with pytest.raises(Forbidden, match="can't initiate"):
            await bot.send_message(ANN, "welcome")


async def test_the_right_ends_with_the_request_unless_the_user_writes(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group")
    link = await bot.create_chat_invite_link(group, creates_join_request=True)
    await sandbox.act_all([{"do": "request_join", "user": user, "link": link.invite_link} for user in (ANN, BOB)])
    await sandbox.say(BOB, None, "an answer")
    await bot.approve_chat_join_request(group, ANN)
    await bot.decline_chat_join_request(group, BOB)
    with pytest.raises(Forbidden, match="can't initiate"):
        await bot.send_message(ANN, "welcome")
    await bot.send_message(BOB, "sorry")


async def test_a_request_gives_the_right_only_to_bots_that_may_invite(
    bot: Bot, other: Bot, sandbox: SandboxClient
) -> None:
    group = await sandbox.create_group("Group", bots=[bot.id])
    await sandbox.add_bot(EVE, group, other.id)
    link = await bot.create_chat_invite_link(group, creates_join_request=True)
    await sandbox.request_join(ANN, link.invite_link)
    with pytest.raises(Forbidden, match="can't initiate"):
        await other.send_message(ANN, "buy")
    await bot.send_message(ANN, "welcome")


async def test_blocking_is_told_and_ends_writing(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    await sandbox.block(ANN)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ANN, "hi")
    await sandbox.unblock(ANN)
    await bot.send_message(ANN, "hi")
    changes = [update.my_chat_member for update in await bot.get_updates() if update.my_chat_member]
    statuses = [(change.old_chat_member.status, change.new_chat_member.status) for change in changes]
    assert statuses == [("member", "kicked"), ("kicked", "member")]
    assert all(change.chat.type == "private" for change in changes)


async def test_start_takes_a_block_back(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.act_all([{"do": "start", "user": ANN}, {"do": "block", "user": ANN}, {"do": "start", "user": ANN}])
    await bot.send_message(ANN, "hi")


async def test_deleted_accounts(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    await sandbox.delete_account(ANN)
    with pytest.raises(Forbidden, match="user is deactivated"):
        await bot.send_message(ANN, "hi")
    assert (await bot.get_chat(ANN)).first_name == ""


async def test_unknown_chats_and_bots(bot: Bot, other: Bot) -> None:
    for chat in (999, -1009, "@nobody"):
        with pytest.raises(BadRequest, match=r"(?i)chat not found"):
            await bot.send_message(chat, "hi")
    with pytest.raises(Forbidden, match="bots"):
        await bot.send_message(other.id, "hi")


async def test_a_missing_chat(call: RawCaller) -> None:
    status, answer = await call("sendMessage", text="hi")
    assert (status, answer["description"]) == (400, "Bad Request: chat_id is empty")


async def test_a_group_the_bot_was_never_in_is_not_found(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Private", bots=[])
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.get_chat(group)


async def test_kicked_bots(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", owner=ANN)
    await sandbox.kick_bot(ANN, group)
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.send_message(group, "hi")
    change = (await bot.get_updates())[-1].my_chat_member
    assert change is not None
    assert (change.new_chat_member.status, change.from_user.id) == ("kicked", ANN)
    await sandbox.add_bot(ANN, group)
    await bot.send_message(group, "back")


async def test_a_bot_that_left_is_no_member(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", owner=ANN)
    await bot.leave_chat(group)
    with pytest.raises(Forbidden, match="bot is not a member of the supergroup chat"):
        await bot.send_message(group, "hi")


async def test_a_migrated_group_says_where_it_went(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", kind="group", owner=ANN)
    new = await sandbox.migrate(ANN, group)
    with pytest.raises(ChatMigrated) as caught:
        await bot.send_message(group, "hi")
    assert caught.value.new_chat_id == new
    await bot.send_message(new, "hi")
    messages = [update.message for update in await bot.get_updates() if update.message]
    assert [(m.migrate_to_chat_id, m.migrate_from_chat_id) for m in messages] == [(new, None), (None, group)]


async def test_rights_are_asked_for(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", members=[BOB], admin=False)
    calls = [
        bot.ban_chat_member(group, BOB),
        bot.create_chat_invite_link(group),
        bot.promote_chat_member(group, BOB, can_delete_messages=True),
        bot.approve_chat_join_request(group, BOB),
    ]
    for call in calls:
        with pytest.raises(BadRequest, match=r"(?i)not enough rights"):
            await call
