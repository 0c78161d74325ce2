"""Invite links and join requests, with attribution."""

import pytest
from telegram import Bot
from telegram.error import BadRequest

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, EVE

ALL = ["message", "chat_member", "my_chat_member", "chat_join_request"]


@pytest.fixture
async def group(bot: Bot, sandbox: SandboxClient) -> int:
    await bot.get_updates(allowed_updates=ALL)
    return await sandbox.create_group("Group", owner=EVE)


async def test_a_request_carries_the_link_it_came_by(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    link = await bot.create_chat_invite_link(group, name="tiktok", creates_join_request=True)
    await sandbox.request_join(ANN, link.invite_link)
    request = (await bot.get_updates())[-1].chat_join_request
    assert request is not None
    assert request.invite_link is not None
    assert (request.invite_link.name, request.user_chat_id) == ("tiktok", ANN)
    [waiting] = await sandbox.join_requests(group)
    assert (waiting["user_id"], waiting["invite_link"]) == (ANN, link.invite_link)
    await request.approve()
    assert not await sandbox.join_requests()
    joined = next(update.chat_member for update in await bot.get_updates() if update.chat_member)
    assert joined.invite_link is not None
    assert joined.invite_link.invite_link == link.invite_link
    [counted] = await sandbox.invite_links(group)
    assert (counted["joined"], counted["pending"]) == (1, 0)


async def test_a_plain_link_is_attributed_too(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    link = await bot.create_chat_invite_link(group, name="poster")
    await sandbox.join(ANN, link=link.invite_link)
    updates = await bot.get_updates()
    joined = next(update.chat_member for update in updates if update.chat_member)
    assert joined.invite_link is not None
    assert joined.invite_link.name == "poster"
    assert any(update.message and update.message.new_chat_members for update in updates)


async def test_answering_a_request_that_is_not_there(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    link = await bot.create_chat_invite_link(group, creates_join_request=True)
    with pytest.raises(BadRequest, match=r"(?i)hide_requester_missing"):
        await bot.approve_chat_join_request(group, ANN)
    await sandbox.request_join(ANN, link.invite_link)
    with pytest.raises(SandboxError, match="INVITE_REQUEST_SENT"):
        await sandbox.request_join(ANN, link.invite_link)
    await bot.approve_chat_join_request(group, ANN)
    with pytest.raises(BadRequest, match=r"(?i)user_already_participant"):
        await bot.decline_chat_join_request(group, ANN)


async def test_requests_are_told_only_to_bots_that_asked(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group")
    link = await bot.create_chat_invite_link(group, creates_join_request=True)
    await sandbox.request_join(ANN, link.invite_link)
    assert (await sandbox.pending())[other.id] == 0


async def test_limits_of_links(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    with pytest.raises(BadRequest, match=r"(?i)member limit can't be specified"):
        await bot.create_chat_invite_link(group, member_limit=1, creates_join_request=True)
    with pytest.raises(BadRequest, match=r"(?i)name_too_long"):
        await bot.create_chat_invite_link(group, name="x" * 33)
    with pytest.raises(BadRequest, match=r"(?i)expire_date_invalid"):
        await bot.create_chat_invite_link(group, expire_date=1_000_000)


async def test_a_member_limit_counts_those_present(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    link = await bot.create_chat_invite_link(group, member_limit=1)
    await sandbox.join(ANN, link=link.invite_link)
    with pytest.raises(SandboxError, match="member limit"):
        await sandbox.join(BOB, link=link.invite_link)
    await sandbox.leave(ANN, group)
    await sandbox.join(BOB, link=link.invite_link)


async def test_links_expire_and_are_revoked(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    await sandbox.set_clock(1_800_000_000, frozen=True)
    link = await bot.create_chat_invite_link(group, expire_date=1_800_000_100)
    await sandbox.advance_clock(100)
    with pytest.raises(SandboxError, match="EXPIRED"):
        await sandbox.join(ANN, link=link.invite_link)
    other = await bot.create_chat_invite_link(group)
    assert (await bot.revoke_chat_invite_link(group, other.invite_link)).is_revoked
    with pytest.raises(SandboxError, match="EXPIRED"):
        await sandbox.join(ANN, link=other.invite_link)


async def test_links_are_edited_and_exported(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    link = await bot.create_chat_invite_link(group, name="a")
    edited = await bot.edit_chat_invite_link(group, link, name="b", creates_join_request=True)
    assert (edited.name, edited.creates_join_request) == ("b", True)
    first = await bot.export_chat_invite_link(group)
    second = await bot.export_chat_invite_link(group)
    assert (await bot.get_chat(group)).invite_link == second
    with pytest.raises(SandboxError, match="EXPIRED"):
        await sandbox.join(ANN, link=first)


async def test_a_bot_sees_other_bots_links_shortened(bot: Bot, other: Bot, sandbox: SandboxClient, group: int) -> None:
    await other.get_updates(allowed_updates=ALL)
    link = await bot.create_chat_invite_link(group)
    await sandbox.join(ANN, link=link.invite_link)
    joined = next(update.chat_member for update in await other.get_updates() if update.chat_member)
    assert joined.invite_link is not None
    assert joined.invite_link.invite_link.endswith("...")
    with pytest.raises(BadRequest, match=r"(?i)invite_hash_expired"):
        await other.revoke_chat_invite_link(group, link.invite_link)


async def test_a_public_group_may_want_to_be_asked(bot: Bot, sandbox: SandboxClient) -> None:
    await bot.get_updates(allowed_updates=ALL)
    group = await sandbox.create_group("Group", owner=EVE, username="thegroup", join_by_request=True)
    with pytest.raises(SandboxError, match="use request_join"):
        await sandbox.join(ANN, chat="thegroup")
    await sandbox.request_join(ANN, chat="thegroup")
    await sandbox.request_join(BOB, chat="thegroup")
    request = (await bot.get_updates())[0].chat_join_request
    assert request
    assert request.invite_link is None
    await bot.send_message(ANN, "why?")
    await request.approve()
    await sandbox.answer_request(EVE, group, BOB, approve=False)
    [joined] = [update.chat_member for update in await bot.get_updates() if update.chat_member]
    assert (joined.via_join_request, joined.invite_link) == (True, None)
    assert (await bot.get_chat(group)).join_by_request


async def test_links_of_people_and_of_folders(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    link = await sandbox.create_link(EVE, group, name="mine", member_limit=5)
    await sandbox.join(ANN, link=link, folder=True)
    [joined] = [update.chat_member for update in await bot.get_updates() if update.chat_member]
    assert joined.via_chat_folder_invite_link
    assert joined.invite_link
    assert (joined.invite_link.name, joined.invite_link.creator.id) == ("mine", EVE)
    assert joined.invite_link.invite_link != link


async def test_the_banned_come_in_by_no_door(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    links = [await bot.create_chat_invite_link(group, creates_join_request=asks) for asks in (False, True)]
    await bot.ban_chat_member(group, ANN)
    for attempt in (sandbox.join(ANN, link=links[0].invite_link), sandbox.request_join(ANN, links[1].invite_link)):
        with pytest.raises(SandboxError, match="USER_BANNED_IN_CHANNEL"):
            await attempt
    await sandbox.set_member(EVE, group, ANN, "member")  # by hand they may be taken back
    assert (await bot.get_chat_member(group, ANN)).status == "member"


async def test_requests_of_deleted_accounts_are_gone(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    link = await bot.create_chat_invite_link(group, creates_join_request=True)
    await sandbox.request_join(ANN, link.invite_link)
    await sandbox.delete_account(ANN)
    with pytest.raises(BadRequest, match=r"(?i)hide_requester_missing"):
        await bot.approve_chat_join_request(group, ANN)
