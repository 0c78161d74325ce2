"""Files of all kinds, their sizes and limits, albums, edits of media."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st
from telegram import (
    Bot,
    InputMediaAnimation,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    Message,
)
from telegram.error import BadRequest

from community.sandbox.app import Sandbox
from community.sandbox.client import SandboxClient, SandboxError
from community.sandbox.pictures import measured

from .conftest import ANN, RawCaller, Served
from .pictures import encoded, gif, jpeg, png

LARGE = png(3000, 1500)


@pytest.fixture(autouse=True)
async def opened(sandbox: SandboxClient) -> None:
    await sandbox.start(ANN)


def test_the_size_of_a_picture_is_read_from_its_head() -> None:
    webp = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + (99).to_bytes(3, "little") + (49).to_bytes(3, "little")
    pictures = [png(3, 4), jpeg(640, 480), gif(7, 8), webp]
    assert [measured(data) for data in pictures] == [(3, 4), (640, 480), (7, 8), (100, 50)]
    assert [measured(data[:9]) for data in pictures] == [None] * 4


@given(
    st.sampled_from([b"", png(3, 4)[:16], b"\xff\xd8", b"GIF89a", b"RIFF1234WEBPVP8 ", b"BM"]), st.binary(max_size=40)
)
def test_any_bytes_are_a_picture_or_not(head: bytes, rest: bytes) -> None:
    size = measured(head + rest)
    assert size is None or min(size) > 0


async def test_a_photo_comes_in_sizes(bot: Bot, sandbox: SandboxClient) -> None:
    sent = await bot.send_photo(ANN, LARGE, caption="p", has_spoiler=True, show_caption_above_media=True)
    assert [(size.width, size.height) for size in sent.photo] == [
        (90, 45), (320, 160), (800, 400), (1280, 640), (2560, 1280),
    ]  # fmt: skip
    assert len({size.file_unique_id for size in sent.photo}) == 5
    assert (sent.has_media_spoiler, sent.show_caption_above_media) == (True, True)
    smallest = await bot.get_file(sent.photo[0].file_id)
    assert bytes(await smallest.download_as_bytearray()) == LARGE
    [seen] = await sandbox.received(ANN)
    assert (seen["media"]["width"], seen["has_media_spoiler"]) == (2560, True)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x89PNG", "image_process_failed"),
        (png(9000, 1001), "photo_invalid_dimensions"),
        (png(2100, 100), "photo_invalid_dimensions"),
        (png(9, 9) + bytes(10 * 1024 * 1024), "is too big for a photo; the maximum size is 10485760 bytes"),
    ],
)
async def test_what_is_no_photo(bot: Bot, data: bytes, error: str) -> None:
    with pytest.raises(BadRequest, match=f"(?i){error}"):
        await bot.send_photo(ANN, data)


async def test_empty_files_and_files_too_large_to_fetch(bot: Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)file must be non-empty"):
        await bot.send_document(ANN, b"")
    sent = await bot.send_document(ANN, bytes(20 * 1024 * 1024 + 1))
    assert sent.document is not None
    with pytest.raises(BadRequest, match=r"(?i)file is too big"):
        await bot.get_file(sent.document.file_id)


async def test_each_kind_arrives_as_what_it_is(bot: Bot) -> None:
    video = (await bot.send_video(ANN, b"v", width=1920, height=1080, duration=9, thumbnail=png(90, 50))).video
    assert video is not None
    assert (video.width, video.height, video.duration) == (1920, 1080, timedelta(seconds=9))
    assert video.thumbnail is not None
    assert (video.thumbnail.width, video.thumbnail.height) == (90, 50)
    animation = await bot.send_animation(ANN, gif(30, 20))
    assert animation.animation is not None
    assert animation.document is not None
    assert (animation.animation.width, animation.document.file_id) == (30, animation.animation.file_id)
    audio = (await bot.send_audio(ANN, b"a", performer="P", title="T", duration=200)).audio
    assert audio is not None
    assert (audio.performer, audio.title, audio.duration) == ("P", "T", timedelta(seconds=200))
    assert (await bot.send_voice(ANN, b"o", duration=3, caption="c")).caption == "c"
    assert (await bot.send_video_note(ANN, b"n", length=120)).video_note
    assert (await bot.send_sticker(ANN, b"s")).sticker


async def test_a_file_sent_again_stays_what_it_was(bot: Bot) -> None:
    photo = (await bot.send_photo(ANN, LARGE)).photo
    assert (await bot.send_photo(ANN, photo[0].file_id)).photo
    with pytest.raises(BadRequest, match=r"(?i)can't use file of type Photo as Document"):
        await bot.send_document(ANN, photo[-1].file_id)
    voice = (await bot.send_voice(ANN, b"o", duration=3)).voice
    assert voice is not None
    again = await bot.send_document(ANN, voice.file_id)
    assert again.voice is not None
    assert again.voice.duration == timedelta(seconds=3)
    with pytest.raises(BadRequest, match=r"(?i)can't use file of type VoiceNote as Photo"):
        await bot.send_photo(ANN, voice.file_id)


async def test_an_album_is_one_group_of_messages(bot: Bot, sandbox: SandboxClient) -> None:
    items = [InputMediaPhoto(png(9, 9), caption="all", has_spoiler=True), InputMediaVideo(b"v", width=4, height=3)]
    album = await bot.send_media_group(ANN, items, protect_content=True)
    assert len({message.media_group_id for message in album}) == 1
    assert [message.caption for message in album] == ["all", None]
    assert [bool(message.has_media_spoiler) for message in album] == [True, False]
    assert all(message.has_protected_content for message in album)
    assert [seen["media_group_id"] for seen in await sandbox.received(ANN)] == [album[0].media_group_id] * 2


@pytest.mark.parametrize(
    ("items", "error"),
    [
        ([InputMediaDocument(b"1")], "2-10"),
        ([InputMediaDocument(b"1")] * 11, "too many messages to send as an album"),
        ([InputMediaDocument(b"1"), InputMediaPhoto(LARGE)], "Document can't be mixed with other media types"),
        ([InputMediaAudio(b"1"), InputMediaVideo(b"1")], "Audio can't be mixed with other media types"),
        ([InputMediaAnimation(b"1"), InputMediaPhoto(LARGE)], "unsupported type specified"),
        (
            [InputMediaPhoto(LARGE, show_caption_above_media=True), InputMediaPhoto(LARGE)],
            "show_caption_above_media must be the same",
        ),
        ([InputMediaPhoto(LARGE), InputMediaPhoto(b"no")], 'failed to send message #2 with the error message "IMAGE'),
        ([InputMediaPhoto(LARGE), InputMediaPhoto("AgAC")], "wrong file identifier"),
    ],
)
async def test_one_bad_item_fails_the_album_before_any_is_posted(
    bot: Bot, sandbox: SandboxClient, items: Any, error: str
) -> None:
    with pytest.raises(BadRequest, match=f"(?i){error}"):
        await bot.send_media_group(ANN, items)
    assert await sandbox.received(ANN) == []


async def test_an_album_whose_answer_is_lost_is_there(bot: Bot, sandbox: SandboxClient, call: RawCaller) -> None:
    await sandbox.add_fault("status", method="sendMediaGroup", after_effect=True)
    items = [{"type": "document", "media": "https://example.org/a.txt"}] * 2
    status, _ = await call("sendMediaGroup", chat_id=ANN, media=items)
    assert (status, len(await sandbox.received(ANN))) == (502, 2)


async def test_media_can_be_replaced(bot: Bot) -> None:
    sent = await bot.send_photo(ANN, LARGE, caption="old", has_spoiler=True)
    edited = await bot.edit_message_media(InputMediaVideo(b"v", caption="new"), ANN, sent.message_id)
    assert isinstance(edited, Message)
    assert (edited.caption, bool(edited.video), edited.photo, edited.has_media_spoiler) == ("new", True, (), None)
    text = await bot.send_message(ANN, "text")
    edited = await bot.edit_message_media(InputMediaPhoto(LARGE), ANN, text.message_id)
    assert isinstance(edited, Message)
    assert (edited.text, bool(edited.photo)) == (None, True)
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await bot.edit_message_media(InputMediaPhoto(edited.photo[-1].file_id), ANN, text.message_id)


async def test_media_that_cannot_be_replaced(bot: Bot) -> None:
    voice = await bot.send_voice(ANN, b"o")
    with pytest.raises(BadRequest, match=r"(?i)message media can't be edited"):
        await bot.edit_message_media(InputMediaPhoto(LARGE), ANN, voice.message_id)
    first, _ = await bot.send_media_group(ANN, [InputMediaPhoto(LARGE)] * 2)
    await bot.edit_message_media(InputMediaVideo(b"v"), ANN, first.message_id)
    with pytest.raises(BadRequest, match=r"(?i)can't use the media of the specified type in the album"):
        await bot.edit_message_media(InputMediaDocument(b"d"), ANN, first.message_id)
    note = await bot.send_video_note(ANN, b"n")
    with pytest.raises(BadRequest, match=r"(?i)there is no caption in the message to edit"):
        await bot.edit_message_caption(ANN, note.message_id, caption="c")
    with pytest.raises(BadRequest, match=r"(?i)there is no text in the message to edit"):
        await bot.edit_message_text("t", ANN, note.message_id)


async def test_people_send_albums_and_voices(bot: Bot, sandbox: SandboxClient) -> None:
    photo = {"kind": "photo", "name": "a.jpg", "mime_type": "image/jpeg", "data": encoded(jpeg(400, 300))}
    said = await sandbox.say(ANN, None, "look", media=[photo, photo])
    await sandbox.say(ANN, None, media=[{"kind": "voice", "name": "v.ogg", "mime_type": "audio/ogg", "data": "AAAA"}])
    await sandbox.edit(ANN, None, said["message_id"], "look here")
    first, second, voice, edited = [update.effective_message for update in (await bot.get_updates())[1:]]
    assert first is not None
    assert second is not None
    assert voice is not None
    assert edited is not None
    assert (first.caption, second.caption, edited.caption) == ("look", None, "look here")
    assert first.media_group_id == second.media_group_id is not None
    assert (first.photo[-1].width, voice.voice is not None) == (400, True)
    assert said["message_ids"] == [first.message_id, second.message_id]


@pytest.mark.parametrize(
    ("media", "error"),
    [
        ([{"kind": "photo", "text": "x"}], "IMAGE_PROCESS_FAILED"),
        ([{"kind": "voice", "text": "x"}, {"kind": "photo", "data": encoded(LARGE)}], "an album has"),
        ([{"kind": "document", "text": "x"}, {"kind": "video", "text": "x"}], "albums of their own"),
        ([{"kind": "document", "data": "?"}], "not base64"),
        ([{"kind": "document"}], "must be non-empty"),
    ],
)
async def test_files_that_nobody_can_send(sandbox: SandboxClient, media: Any, error: str) -> None:
    with pytest.raises(SandboxError, match=error):
        await sandbox.say(ANN, None, media=media)


async def test_a_restricted_bot_learns_what_it_may_not_send(bot: Bot, sandbox: SandboxClient, served: Served) -> None:
    group = await sandbox.create_group("Quiet", admin=False)
    restrict(served.app, group, bot.id, {"can_send_messages"})
    await bot.send_message(group, "text")
    with pytest.raises(BadRequest, match=r"(?i)not enough rights to send photos to the chat"):
        await bot.send_photo(group, LARGE)
    with pytest.raises(BadRequest, match=r"(?i)not enough rights to send polls to the chat"):
        await bot.send_poll(group, "?", ["a", "b"])


def restrict(app: Sandbox, group: int, bot: int, permissions: set[str]) -> None:
    members = app.world.groups[group].members
    members[bot] = replace(members[bot], status="restricted", permissions=frozenset(permissions))


async def test_nobody_has_a_profile_photo(bot: Bot) -> None:
    assert (await bot.get_user_profile_photos(ANN)).total_count == 0
    with pytest.raises(BadRequest, match=r"(?i)invalid user_id"):
        await bot.get_user_profile_photos(999)
