"""Members: joining, leaving, bans, restrictions, promotion, and the updates they cause."""

from datetime import UTC, datetime

import pytest
from telegram import Bot, ChatMemberUpdated, ChatPermissions
from telegram.error import BadRequest, ChatMigrated, Forbidden

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, EVE

ALL = ["message", "chat_member", "my_chat_member", "chat_join_request"]


@pytest.fixture
async def group(bot: Bot, sandbox: SandboxClient) -> int:
    await bot.get_updates(allowed_updates=ALL)
    return await sandbox.create_group("Group", owner=EVE, members=[BOB], username="thegroup")


async def changes(bot: Bot) -> list[ChatMemberUpdated]:
    return [update.chat_member for update in await bot.get_updates() if update.chat_member]


async def test_what_a_bot_learns_about_a_group(bot: Bot, group: int) -> None:
    chat = await bot.get_chat("@thegroup")
    assert (chat.id, chat.title, chat.type) == (group, "Group", "supergroup")
    assert await bot.get_chat_member_count(group) == 4
    admins = {admin.user.id: admin.status for admin in await bot.get_chat_administrators(group)}
    assert admins == {EVE: "creator", bot.id: "administrator"}
    assert (await bot.get_chat_member(group, BOB)).status == "member"
    assert (await bot.get_chat_member(group, ANN)).status == "left"
    with pytest.raises(BadRequest, match=r"(?i)participant_id_invalid"):
        await bot.get_chat_member(group, 12345)


