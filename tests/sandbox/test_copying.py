"""Copies and forwards, effects, quotes, replies from elsewhere, pins, reactions, places, dice."""

from typing import Any

import pytest
from telegram import (
    Bot,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
    MessageOriginChannel,
    MessageOriginHiddenUser,
    ReactionTypeCustomEmoji,
    ReactionTypeEmoji,
    ReactionTypePaid,
    ReplyParameters,
)
from telegram.error import BadRequest

from community.sandbox.client import SandboxClient, SandboxError

from .conftest import ANN, BOB, EVE, RawCaller, Served
from .pictures import png

HIDDEN = 20


@pytest.fixture(autouse=True)
async def opened(sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)
    await sandbox.start(BOB)


async def test_an_album_stays_together_and_the_missing_are_skipped(bot: Bot, sandbox: SandboxClient) -> None:
    album = await bot.send_media_group(ANN, [InputMediaPhoto(png(9, 9), caption="c")] * 2)
    text = await bot.send_message(ANN, "text")
    ids = [1, *(message.message_id for message in album), text.message_id]
    assert len(await bot.forward_messages(BOB, ANN, ids)) == 3
    assert len(await bot.copy_messages(BOB, ANN, ids, remove_caption=True)) == 3
    seen = await sandbox.received(BOB)
    first, second = seen[0]["media_group_id"], seen[3]["media_group_id"]
    assert [message.get("media_group_id") for message in seen] == [first, first, None, second, second, None]
    assert len({first, second, album[0].media_group_id}) == 3
    assert [message["text"] for message in seen] == ["c", "c", "text", "", "", "text"]
    assert [bool(message.get("forward_origin")) for message in seen] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    ("ids", "error"),
    [
        ([], "message identifiers are not specified"),
        ([2, 1], "strictly increasing order"),
        (list(range(101)), "too many message identifiers specified"),
        ([1, 2], "messages can't be forwarded"),
    ],
)
async def test_lists_that_are_refused(bot: Bot, ids: list[int], error: str) -> None:
    for method in (bot.forward_messages, bot.copy_messages):
        with pytest.raises(BadRequest, match=f"(?i){error}"):
            await method(BOB, ANN, ids)


async def test_bots_may_copy_but_not_forward_protected_content_and_no_service_messages(
    bot: Bot, sandbox: SandboxClient
) -> None:
    kept = await bot.send_message(ANN, "secret", protect_content=True)
    with pytest.raises(BadRequest, match=r"(?i)the message can't be forwarded"):
        await bot.forward_message(BOB, ANN, kept.message_id)
    copied = await bot.copy_message(BOB, ANN, kept.message_id)
    [again] = await bot.copy_messages(BOB, ANN, [kept.message_id])
    for message_id in (copied.message_id, again.message_id):
        assert await bot.forward_message(ANN, BOB, message_id)
    with pytest.raises(BadRequest, match=r"(?i)messages can't be forwarded"):
        await bot.forward_messages(BOB, ANN, [kept.message_id])
    with pytest.raises(SandboxError, match="can't be forwarded"):
        await sandbox.forward(ANN, None, kept.message_id, None)
    await bot.pin_chat_message(ANN, kept.message_id)
    service = (await sandbox.history(user=ANN))[-1]
    with pytest.raises(BadRequest, match=r"(?i)the message can't be forwarded"):
        await bot.forward_message(BOB, ANN, service["message_id"])
    with pytest.raises(BadRequest, match=r"(?i)the message can't be copied"):
        await bot.copy_message(BOB, ANN, service["message_id"])
    with pytest.raises(BadRequest, match=r"(?i)message to copy not found"):
        await bot.copy_message(BOB, ANN, 1)


