"""Channels, discussion groups, and writing as somebody else than oneself."""

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Forbidden

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, EVE, RawCaller


@pytest.fixture
async def channel(bot: Bot, sandbox: SandboxClient) -> int:
    return await sandbox.create_group("News", kind="channel", owner=EVE, members=[ANN], bots=[bot.id], signed=True)


async def news(bot: Bot) -> list[Update]:
    return list(await bot.get_updates(allowed_updates=Update.ALL_TYPES))


async def test_posts_have_no_author_but_a_signature(bot: Bot, sandbox: SandboxClient, channel: int) -> None:
    said = await sandbox.say(EVE, channel, "hello")
    await sandbox.edit(EVE, channel, said["message_id"], "hello all")
    posted, edited = await news(bot)
    assert posted.channel_post
    assert edited.edited_channel_post
    post = posted.channel_post
    assert (post.from_user, post.author_signature) == (None, "Eve")
    assert post.sender_chat
    assert post.sender_chat.id == channel
    own = await bot.send_message(channel, "from the bot")
    assert own.from_user is None
    assert not await bot.get_updates(offset=edited.update_id + 1)  # a bot hears nothing of its own post


async def test_only_who_may_post_does(bot: Bot, other: Bot, sandbox: SandboxClient, channel: int) -> None:
    with pytest.raises(SandboxError, match="may not write"):
        await sandbox.say(ANN, channel, "me too")
    await sandbox.add_bot(EVE, channel, other.id, admin=True, rights=["can_edit_messages"])
    with pytest.raises(BadRequest, match=r"(?i)need administrator rights in the channel chat"):
        await other.send_message(channel, "hi")
    with pytest.raises(SandboxError, match="only be an administrator"):
        await sandbox.add_bot(EVE, channel, other.id)
    post = await bot.send_message(channel, "hi")
    await other.pin_chat_message(channel, post.message_id)
    await bot.promote_chat_member(channel, ANN, can_post_messages=True)
    await sandbox.say(ANN, channel, "now I may")
    assert (await bot.get_chat_member(channel, ANN)).can_post_messages  # type: ignore[attr-defined]


async def test_subscribers_come_and_go_without_service_messages(
    bot: Bot, sandbox: SandboxClient, call: RawCaller
) -> None:
    await news(bot)
    channel = await sandbox.create_group("Open", kind="channel", owner=EVE, username="open_news", bots=[bot.id])
    await sandbox.join(BOB, chat="open_news")
    await bot.ban_chat_member(channel, BOB)
    with pytest.raises(SandboxError, match="BANNED"):
        await sandbox.join(BOB, chat="open_news")
    assert not await sandbox.history(channel)
    changes = [update.chat_member for update in await news(bot) if update.chat_member]
    assert [change.new_chat_member.status for change in changes] == ["member", "kicked"]
    _, answer = await call("restrictChatMember", chat_id=channel, user_id=BOB, permissions={})
    assert answer["description"] == "Bad Request: method is available only for supergroups"
    _, answer = await call("setChatPermissions", chat_id=channel, permissions={})
    assert answer["description"] == "Bad Request: can't change channel chat permissions"