async def test_joining_and_leaving_are_told(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    await sandbox.join(ANN, chat="thegroup", at=1_700_000_000)
    await sandbox.leave(ANN, group)
    updates = await bot.get_updates()
    [joined, left] = [update.chat_member for update in updates if update.chat_member]
    assert (joined.old_chat_member.status, joined.new_chat_member.status) == ("left", "member")
    assert joined.date == datetime.fromtimestamp(1_700_000_000, UTC)
    assert left.new_chat_member.status == "left"
    services = [update.message for update in updates if update.message]
    assert services[0].new_chat_members[0].id == ANN
    assert services[1].left_chat_member is not None


async def test_chat_member_updates_need_admin_and_asking(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    await bot.get_updates(allowed_updates=ALL)
    plain = await sandbox.create_group("Plain", admin=False, username="plain")
    run = await sandbox.create_group("Run", username="run")
    await sandbox.join(ANN, chat=plain)
    assert not await changes(bot)
    await sandbox.join(ANN, chat=run)
    assert len(await changes(bot)) == 1
    assert not await changes(other)


async def test_a_ban_lasts_until_its_date(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    await sandbox.set_clock(1_800_000_000, frozen=True)
    await bot.ban_chat_member(group, BOB, until_date=1_800_000_000 + 3600)
    assert (await bot.get_chat_member(group, BOB)).status == "kicked"
    with pytest.raises(SandboxError, match="BANNED"):
        await sandbox.join(BOB, chat=group)
    await sandbox.advance_clock(3600)
    assert (await bot.get_chat_member(group, BOB)).status == "left"
    await sandbox.join(BOB, chat=group)
    assert [change.new_chat_member.status for change in await changes(bot)] == ["kicked", "member"]


async def test_unban_with_only_if_banned_spares_members(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    await bot.unban_chat_member(group, BOB, only_if_banned=True)
    assert (await bot.get_chat_member(group, BOB)).status == "member"
    await bot.unban_chat_member(group, BOB)
    assert (await bot.get_chat_member(group, BOB)).status == "left"
    await sandbox.join(BOB, chat=group)
    await bot.ban_chat_member(group, BOB)
    await bot.unban_chat_member(group, BOB, only_if_banned=True)
    assert (await bot.get_chat_member(group, BOB)).status == "left"


async def test_owners_and_administrators_are_out_of_reach(bot: Bot, group: int) -> None:
    with pytest.raises(BadRequest, match=r"(?i)owner"):
        await bot.ban_chat_member(group, EVE)
    await bot.promote_chat_member(group, BOB, can_delete_messages=True)
    with pytest.raises(BadRequest, match=r"(?i)user is an administrator"):
        await bot.restrict_chat_member(group, BOB, ChatPermissions.no_permissions())
    await bot.unban_chat_member(group, BOB, only_if_banned=True)
    with pytest.raises(BadRequest, match=r"(?i)user is an administrator"):
        await bot.unban_chat_member(group, BOB)


async def test_restricted_members_may_not_write(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    await sandbox.set_clock(1_800_000_000, frozen=True)
    await bot.restrict_chat_member(group, BOB, ChatPermissions.no_permissions(), until_date=1_800_000_060)
    member = await bot.get_chat_member(group, BOB)
    assert (member.status, member.can_send_messages) == ("restricted", False)  # type: ignore[attr-defined]
    with pytest.raises(SandboxError, match=rf"may not write in {group}: not enough rights to send"):
        await sandbox.say(BOB, group, "hi")
    await sandbox.advance_clock(60)
    await sandbox.say(BOB, group, "hi")
    await bot.restrict_chat_member(group, BOB, ChatPermissions.no_permissions())
    await bot.restrict_chat_member(group, BOB, ChatPermissions.all_permissions())
    assert (await bot.get_chat_member(group, BOB)).status == "member"


async def test_promotion_and_demotion(bot: Bot, group: int) -> None:
    await bot.promote_chat_member(group, BOB, can_delete_messages=True)
    member = await bot.get_chat_member(group, BOB)
    assert member.can_delete_messages  # type: ignore[attr-defined]
    assert not member.can_pin_messages  # type: ignore[attr-defined]
    await bot.promote_chat_member(group, BOB)
    assert [change.new_chat_member.status for change in await changes(bot)] == ["administrator", "member"]


async def test_a_bot_added_to_a_group_hears_of_it(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("New", owner=ANN, bots=[])
    await sandbox.add_bot(ANN, group, bot.id, admin=True)
    updates = [update.my_chat_member for update in await bot.get_updates() if update.my_chat_member]
    assert [update.new_chat_member.status for update in updates] == ["member", "administrator"]


async def test_group_messages_are_heard_unless_privacy_is_on(bot: Bot, sandbox: SandboxClient) -> None:
    made = await sandbox.create_bot("6161:quiet", "quiet_bot", reads_all=False)
    group = await sandbox.create_group("Group", members=[ANN], bots=[bot.id, made["id"]], admin=False)
    await sandbox.say(ANN, group, "chatter")
    await sandbox.say(ANN, group, "/help")
    await sandbox.say(ANN, group, "hey @quiet_bot")
    assert [update.message.text for update in await bot.get_updates() if update.message] == [
        "chatter", "/help", "hey @quiet_bot",
    ]  # fmt: skip
    assert (await sandbox.pending())[6161] == 2


async def test_moderators_delete_what_members_wrote(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    said = await sandbox.say(BOB, group, "spam https://spam.example")
    await bot.delete_message(group, said["message_id"])
    assert (await sandbox.history(group))[-1]["deleted"]
    plain = await sandbox.create_group("Plain", members=[BOB], admin=False)
    said = await sandbox.say(BOB, plain, "spam")
    with pytest.raises(BadRequest, match=r"(?i)can't be deleted"):
        await bot.delete_message(plain, said["message_id"])


async def test_a_basic_group_removes_but_never_bans(bot: Bot, sandbox: SandboxClient) -> None:
    small = await sandbox.create_group("Small", kind="group", owner=EVE, members=[BOB])
    await bot.ban_chat_member(small, BOB)
    assert (await bot.get_chat_member(small, BOB)).status == "left"
    for refused, error in (
        (bot.restrict_chat_member(small, BOB, ChatPermissions.no_permissions()), "only for supergroups"),
        (bot.unban_chat_member(small, BOB), "supergroup and channel chats only"),
        (bot.promote_chat_member(small, BOB, can_pin_messages=True), "supergroup and channel chats only"),
        (bot.ban_chat_sender_chat(small, small), "can't ban chats in basic groups"),
    ):
        with pytest.raises(BadRequest, match=f"(?i){error}"):
            await refused


async def test_a_restriction_waits_for_who_left(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    await bot.restrict_chat_member(group, BOB, ChatPermissions.no_permissions())
    await sandbox.leave(BOB, group)
    member = await bot.get_chat_member(group, BOB)
    assert (member.status, member.is_member) == ("restricted", False)  # type: ignore[attr-defined]
    await sandbox.join(BOB, chat=group)
    with pytest.raises(SandboxError, match="may not write"):
        await sandbox.say(BOB, group, "hi")
    await sandbox.leave(BOB, group)
    await bot.unban_chat_member(group, BOB, only_if_banned=True)
    assert (await bot.get_chat_member(group, BOB)).status == "restricted"
    await bot.unban_chat_member(group, BOB)
    await sandbox.join(BOB, chat=group)
    await sandbox.say(BOB, group, "hi")


async def test_what_changes_nothing_tells_nobody(bot: Bot, group: int) -> None:
    for _ in range(2):
        await bot.ban_chat_member(group, ANN)
    await bot.unban_chat_member(group, BOB, only_if_banned=True)
    assert [change.new_chat_member.status for change in await changes(bot)] == ["kicked"]


async def test_bots_are_banned_like_people(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", owner=EVE, bots=[bot.id])
    await sandbox.add_bot(EVE, group, other.id)
    with pytest.raises(BadRequest, match=r"(?i)can't restrict self"):
        await bot.ban_chat_member(group, bot.id)
    await bot.ban_chat_member(group, other.id)
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await other.send_message(group, "hi")


async def test_a_supergroup_takes_over_links_and_requests(bot: Bot, sandbox: SandboxClient) -> None:
    await bot.get_updates(allowed_updates=ALL)
    small = await sandbox.create_group("Small", kind="group", owner=EVE, members=[BOB])
    asking = await bot.create_chat_invite_link(small, creates_join_request=True)
    await sandbox.request_join(ANN, asking.invite_link)
    with pytest.raises(SandboxError, match="does not own"):
        await sandbox.migrate(BOB, small)
    large = await sandbox.migrate(EVE, small)
    [change] = [update.my_chat_member for update in await bot.get_updates() if update.my_chat_member]
    assert (change.chat.id, change.old_chat_member.status, change.new_chat_member.status) == (
        large, "left", "administrator",
    )  # fmt: skip
    await bot.send_message(ANN, "the right to write stays")
    await bot.approve_chat_join_request(large, ANN)
    assert await bot.get_chat_member_count(large) == 5
    with pytest.raises(ChatMigrated):
        await bot.ban_chat_member(small, BOB)
    assert small not in [chat["id"] for chat in await sandbox.user_chats(BOB)]