async def test_who_hides_their_account_is_a_name_in_forwards(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.create_users([{"id": HIDDEN, "first_name": "Hu", "last_name": "Li", "hides_forwards": True}])
    said = await sandbox.say(HIDDEN, None, "mine")
    forwarded = await bot.forward_message(BOB, HIDDEN, said["message_id"])
    again = await bot.forward_message(ANN, BOB, forwarded.message_id)
    for message in (forwarded, again):
        assert isinstance(message.forward_origin, MessageOriginHiddenUser)
        assert message.forward_origin.sender_user_name == "Hu Li"


async def test_people_forward_and_delete(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", owner=EVE, members=[ANN, BOB])
    sent = await bot.send_message(ANN, "news")
    passed = await sandbox.forward(ANN, None, sent.message_id, group)
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert message.forward_origin is not None
    assert (message.text, message.message_id) == ("news", passed["message_id"])
    with pytest.raises(SandboxError, match="only one's own"):
        await sandbox.edit(ANN, group, passed["message_id"], "other")
    with pytest.raises(SandboxError, match="may not delete"):
        await sandbox.delete(BOB, group, passed["message_id"])
    with pytest.raises(SandboxError, match="not in"):
        await sandbox.forward(await stranger(sandbox), group, passed["message_id"], None)
    await sandbox.delete(EVE, group, passed["message_id"])
    await sandbox.delete(ANN, None, sent.message_id)
    with pytest.raises(BadRequest, match=r"(?i)message to edit not found"):
        await bot.edit_message_text("x", ANN, sent.message_id)


async def stranger(sandbox: SandboxClient) -> int:
    await sandbox.create_users([{"id": HIDDEN, "first_name": "Hu"}])
    return HIDDEN


async def test_a_channel_post_names_its_channel_when_forwarded(
    bot: Bot, sandbox: SandboxClient, served: Served
) -> None:
    channel = await sandbox.create_group("News")
    served.app.world.groups[channel].kind = "channel"
    sent = await bot.send_message(channel, "post")
    post = served.app.world.groups[channel].messages[sent.message_id]
    post.content |= {"sender_chat": post.chat.as_json(), "author_signature": "Eve"}
    forwarded = await bot.forward_message(ANN, channel, sent.message_id)
    assert isinstance(forwarded.forward_origin, MessageOriginChannel)
    assert (forwarded.forward_origin.message_id, forwarded.forward_origin.author_signature) == (sent.message_id, "Eve")
    assert await bot.get_updates(allowed_updates=["message_reaction_count", "message_reaction"])
    await sandbox.set_member(EVE, channel, ANN, "member")
    await sandbox.react(ANN, channel, sent.message_id, "👍")
    count = (await bot.get_updates())[-1].message_reaction_count
    assert count is not None
    assert [(each.type, each.total_count) for each in count.reactions] == [(ReactionTypeEmoji("👍"), 1)]


async def test_effects_are_for_private_chats(bot: Bot, sandbox: SandboxClient) -> None:
    fire = "5104841245755180586"
    assert (await bot.send_message(ANN, "hot", message_effect_id=fire)).effect_id == fire
    group = await sandbox.create_group("Group")
    with pytest.raises(BadRequest, match=r"(?i)can't use message effects in the chat"):
        await bot.send_message(group, "hot", message_effect_id=fire)


async def test_a_quote_is_word_for_word(bot: Bot) -> None:
    first = await bot.send_message(ANN, "😀 one two one")
    reply = await bot.send_message(ANN, "r", reply_parameters=ReplyParameters(first.message_id, quote="one"))
    assert reply.quote is not None
    assert (reply.quote.text, reply.quote.position, reply.quote.is_manual) == ("one", 3, True)
    later = ReplyParameters(first.message_id, quote="one", quote_position=10)
    assert (await bot.send_message(ANN, "r", reply_parameters=later)).quote.position == 11  # type: ignore[union-attr]
    with pytest.raises(BadRequest, match=r"(?i)QUOTE_TEXT_INVALID"):
        await bot.send_message(ANN, "r", reply_parameters=ReplyParameters(first.message_id, quote="three"))


async def test_a_reply_may_be_to_another_chat(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", members=[ANN])
    photo = await bot.send_photo(group, png(9, 9))
    reply = await bot.send_message(ANN, "look", reply_parameters=ReplyParameters(photo.message_id, chat_id=group))
    assert reply.reply_to_message is None
    assert reply.external_reply is not None
    assert reply.external_reply.photo is not None
    assert reply.external_reply.photo[0].file_id == photo.photo[0].file_id
    assert reply.external_reply.message_id == photo.message_id
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(ANN, "look", reply_parameters=ReplyParameters(1, chat_id=-999))
    absent = ReplyParameters(1, chat_id=group, allow_sending_without_reply=True)
    with pytest.raises(BadRequest, match=r"(?i)message to be replied not found"):
        await bot.send_message(ANN, "look", reply_parameters=absent)


async def test_pins_are_a_stack(bot: Bot, sandbox: SandboxClient) -> None:
    first, second, third = [await bot.send_message(ANN, text) for text in "123"]
    for message in (second, first, third):
        await bot.pin_chat_message(ANN, message.message_id, disable_notification=True)
    assert await pinned(bot) == third.message_id
    await bot.unpin_chat_message(ANN)
    assert await pinned(bot) == second.message_id
    await bot.unpin_chat_message(ANN, message_id=first.message_id)
    await bot.delete_message(ANN, second.message_id)
    assert await pinned(bot) is None
    with pytest.raises(BadRequest, match=r"(?i)message to unpin not found"):
        await bot.unpin_chat_message(ANN)
    await bot.pin_chat_message(ANN, first.message_id)
    service = (await sandbox.history(user=ANN))[-1]["message_id"]
    for message_id, error in [(service, "service messages can't be pinned"), (1, "message to pin not found")]:
        with pytest.raises(BadRequest, match=f"(?i){error}"):
            await bot.pin_chat_message(ANN, message_id)
    assert await bot.unpin_all_chat_messages(ANN)
    assert await pinned(bot) is None


async def pinned(bot: Bot) -> int | None:
    message = (await bot.get_chat(ANN)).pinned_message
    return message.message_id if message else None


async def test_a_pinned_file_has_each_bots_own_id(bot: Bot, other: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group")
    photo = await bot.send_photo(group, png(9, 9))
    await bot.pin_chat_message(group, photo.message_id)
    told = (await other.get_updates())[-1].message
    assert told is not None
    assert isinstance(told.pinned_message, Message)
    file_id = told.pinned_message.photo[0].file_id
    assert file_id != photo.photo[0].file_id
    assert await other.get_file(file_id)


@pytest.mark.parametrize(
    ("reaction", "error"),
    [
        ("🧀", "REACTION_INVALID"),
        (["👍", "🔥"], "REACTIONS_TOO_MANY"),
        (ReactionTypeCustomEmoji("1"), "REACTION_INVALID"),
        (ReactionTypePaid(), "invalid reaction type specified"),
    ],
)
async def test_reactions_a_bot_cannot_give(bot: Bot, reaction: Any, error: str) -> None:
    sent = await bot.send_message(ANN, "one")
    with pytest.raises(BadRequest, match=f"(?i){error}"):
        await bot.set_message_reaction(ANN, sent.message_id, reaction)


async def test_reactions_people_cannot_give(sandbox: SandboxClient, bot: Bot) -> None:
    sent = await bot.send_message(ANN, "one")
    assert await bot.set_message_reaction(ANN, sent.message_id, ReactionTypeEmoji("❤️"), is_big=True)
    with pytest.raises(SandboxError, match="REACTION_INVALID"):
        await sandbox.react(ANN, None, sent.message_id, "🧀")
    with pytest.raises(BadRequest, match=r"(?i)message to react not found"):
        await bot.set_message_reaction(ANN, 1, "👍")


async def test_places_contacts_and_dice(bot: Bot, sandbox: SandboxClient) -> None:
    live = await bot.send_location(ANN, 52.5, 13.4, live_period=600)
    moved = await bot.edit_message_live_location(ANN, live.message_id, latitude=52.6, longitude=13.4)
    assert moved.location.latitude == 52.6  # type: ignore[union-attr]
    await bot.stop_message_live_location(ANN, live.message_id)
    with pytest.raises(BadRequest, match=r"(?i)message can't be edited"):
        await bot.edit_message_live_location(ANN, live.message_id, latitude=1, longitude=1)
    venue = await bot.send_venue(ANN, 52.5, 13.4, "Gate", "Square 1", foursquare_id="x")
    assert (venue.venue.foursquare_id, venue.location.latitude) == ("x", 52.5)  # type: ignore[union-attr]
    assert (await bot.send_contact(ANN, "+49", "Max")).contact.first_name == "Max"  # type: ignore[union-attr]
    dice = await bot.send_dice(ANN, emoji="🏀")
    assert 1 <= dice.dice.value <= 5  # type: ignore[union-attr]
    with pytest.raises(BadRequest, match=r"(?i)message can't be deleted"):
        await bot.delete_message(ANN, dice.message_id)
    await sandbox.advance_clock(25 * 3600)
    assert await bot.delete_message(ANN, dice.message_id)


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("sendLocation", {"latitude": 91, "longitude": 0}, "wrong latitude specified"),
        ("sendLocation", {"latitude": 1}, "longitude is empty"),
        ("sendLocation", {"latitude": 1, "longitude": 0, "live_period": 5}, "wrong live location period specified"),
        ("sendVenue", {"latitude": 1, "longitude": 0, "title": "t", "address": ""}, "address is empty"),
        ("sendVenue", {"latitude": 1, "longitude": 0, "title": "t"}, "address is empty"),
        ("sendContact", {"phone_number": "1", "first_name": ""}, 'parameter "first_name" is required'),
        ("sendContact", {"phone_number": "1"}, 'parameter "first_name" is required'),
        ("sendDice", {"emoji": "🧀"}, "wrong dice emoji specified"),
        ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
    ],
)
async def test_what_is_refused(call: RawCaller, method: str, params: dict[str, Any], error: str) -> None:
    status, answer = await call(method, chat_id=ANN, **params)
    assert (status, answer["description"]) == (400, f"Bad Request: {error}")


async def test_an_edit_changes_the_preview_alone(bot: Bot) -> None:
    sent = await bot.send_message(ANN, "https://example.org/")
    preview = LinkPreviewOptions(is_disabled=True)
    edited = await bot.edit_message_text("https://example.org/", ANN, sent.message_id, link_preview_options=preview)
    assert edited.link_preview_options == preview  # type: ignore[union-attr]
