"""Messages, keyboards, callbacks, edits, deletions, reactions, documents."""

import pytest
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    LinkPreviewOptions,
    ReactionTypeEmoji,
    ReplyKeyboardMarkup,
    ReplyParameters,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, TelegramError

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, RawCaller

KEYBOARD = InlineKeyboardMarkup(
    [[InlineKeyboardButton("Go", callback_data="go:1")], [InlineKeyboardButton("Site", url="https://example.org/a")]]
)


@pytest.fixture(autouse=True)
async def opened(sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)


async def test_a_message_arrives_with_text_entities_and_buttons(bot: Bot, sandbox: SandboxClient) -> None:
    preview = LinkPreviewOptions(is_disabled=True)
    sent = await bot.send_message(
        ANN, "😀 <b>Hi</b> /help", parse_mode=ParseMode.HTML, reply_markup=KEYBOARD, link_preview_options=preview
    )
    [seen] = await sandbox.received(ANN)
    assert seen["text"] == "😀 Hi /help"
    assert [(e["type"], e["offset"], e["length"]) for e in seen["entities"]] == [("bold", 3, 2), ("bot_command", 6, 5)]
    assert [button["text"] for button in seen["buttons"]] == ["Go", "Site"]
    assert sent.reply_markup == KEYBOARD
    assert sent.parse_entities() == {sent.entities[0]: "Hi", sent.entities[1]: "/help"}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("   ", "Message text is empty"),
        ("x" * 4097, "Message is too long"),
        ("<b>open", "Can't parse entities: can't find end tag corresponding to start tag"),
    ],
)
async def test_bad_texts_are_refused(bot: Bot, text: str, error: str) -> None:
    with pytest.raises(BadRequest, match=r"(?i)" + error):
        await bot.send_message(ANN, text, parse_mode="HTML")


async def test_the_limit_counts_what_is_left_after_entity_parsing(bot: Bot) -> None:
    sent = await bot.send_message(ANN, "<b>" + "x" * 4096 + "</b>", parse_mode="HTML")
    assert sent.text is not None
    assert len(sent.text) == 4096


async def test_captions_have_a_limit_of_their_own(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="caption is too long"):
        await bot.send_document(ANN, b"x", filename="a.txt", caption="y" * 1025)


@pytest.mark.parametrize("data", ["", "x" * 65])
async def test_callback_data_of_wrong_length_is_refused(call: RawCaller, data: str) -> None:
    markup = {"inline_keyboard": [[{"text": "a", "callback_data": data}]]}
    status, answer = await call("sendMessage", chat_id=ANN, text="a", reply_markup=markup)
    assert (status, answer["description"]) == (400, "Bad Request: BUTTON_DATA_INVALID")


async def test_replies_refer_to_the_message(bot: Bot, sandbox: SandboxClient) -> None:
    first = await bot.send_message(ANN, "one")
    reply = await bot.send_message(ANN, "two", reply_parameters=ReplyParameters(first.message_id))
    assert reply.reply_to_message is not None
    assert reply.reply_to_message.text == "one"
    with pytest.raises(BadRequest, match="replied not found"):
        await bot.send_message(ANN, "three", reply_parameters=ReplyParameters(1))
    await bot.send_message(ANN, "three", reply_parameters=ReplyParameters(1, allow_sending_without_reply=True))
    assert [seen["reply_to"] for seen in await sandbox.received(ANN)] == [None, first.message_id, None]


async def test_a_pressed_button_becomes_a_callback_and_gets_its_answer(bot: Bot, sandbox: SandboxClient) -> None:
    sent = await bot.send_message(ANN, "choose", reply_markup=KEYBOARD)
    pressed = await sandbox.press(ANN, text="Go")
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None
    assert (query.data, query.from_user.id, query.id) == ("go:1", ANN, pressed["callback_query_id"])
    assert query.message is not None
    assert query.message.message_id == sent.message_id
    assert not (await sandbox.callback(query.id))["answered"]
    await bot.answer_callback_query(query.id, "done", show_alert=True)
    assert await sandbox.callback(query.id) == {"answered": True, "text": "done", "show_alert": True, "url": ""}
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_callback_query(query.id)