async def test_strangers_read_public_channels_only(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    await sandbox.create_group("Open", kind="channel", owner=EVE, username="open_news", bots=[bot.id])
    assert (await other.get_chat("@open_news")).type == "channel"
    with pytest.raises(BadRequest, match=r"(?i)member list is inaccessible"):
        await other.get_chat_administrators("@open_news")
    with pytest.raises(Forbidden, match="bot is not a member of the channel chat"):
        await other.send_message("@open_news", "hi")
    post = await bot.send_message("@open_news", "hi")
    await sandbox.start(ANN, other.id)
    assert (await other.forward_message(ANN, "@open_news", post.message_id)).text == "hi"


async def test_posts_come_into_the_discussion_group(bot: Bot, sandbox: SandboxClient, channel: int) -> None:
    group = await sandbox.create_group("Talk", owner=EVE, linked=channel, bots=[bot.id])
    assert (await bot.get_chat(channel)).linked_chat_id == group
    assert (await bot.get_chat(group)).linked_chat_id == channel
    post = await bot.send_message(channel, "what do you think?")
    [copy] = [update.message for update in await news(bot) if update.message]
    assert copy.from_user
    assert copy.sender_chat
    assert (copy.is_automatic_forward, copy.from_user.id, copy.sender_chat.id) == (True, 777000, channel)
    assert copy.forward_origin
    assert copy.forward_origin.message_id == post.message_id  # type: ignore[attr-defined]
    assert (await bot.get_chat(group)).pinned_message.message_id == copy.message_id  # type: ignore[union-attr]
    await sandbox.say(ANN, group, "good", reply_to=copy.message_id)  # a subscriber, not in the group
    with pytest.raises(SandboxError, match="may not write"):
        await sandbox.say(ANN, group, "hello all")
    comment = (await news(bot))[-1].message
    assert comment
    assert (comment.message_thread_id, comment.is_topic_message) == (copy.message_id, None)
    answer = await bot.send_message(group, "thanks", message_thread_id=copy.message_id)
    assert answer.message_thread_id == copy.message_id
    await bot.edit_message_text("what?", channel, post.message_id)
    await bot.delete_message(channel, post.message_id)
    seen = (await sandbox.history(group))[0]
    assert (seen["text"], bool(seen["deleted"])) == ("what?", True)


async def test_administrators_write_anonymously(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", owner=EVE, members=[ANN, BOB])
    await sandbox.say(EVE, group, "as the group", anonymous=True)
    with pytest.raises(SandboxError, match="no administrator"):
        await sandbox.say(BOB, group, "me too", anonymous=True)
    await sandbox.set_member(EVE, group, ANN, "administrator", title="boss", anonymous=True)
    await sandbox.say(ANN, group, "always so")
    await sandbox.set_member(ANN, group, BOB, "left")
    messages = [update.message for update in await news(bot) if update.message]
    assert [message.from_user.id for message in messages if message.from_user] == [1087968824] * 3
    assert all(message.sender_chat and message.sender_chat.id == group for message in messages)
    assert messages[1].author_signature == "boss"
    member = await bot.get_chat_member(group, ANN)
    assert (member.is_anonymous, member.custom_title) == (True, "boss")  # type: ignore[attr-defined]
    assert (await bot.get_chat_member(group, 1087968824)).status == "left"
    assert [seen["author"] for seen in await sandbox.history(group)][:2] == [EVE, ANN]


async def test_owners_write_as_their_channel_until_it_is_banned(bot: Bot, sandbox: SandboxClient, channel: int) -> None:
    group = await sandbox.create_group("Group", owner=BOB, members=[ANN, EVE])
    await sandbox.say(EVE, group, "we have news", as_chat=channel)
    message = (await news(bot))[-1].message
    assert message
    assert message.from_user
    assert message.sender_chat
    assert (message.from_user.id, message.sender_chat.id) == (136817688, channel)
    with pytest.raises(SandboxError, match="does not own"):
        await sandbox.say(ANN, group, "fake news", as_chat=channel)
    await bot.ban_chat_sender_chat(group, channel)
    another = await sandbox.create_group("Spare", kind="channel", owner=EVE)
    for name in (channel, another):
        with pytest.raises(SandboxError, match="BANNED"):
            await sandbox.say(EVE, group, "again", as_chat=name)
    await sandbox.say(EVE, group, "as myself")
    await bot.unban_chat_sender_chat(group, channel)
    await sandbox.say(EVE, group, "back", as_chat=another)
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.ban_chat_sender_chat(group, -5)


async def test_forwards_name_where_a_post_comes_from(bot: Bot, sandbox: SandboxClient, channel: int) -> None:
    group = await sandbox.create_group("Group", owner=EVE)
    post = await bot.send_message(channel, "hello")
    forwarded = await bot.forward_message(group, channel, post.message_id)
    assert forwarded.forward_origin
    assert (forwarded.forward_origin.type, forwarded.sender_chat) == ("channel", None)
    said = await sandbox.say(EVE, group, "psst", anonymous=True)
    hidden = await bot.forward_message(group, group, said["message_id"])
    assert hidden.forward_origin
    assert hidden.forward_origin.type == "chat"
    copy = await bot.copy_message(group, channel, post.message_id)
    assert (await sandbox.history(group))[-1]["message_id"] == copy.message_id
    assert (await sandbox.history(group))[-1]["sender_chat"] is None


async def test_a_channel_is_linked_with_a_supergroup(sandbox: SandboxClient, channel: int) -> None:
    small = await sandbox.create_group("Small", kind="group", owner=EVE)
    with pytest.raises(SandboxError, match="linked with a supergroup"):
        await sandbox.edit_chat(EVE, channel, linked=small)


async def test_posts_are_edited_by_who_may(bot: Bot, other: Bot, sandbox: SandboxClient, channel: int) -> None:
    post = await bot.send_message(channel, "hello")
    await sandbox.edit(EVE, channel, post.message_id, "hello all")
    await sandbox.add_bot(EVE, channel, other.id, admin=True, rights=["can_post_messages"])
    with pytest.raises(BadRequest, match=r"(?i)message can't be edited"):
        await other.edit_message_text("mine now", channel, post.message_id)
    assert (await sandbox.history(channel))[0]["text"] == "hello all"


async def test_polls_and_buttons_in_the_discussion_group(bot: Bot, sandbox: SandboxClient, channel: int) -> None:
    group = await sandbox.create_group("Talk", owner=EVE, members=[ANN], linked=channel, bots=[bot.id])
    for button in (InlineKeyboardButton("Go", "https://example.org"), InlineKeyboardButton("Press", callback_data="x")):
        await bot.send_message(channel, "look", reply_markup=InlineKeyboardMarkup([[button]]))
    await bot.send_poll(channel, "Tea?", ["yes", "no"])
    with_address, pressed, asked = await sandbox.history(group)
    assert [bool(seen["buttons"]) for seen in (with_address, pressed)] == [True, False]
    await sandbox.act("vote", user=ANN, chat=group, message=asked["message_id"], options=[0])
    assert (await sandbox.history(channel))[-1]["poll"]["total_voter_count"] == 1


async def test_reactions_of_the_anonymous_are_the_groups(bot: Bot, sandbox: SandboxClient) -> None:
    await news(bot)
    group = await sandbox.create_group("Group", owner=EVE, members=[ANN, BOB])
    await sandbox.set_member(EVE, group, ANN, "administrator", anonymous=True)
    said = await sandbox.say(BOB, group, "hi")
    await sandbox.react(ANN, group, said["message_id"])
    reaction = (await news(bot))[-1].message_reaction
    assert reaction
    assert reaction.actor_chat
    assert (reaction.actor_chat.id, reaction.user) == (group, None)
    await sandbox.edit_chat(EVE, group, permissions=["can_send_messages"])
    with pytest.raises(SandboxError, match="not enough rights to react"):
        await sandbox.react(BOB, group, said["message_id"])


async def test_an_album_is_pinned_once(bot: Bot, sandbox: SandboxClient, channel: int) -> None:
    group = await sandbox.create_group("Talk", owner=EVE, linked=channel, bots=[bot.id])
    await sandbox.say(EVE, channel, media=[{"kind": "document", "name": name, "text": "x"} for name in ("a", "b")])
    first, second = await sandbox.history(group)
    assert first["media_group_id"] == second["media_group_id"]
    assert [each["pins"] for each in (await sandbox.chats())["groups"]][-1] == [first["message_id"]]
