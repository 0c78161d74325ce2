"""What bots and people may do in a group, and above all what they may not."""

import pytest
from telegram import Bot, ChatPermissions
from telegram.error import BadRequest, RetryAfter

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, EVE, OTHER_TOKEN, RawCaller

TALK = ["can_send_messages"]


@pytest.fixture
async def group(bot: Bot, other: Bot, sandbox: SandboxClient) -> int:
    """Eve owns it, Ann and Bob are in it, one bot administers it, the other is a member."""
    group = await sandbox.create_group("Group", owner=EVE, members=[ANN, BOB], bots=[bot.id])
    await sandbox.add_bot(EVE, group, other.id)
    return group


async def test_default_permissions_bind_people_and_bots(
    bot: Bot, other: Bot, sandbox: SandboxClient, group: int
) -> None:
    await bot.set_chat_permissions(group, ChatPermissions(can_send_documents=True))
    permissions = (await other.get_chat(group)).permissions
    assert permissions
    assert (permissions.can_send_documents, permissions.can_send_messages) == (True, False)
    with pytest.raises(SandboxError, match="not enough rights to send text messages"):
        await sandbox.say(ANN, group, "hi")
    with pytest.raises(BadRequest, match=r"(?i)not enough rights to send text messages to the chat"):
        await other.send_message(group, "hi")
    with pytest.raises(BadRequest, match=r"(?i)not enough rights to send photos to the chat"):
        await other.send_photo(group, b"x")
    await other.send_document(group, b"x")
    await sandbox.say(ANN, group, document={"name": "a.txt", "text": "a"})
    await bot.send_message(group, "administrators may")
    await sandbox.say(EVE, group, "owners may")


async def test_permissions_follow_from_others(bot: Bot, group: int, call: RawCaller) -> None:
    await call("setChatPermissions", chat_id=group, permissions={"can_send_polls": True})
    assert (await bot.get_chat(group)).permissions.can_send_messages  # type: ignore[union-attr]
    await call(
        "setChatPermissions", chat_id=group, permissions={"can_send_polls": True}, use_independent_chat_permissions=True
    )
    assert not (await bot.get_chat(group)).permissions.can_send_messages  # type: ignore[union-attr]
    await call("setChatPermissions", chat_id=group, permissions={"can_pin_messages": True})
    assert (await bot.get_chat(group)).permissions.can_manage_topics  # type: ignore[union-attr]


async def test_members_may_do_what_the_group_lets_them(
    bot: Bot, other: Bot, sandbox: SandboxClient, group: int
) -> None:
    said = await sandbox.say(ANN, group, "hi")
    await other.set_chat_title(group, "Ours")
    await sandbox.pin(ANN, group, said["message_id"])
    await sandbox.edit_chat(EVE, group, username="ourgroup")  # in public groups these two are not for members
    for refused in (
        other.set_chat_title(group, "Mine"),
        other.pin_chat_message(group, said["message_id"]),
        sandbox.edit_chat(ANN, group, title="Mine"),
        sandbox.unpin(ANN, group),
    ):
        with pytest.raises((BadRequest, SandboxError), match=r"(?i)not enough rights"):
            await refused
    await bot.set_chat_title(group, "Theirs")


async def test_slow_mode_holds_members_back(bot: Bot, other: Bot, sandbox: SandboxClient, group: int) -> None:
    await sandbox.set_clock(1_800_000_000, frozen=True)
    await sandbox.edit_chat(EVE, group, slow_mode_delay=30)
    assert (await bot.get_chat(group)).slow_mode_delay
    await sandbox.say(ANN, group, "one")
    await sandbox.advance_clock(20)
    with pytest.raises(SandboxError, match="retry after 10"):
        await sandbox.say(ANN, group, "two")
    await other.send_message(group, "one")
    with pytest.raises(RetryAfter):
        await other.send_message(group, "two")
    for text in "ab":
        await bot.send_message(group, text)
    await sandbox.advance_clock(10)
    await sandbox.say(ANN, group, "two")


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("promoteChatMember", {"user_id": ANN, "can_pin_messages": True}, "not enough rights"),
        ("banChatMember", {"user_id": ANN}, "not enough rights to restrict/unrestrict chat member"),
        ("banChatSenderChat", {"sender_chat_id": -1}, "chat not found"),
        ("setChatPermissions", {"permissions": {}}, "not enough rights to change chat permissions"),
        ("createChatInviteLink", {}, "not enough rights to manage chat invite link"),
        ("approveChatJoinRequest", {"user_id": ANN}, "not enough rights to manage chat join requests"),
        ("setChatAdministratorCustomTitle", {"user_id": ANN, "custom_title": "x"}, "user is not an administrator"),
        ("setChatAdministratorCustomTitle", {"user_id": EVE, "custom_title": "x"}, "only creator can edit their"),
        ("setChatTitle", {"title": " "}, "title must be non-empty"),
    ],
)
async def test_a_plain_member_is_refused(
    group: int, call: RawCaller, method: str, arguments: dict[str, object], error: str
) -> None:
    status, answer = await call(method, OTHER_TOKEN, chat_id=group, **arguments)
    assert status == 400
    assert answer["description"].startswith(f"Bad Request: {error}")