async def test_reply_keyboards_and_links_can_be_pressed(bot: Bot, sandbox: SandboxClient) -> None:
    await bot.send_message(ANN, "menu", reply_markup=ReplyKeyboardMarkup([["Help", "Rules"]]))
    await sandbox.press(ANN, text="Rules")
    link = InlineKeyboardButton("In", url="https://t.me/sandbox_bot?start=abc")
    await bot.send_message(ANN, "go", reply_markup=InlineKeyboardMarkup([[link]]))
    assert (await sandbox.press(ANN, text="In"))["followed"]
    messages = [update.message.text for update in await bot.get_updates() if update.message]
    assert messages == ["/start", "Rules", "/start abc"]
    with pytest.raises(SandboxError, match="no button"):
        await sandbox.press(ANN, data="absent")


async def test_edits_change_text_and_keyboard(bot: Bot, sandbox: SandboxClient) -> None:
    sent = await bot.send_message(ANN, "one", reply_markup=KEYBOARD)
    edited = await bot.edit_message_text("<i>two</i>", ANN, sent.message_id, parse_mode="HTML")
    assert edited.text == "two"  # type: ignore[union-attr]
    assert edited.reply_markup is None  # type: ignore[union-attr]
    assert edited.edit_date  # type: ignore[union-attr]
    await bot.edit_message_reply_markup(ANN, sent.message_id, reply_markup=KEYBOARD)
    [seen] = await sandbox.received(ANN)
    assert (seen["text"], len(seen["buttons"])) == ("two", 2)
    assert seen["edited"]


async def test_an_edit_that_changes_nothing_or_hits_nothing_is_refused(bot: Bot, sandbox: SandboxClient) -> None:
    sent = await bot.send_message(ANN, "one")
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await bot.edit_message_text("one", ANN, sent.message_id)
    with pytest.raises(BadRequest, match=r"(?i)message to edit not found"):
        await bot.edit_message_text("two", ANN, 1)
    said = await sandbox.say(ANN, None, "mine")
    with pytest.raises(BadRequest, match=r"(?i)message can't be edited"):
        await bot.edit_message_text("two", ANN, said["message_id"])


async def test_deleted_messages_are_gone_for_the_bot_and_marked_for_us(bot: Bot, sandbox: SandboxClient) -> None:
    first, second = await bot.send_message(ANN, "one"), await bot.send_message(ANN, "two")
    await bot.delete_message(ANN, first.message_id)
    with pytest.raises(BadRequest, match=r"(?i)message to delete not found"):
        await bot.delete_message(ANN, first.message_id)
    await bot.delete_messages(ANN, [first.message_id, second.message_id])
    assert all(seen["deleted"] for seen in await sandbox.received(ANN))


async def test_old_messages_cannot_be_deleted(bot: Bot, sandbox: SandboxClient) -> None:
    sent = await bot.send_message(ANN, "one")
    await sandbox.advance_clock(48 * 3600 + 1)
    with pytest.raises(BadRequest, match=r"(?i)message can't be deleted"):
        await bot.delete_message(ANN, sent.message_id)


async def test_reactions_go_both_ways(bot: Bot, sandbox: SandboxClient) -> None:
    sent = await bot.send_message(ANN, "one")
    assert len(await bot.get_updates(allowed_updates=["message_reaction"])) == 1
    await bot.set_message_reaction(ANN, sent.message_id, "🔥")
    await sandbox.react(ANN, None, sent.message_id, "👍")
    reaction = (await bot.get_updates())[-1].message_reaction
    assert reaction is not None
    assert reaction.user is not None
    assert (reaction.user.id, reaction.message_id) == (ANN, sent.message_id)
    assert reaction.new_reaction == (ReactionTypeEmoji("👍"),)
    [seen] = await sandbox.received(ANN)
    assert set(seen["reactions"]) == {str(ANN), str(bot.id)}


