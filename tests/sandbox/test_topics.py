"""Forum topics: by bots and by people, open, closed, hidden, gone."""

import pytest
from telegram import Bot, Message
from telegram.error import BadRequest

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, EVE, RawCaller


@pytest.fixture
async def forum(sandbox: SandboxClient) -> int:
    return await sandbox.create_group("Forum", owner=EVE, members=[ANN, BOB], is_forum=True)


async def heard(bot: Bot) -> list[Message]:
    return [update.message for update in await bot.get_updates() if update.message]


async def test_a_topic_from_beginning_to_end(bot: Bot, sandbox: SandboxClient, forum: int) -> None:
    assert (await bot.get_chat(forum)).is_forum
    topic = await bot.create_forum_topic(forum, "Help", icon_color=0xFFD67E)
    thread = topic.message_thread_id
    said = await bot.send_message(forum, "hello", message_thread_id=thread)
    assert (said.message_thread_id, said.is_topic_message) == (thread, True)
    assert said.reply_to_message
    assert said.reply_to_message.forum_topic_created
    asked = await sandbox.say(ANN, forum, "how?", thread=thread)
    answer = await bot.send_message(forum, "so", reply_to_message_id=asked["message_id"])
    assert answer.message_thread_id == thread  # a reply goes where the question is
    await bot.edit_forum_topic(forum, thread, name="Support", icon_custom_emoji_id="5312536423851630001")
    await bot.close_forum_topic(forum, thread)
    await bot.reopen_forum_topic(forum, thread)
    await bot.delete_forum_topic(forum, thread)
    messages = await heard(bot)
    kinds = ("forum_topic_created", "text", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened")
    assert [next(kind for kind in kinds if getattr(m, kind)) for m in messages] == list(kinds)
    assert all(message.is_topic_message for message in messages)
    assert all(seen["deleted"] for seen in await sandbox.history(forum))
    with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
        await bot.send_message(forum, "anybody?", message_thread_id=thread)


async def test_general_has_no_thread(bot: Bot, sandbox: SandboxClient, forum: int) -> None:
    said = await bot.send_message(forum, "hello")
    assert (said.message_thread_id, said.is_topic_message) == (None, None)
    for thread in (1, 999):
        with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
            await bot.send_message(forum, "hello", message_thread_id=thread)
    await bot.edit_general_forum_topic(forum, "Lobby")
    await bot.hide_general_forum_topic(forum)
    with pytest.raises(SandboxError, match="TOPIC_CLOSED"):
        await sandbox.say(ANN, forum, "hi")
    await bot.reopen_general_forum_topic(forum)  # shows it too
    await sandbox.say(ANN, forum, "hi")
    with pytest.raises(BadRequest, match=r"(?i)topic_not_modified"):
        await bot.unhide_general_forum_topic(forum)
    kinds = [seen["service"] for seen in await sandbox.history(forum) if "service" in seen]
    assert kinds == [
        ["forum_topic_edited"], ["general_forum_topic_hidden"], ["general_forum_topic_unhidden"],
        ["forum_topic_reopened"],
    ]  # fmt: skip


async def test_closed_topics_take_the_right(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    forum = await sandbox.create_group("Forum", owner=EVE, members=[ANN], is_forum=True, bots=[bot.id])
    await sandbox.add_bot(EVE, forum, other.id)
    thread = (await bot.create_forum_topic(forum, "News")).message_thread_id
    await sandbox.close_topic(EVE, forum, thread)
    attempts = (
        sandbox.say(ANN, forum, "hi", thread=thread),
        other.send_message(forum, "hi", message_thread_id=thread),
    )
    for closed in attempts:
        with pytest.raises((SandboxError, BadRequest), match=r"(?i)topic_closed"):
            await closed
    await bot.send_message(forum, "news", message_thread_id=thread)
    await sandbox.say(EVE, forum, "more", thread=thread)


async def test_members_begin_topics_unless_not_allowed(bot: Bot, sandbox: SandboxClient, forum: int) -> None:
    thread = await sandbox.create_topic(ANN, forum, "Mine")
    await sandbox.edit_topic(ANN, forum, thread, name="Still mine")
    for foreign in (
        sandbox.edit_topic(BOB, forum, thread, name="x"),
        sandbox.close_topic(BOB, forum, thread),
        sandbox.delete_topic(BOB, forum, thread),
    ):
        with pytest.raises(SandboxError, match="not enough rights"):
            await foreign
    await sandbox.edit_chat(EVE, forum, permissions=["can_send_messages"])
    with pytest.raises(SandboxError, match="not enough rights to create a topic"):
        await sandbox.create_topic(ANN, forum, "Another")
    await sandbox.delete_topic(EVE, forum, thread)


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("createForumTopic", {"name": " "}, "title must be non-empty"),
        ("createForumTopic", {"name": "x", "icon_color": 5}, "invalid icon color specified"),
        ("createForumTopic", {"name": "x", "icon_custom_emoji_id": "12"}, "DOCUMENT_INVALID"),
        ("editForumTopic", {"message_thread_id": 99, "name": "x"}, "TOPIC_ID_INVALID"),
        ("closeForumTopic", {"message_thread_id": 0}, "invalid message thread identifier specified"),
        ("deleteForumTopic", {"message_thread_id": 1}, "TOPIC_ID_INVALID"),
        ("editGeneralForumTopic", {"name": "General"}, "TOPIC_NOT_MODIFIED"),
        ("reopenGeneralForumTopic", {}, "TOPIC_NOT_MODIFIED"),
        ("unpinAllForumTopicMessages", {"message_thread_id": 99}, "TOPIC_ID_INVALID"),
    ],
)
async def test_refusals(call: RawCaller, forum: int, method: str, arguments: dict[str, object], error: str) -> None:
    status, answer = await call(method, chat_id=forum, **arguments)
    assert (status, answer["description"]) == (400, f"Bad Request: {error}")


