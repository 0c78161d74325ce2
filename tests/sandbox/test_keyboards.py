"""Keyboards below the chat, what their buttons share, inline buttons of all kinds, answers to pressed buttons."""

import pytest
from telegram import (
    Bot,
    CopyTextButton,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    KeyboardButtonRequestChat,
    KeyboardButtonRequestUsers,
    Message,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
)
from telegram.error import BadRequest

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB

MENU = ReplyKeyboardMarkup([["Help", "Rules"]], one_time_keyboard=True, input_field_placeholder="choose")


@pytest.fixture(autouse=True)
async def opened(sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)


async def heard(bot: Bot) -> Message:
    message = (await bot.get_updates())[-1].effective_message
    assert message is not None
    return message


async def test_a_reply_keyboard_stays_until_it_is_used_replaced_or_removed(bot: Bot, sandbox: SandboxClient) -> None:
    await bot.send_message(ANN, "menu", reply_markup=MENU)
    await bot.send_message(ANN, "more text")
    assert (await sandbox.keyboard(ANN) or {})["input_field_placeholder"] == "choose"
    assert await sandbox.keyboard(ANN) == MENU.to_dict()
    await sandbox.press(ANN, text="Rules")
    assert await sandbox.keyboard(ANN) is None
    with pytest.raises(SandboxError, match="no button 'Rules'"):
        await sandbox.press(ANN, text="Rules")
    await bot.send_message(ANN, "menu", reply_markup=MENU)
    await bot.send_message(ANN, "other", reply_markup=ReplyKeyboardMarkup([["Other"]]))
    with pytest.raises(SandboxError, match="no button 'Help'"):
        await sandbox.press(ANN, text="Help")
    await sandbox.press(ANN, text="Other")
    assert await sandbox.keyboard(ANN) is not None
    await bot.send_message(ANN, "gone", reply_markup=ReplyKeyboardRemove())
    assert await sandbox.keyboard(ANN) is None
    sent = await bot.send_message(ANN, "menu", reply_markup=MENU)
    await bot.delete_message(ANN, sent.message_id)
    assert await sandbox.keyboard(ANN) is None


async def test_a_forced_reply_ends_when_something_is_said(bot: Bot, sandbox: SandboxClient) -> None:
    await bot.send_message(ANN, "name?", reply_markup=ForceReply(input_field_placeholder="name"))
    assert (await sandbox.keyboard(ANN) or {})["force_reply"]
    await sandbox.say(ANN, None, "Ann")
    assert (await heard(bot)).reply_to_message.text == "name?"  # type: ignore[union-attr]
    assert await sandbox.keyboard(ANN) is None