async def test_documents_go_out_and_come_in(bot: Bot, sandbox: SandboxClient) -> None:
    sent = await bot.send_document(ANN, "héllo".encode(), filename="a b.txt", caption="<b>c</b>", parse_mode="HTML")
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.file_size, sent.caption) == ("a b.txt", 6, "c")
    await bot.send_document(ANN, sent.document.file_id)
    await sandbox.say(ANN, None, "my form", document={"name": "form.csv", "mime_type": "text/csv", "text": "a,b"})
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert message.document is not None
    assert (message.caption, message.document.mime_type) == ("my form", "text/csv")
    file = await message.document.get_file()
    assert bytes(await file.download_as_bytearray()) == b"a,b"


async def test_documents_go_together_in_an_album(bot: Bot) -> None:
    album = await bot.send_media_group(ANN, [InputMediaDocument(b"1", filename="1"), InputMediaDocument(b"2")])
    assert len({message.media_group_id for message in album}) == 1
    with pytest.raises(BadRequest, match="2-10"):
        await bot.send_media_group(ANN, [InputMediaDocument(b"1")])


async def test_a_bot_cannot_use_another_bots_files(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN, bot="sandbox5151_bot")
    sent = await bot.send_document(ANN, b"secret", filename="a.txt")
    assert sent.document is not None
    with pytest.raises(BadRequest, match=r"(?i)wrong file identifier"):
        await other.send_document(ANN, sent.document.file_id)
    with pytest.raises(BadRequest, match=r"(?i)invalid file_id"):
        await other.get_file(sent.document.file_id)
    path = (await bot.get_file(sent.document.file_id)).file_path
    assert path is not None
    stolen = path.replace(bot.token, other.token)
    with pytest.raises(TelegramError):
        await other.request.retrieve(stolen)


async def test_private_chats_of_two_bots_are_apart(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    await sandbox.start(ANN, bot="sandbox5151_bot")
    sent = await bot.send_message(ANN, "from the first")
    with pytest.raises(BadRequest, match=r"(?i)not found"):
        await other.delete_message(ANN, sent.message_id)
    assert [u.message.text for u in await other.get_updates() if u.message] == ["/start"]


async def test_copies_and_forwards(bot: Bot, sandbox: SandboxClient) -> None:
    said = await sandbox.say(ANN, None, "my story")
    group = await sandbox.create_group("Staff")
    await bot.copy_message(group, ANN, said["message_id"])
    forwarded = await bot.forward_message(group, ANN, said["message_id"])
    assert forwarded.forward_origin is not None
    assert forwarded.forward_origin.sender_user.id == ANN  # type: ignore[attr-defined]
    assert [seen["text"] for seen in await sandbox.history(group)] == ["my story", "my story"]


async def test_pinning_in_a_group(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", members=[BOB])
    sent = await bot.send_message(group, "rules")
    await bot.pin_chat_message(group, sent.message_id)
    pinned = (await bot.get_chat(group)).pinned_message
    assert pinned is not None
    assert pinned.message_id == sent.message_id
    update = (await bot.get_updates())[-1]
    assert update.message is not None
    assert update.message.pinned_message is not None


async def test_people_edit_their_messages(bot: Bot, sandbox: SandboxClient) -> None:
    said = await sandbox.say(ANN, None, "helo")
    await sandbox.edit(ANN, None, said["message_id"], "hello")
    update = (await bot.get_updates())[-1]
    assert update.edited_message is not None
    assert update.edited_message.text == "hello"


async def test_chat_action_commands_and_goodbye(bot: Bot) -> None:
    assert await bot.send_chat_action(ANN, ChatAction.TYPING)
    assert await bot.set_my_commands([("help", "Help")])
    assert [command.command for command in await bot.get_my_commands()] == ["help"]
    assert await bot.log_out()


async def test_unknown_methods_and_tokens(call: RawCaller) -> None:
    assert await call("sendNothing") == (
        404,
        {"ok": False, "error_code": 404, "description": "Not Found: method not found"},
    )
    assert await call("getMe", "4242:no") == (401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