async def test_topics_are_for_forums(bot: Bot, sandbox: SandboxClient) -> None:
    plain = await sandbox.create_group("Plain", owner=EVE, members=[ANN])
    for chat in (plain, ANN):
        with pytest.raises(BadRequest, match=r"(?i)the chat is not a forum"):
            await bot.create_forum_topic(chat, "Help")
    with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
        await bot.send_message(plain, "hi", message_thread_id=1)
    await sandbox.edit_chat(EVE, plain, is_forum=True)
    await bot.create_forum_topic(plain, "Help")
    with pytest.raises(SandboxError, match="only supergroups"):
        await sandbox.create_group("Small", kind="group", is_forum=True)


async def test_pins_belong_to_their_topic(bot: Bot, sandbox: SandboxClient, forum: int) -> None:
    thread = (await bot.create_forum_topic(forum, "Help")).message_thread_id
    inside = await bot.send_message(forum, "rules", message_thread_id=thread)
    outside = await bot.send_message(forum, "welcome")
    await bot.pin_chat_message(forum, inside.message_id)
    await bot.pin_chat_message(forum, outside.message_id)
    [first, _] = [message for message in await heard(bot) if message.pinned_message]
    assert first.message_thread_id == thread
    await bot.unpin_all_forum_topic_messages(forum, thread)
    [seen] = (await sandbox.chats())["groups"]
    assert seen["pins"] == [outside.message_id]
    await bot.unpin_all_general_forum_topic_messages(forum)
    assert (await bot.get_chat(forum)).pinned_message is None


async def test_icons_are_listed(bot: Bot, forum: int) -> None:
    icons = await bot.get_forum_topic_icon_stickers()
    topic = await bot.create_forum_topic(forum, "Help", icon_custom_emoji_id=icons[0].custom_emoji_id)
    assert topic.icon_custom_emoji_id == icons[0].custom_emoji_id