async def test_in_a_group_a_keyboard_may_be_for_some(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", members=[ANN, BOB])
    said = await sandbox.say(ANN, group, "menu please")
    menu = ReplyKeyboardMarkup([["Help"]], selective=True)
    await bot.send_message(group, "here", reply_markup=menu, reply_parameters=ReplyParameters(said["message_id"]))
    assert await sandbox.keyboard(ANN, group) is not None
    assert await sandbox.keyboard(BOB, group) is None
    with pytest.raises(SandboxError, match="no button"):
        await sandbox.press(BOB, text="Help", chat=group)
    await sandbox.press(ANN, text="Help", chat=group)
    assert (await heard(bot)).reply_to_message.text == "here"  # type: ignore[union-attr]
    await bot.send_message(group, "menu", reply_markup=MENU)
    await sandbox.press(ANN, text="Help", chat=group)
    assert await sandbox.keyboard(ANN, group) is None
    assert await sandbox.keyboard(BOB, group) is not None


async def test_buttons_share_what_they_ask_for(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Club")
    users = KeyboardButtonRequestUsers(7, max_quantity=2, request_name=True)
    chat = KeyboardButtonRequestChat(8, chat_is_channel=False, request_title=True)
    rows = [
        [KeyboardButton("Me", request_contact=True), KeyboardButton("Here", request_location=True)],
        [KeyboardButton("Friends", request_users=users), KeyboardButton("Chat", request_chat=chat)],
    ]
    await bot.send_message(ANN, "share", reply_markup=ReplyKeyboardMarkup(rows))
    await sandbox.press(ANN, text="Me")
    contact = (await heard(bot)).contact
    assert contact is not None
    assert (contact.user_id, contact.phone_number) == (ANN, "88800000017")
    await sandbox.press(ANN, text="Here", location={"latitude": 1.5, "longitude": 2})
    assert (await heard(bot)).location.latitude == 1.5  # type: ignore[union-attr]
    await sandbox.press(ANN, text="Friends", shared=[BOB])
    shared = (await heard(bot)).users_shared
    assert shared is not None
    assert (shared.request_id, shared.users[0].user_id, shared.users[0].first_name) == (7, BOB, "Bob")
    await sandbox.press(ANN, text="Chat", shared=[group])
    assert (await heard(bot)).chat_shared.title == "Club"  # type: ignore[union-attr]
    for text, shared_numbers in [("Here", None), ("Friends", [1, 2, 3]), ("Chat", [])]:
        with pytest.raises(SandboxError, match="this button shares"):
            await sandbox.press(ANN, text=text, shared=shared_numbers)


async def test_people_share_places_and_contacts_unasked(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.say(ANN, None, contact={"phone_number": "+49", "first_name": "Max"})
    assert (await heard(bot)).contact.first_name == "Max"  # type: ignore[union-attr]
    await sandbox.say(ANN, None, location={"latitude": 1, "longitude": 2})
    assert (await heard(bot)).location.longitude == 2  # type: ignore[union-attr]


async def test_asking_for_a_phone_number_is_for_private_chats(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group")
    button = KeyboardButton("Me", request_contact=True)
    with pytest.raises(BadRequest, match=r"(?i)phone number can be requested in private chats only"):
        await bot.send_message(group, "share", reply_markup=ReplyKeyboardMarkup([[button]]))


async def test_inline_buttons_do_what_the_app_would(bot: Bot, sandbox: SandboxClient) -> None:
    row = [
        InlineKeyboardButton("Copy", copy_text=CopyTextButton("code 7")),
        InlineKeyboardButton("Here", switch_inline_query_current_chat="cats"),
        InlineKeyboardButton("There", switch_inline_query=""),
        InlineKeyboardButton("Site", url="https://example.org/"),
    ]
    await bot.send_message(ANN, "choose", reply_markup=InlineKeyboardMarkup([row]))
    pressed = [await sandbox.press(ANN, text=button.text) for button in row]
    for answer in pressed:
        del answer["ok"]
    assert pressed == [
        {"copied": "code 7"},
        {"inline_query": "@sandbox_bot cats", "here": True},
        {"inline_query": "@sandbox_bot", "here": False},
        {"url": "https://example.org/", "followed": False},
    ]


async def test_a_pressed_button_waits_a_quarter_of_an_hour(bot: Bot, sandbox: SandboxClient) -> None:
    await bot.send_message(
        ANN, "a", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    )
    early, late = [(await sandbox.press(ANN, text="A"))["callback_query_id"] for _ in range(2)]
    await sandbox.advance_clock(890)
    await bot.answer_callback_query(early, "ok", cache_time=60)
    assert (await sandbox.callback(early))["cache_time"] == 60
    await sandbox.advance_clock(20)
    with pytest.raises(BadRequest, match=r"(?i)query is too old and response timeout expired"):
        await bot.answer_callback_query(late)


async def test_answers_to_pressed_buttons_have_rules(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    await bot.send_message(
        ANN, "a", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    )
    query = (await sandbox.press(ANN, text="A"))["callback_query_id"]
    with pytest.raises(BadRequest, match=r"(?i)message_too_long"):
        await bot.answer_callback_query(query, "x" * 201)
    with pytest.raises(BadRequest, match=r"(?i)url_invalid"):
        await bot.answer_callback_query(query, url="https://example.org/")
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await other.answer_callback_query(query)
    await bot.answer_callback_query(query, url="https://t.me/sandbox_bot?start=x")
    assert (await sandbox.callback(query))["url"] == "https://t.me/sandbox_bot?start=x"