async def test_a_bot_gives_only_rights_it_has(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    await sandbox.add_bot(EVE, group, bot.id, admin=True, rights=["can_promote_members", "can_pin_messages"])
    with pytest.raises(BadRequest, match=r"(?i)right_forbidden"):
        await bot.promote_chat_member(group, ANN, can_delete_messages=True)
    with pytest.raises(BadRequest, match=r"(?i)can't promote self"):
        await bot.promote_chat_member(group, bot.id, can_pin_messages=True)
    await sandbox.set_member(EVE, group, BOB, "administrator")
    with pytest.raises(BadRequest, match=r"(?i)chat_admin_required"):
        await bot.promote_chat_member(group, BOB)
    for refused in (bot.ban_chat_member(group, ANN), bot.set_chat_administrator_custom_title(group, BOB, "x")):
        with pytest.raises(BadRequest, match=r"(?i)not enough rights"):
            await refused


async def test_promotion_needs_can_manage_chat_too(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    await bot.promote_chat_member(group, ANN, can_pin_messages=True)
    admins = {admin.user.id: admin for admin in await bot.get_chat_administrators(group)}
    assert admins[ANN].can_manage_chat  # type: ignore[attr-defined]
    assert admins[ANN].can_be_edited  # type: ignore[attr-defined]
    assert not admins[bot.id].can_be_edited  # type: ignore[attr-defined]
    await bot.set_chat_administrator_custom_title(group, ANN, "helper")
    for title, error in (("x" * 17, "admin_rank_invalid"), ("\N{ROCKET}", "admin_rank_emoji_not_allowed")):
        with pytest.raises(BadRequest, match=f"(?i){error}"):
            await bot.set_chat_administrator_custom_title(group, ANN, title)
    assert (await bot.get_chat_member(group, ANN)).custom_title == "helper"  # type: ignore[attr-defined]
    await bot.promote_chat_member(group, ANN)
    assert (await bot.get_chat_member(group, ANN)).status == "member"


async def test_settings_are_changed_and_told(bot: Bot, other: Bot, sandbox: SandboxClient, group: int) -> None:
    await bot.set_chat_title(group, "New")
    await bot.set_chat_photo(group, b"picture")
    await bot.set_chat_description(group, "about us")
    chat = await other.get_chat(group)
    assert (chat.title, chat.description) == ("New", "about us")
    assert chat.photo
    assert await (await chat.photo.get_big_file()).download_as_bytearray() == b"picture"
    with pytest.raises(BadRequest, match=r"(?i)chat description is not modified"):
        await bot.set_chat_description(group, "about us")
    await bot.delete_chat_photo(group)
    assert (await other.get_chat(group)).photo is None
    _, *messages = [update.message for update in await other.get_updates() if update.message]
    assert messages[0].new_chat_title == "New"
    assert await (await messages[1].new_chat_photo[0].get_file()).download_as_bytearray() == b"picture"
    assert messages[2].delete_chat_photo


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("setChatTitle", {"title": "x"}, "can't change private chat title"),
        ("setChatPermissions", {"permissions": {}}, "can't change private chat permissions"),
        ("getChatAdministrators", {}, "there are no administrators in the private chat"),
        ("banChatMember", {"user_id": BOB}, "can't ban members in private chats"),
    ],
)
async def test_private_chats_have_none_of_this(
    call: RawCaller, method: str, arguments: dict[str, object], error: str
) -> None:
    status, answer = await call(method, chat_id=ANN, **arguments)
    assert (status, answer["description"]) == (400, f"Bad Request: {error}")


async def test_people_need_rights_as_bots_do(bot: Bot, sandbox: SandboxClient, group: int) -> None:
    for refused in (
        sandbox.set_member(ANN, group, BOB, "kicked"),
        sandbox.set_member(ANN, group, BOB, "administrator"),
        sandbox.set_member(ANN, group, BOB, "restricted"),
        sandbox.add_bot(ANN, group, bot.id, admin=True),
        sandbox.kick_bot(ANN, group, bot.id),
        sandbox.create_link(ANN, group),
        sandbox.answer_request(ANN, group, BOB),
        sandbox.edit_chat(ANN, group, permissions=TALK),
        sandbox.edit_chat(ANN, group, slow_mode_delay=5),
        sandbox.edit_chat(ANN, group, is_forum=True),
    ):
        with pytest.raises(SandboxError, match="not enough rights"):
            await refused
    await sandbox.set_member(EVE, group, ANN, "administrator", rights=["can_restrict_members"])
    await sandbox.set_member(ANN, group, BOB, "restricted", permissions=TALK)
    with pytest.raises(SandboxError, match="send documents"):
        await sandbox.say(BOB, group, document={"name": "a", "text": "a"})
    with pytest.raises(SandboxError, match="can't remove chat owner"):
        await sandbox.set_member(ANN, group, EVE, "left")
    await sandbox.set_member(BOB, group, ANN, "kicked", force=True)


async def test_administrators_give_no_more_than_they_have(sandbox: SandboxClient, group: int) -> None:
    await sandbox.set_member(EVE, group, ANN, "administrator", rights=["can_promote_members", "can_pin_messages"])
    with pytest.raises(SandboxError, match="RIGHT_FORBIDDEN"):
        await sandbox.set_member(ANN, group, BOB, "administrator", rights=["can_delete_messages"])
    await sandbox.set_member(ANN, group, BOB, "administrator")
    [bob] = [member for member in await sandbox.members(group) if member["user"]["id"] == BOB]
    assert (bob["can_pin_messages"], bob["can_delete_messages"]) == (True, False)


async def test_usernames_lead_to_one_chat(sandbox: SandboxClient, group: int) -> None:
    await sandbox.create_group("Other", owner=EVE, username="taken")
    for username in ("Taken", "sandbox_bot"):
        with pytest.raises(SandboxError, match="is taken"):
            await sandbox.edit_chat(EVE, group, username=username)
