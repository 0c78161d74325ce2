"""Files: sending them singly and in albums, getFile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from community.sandbox.errors import ApiError, bad_request
from community.sandbox.files import SHAPES, TOLD, Media, StoredFile, album_id, photo, uploaded
from community.sandbox.methods.registry import Call, Handler, method
from community.sandbox.methods.sending import Sending, read_caption, writable_chat
from community.sandbox.params import Params
from community.sandbox.pictures import measured

JSON = dict[str, Any]
WRONG_FILE = "wrong file identifier/HTTP URL specified"
MOST = 10
INPUT_MEDIA = ("photo", "video", "animation", "audio", "document")
SPOILERS = ("photo", "video", "animation")
UNMIXED = {"audio": "Audio", "document": "Document"}
"""Kinds that fill an album alone, as Telegram's refusal calls them."""
CLASSES = {"photo": "Photo", "voice": "VoiceNote", "video_note": "VideoNote"}
DOWNLOAD_LIMIT = 20 * 1024 * 1024
"""Bytes (Bot API, getFile)."""
BARE = ("video_note", "sticker")
"""Kinds without a caption."""


def _sender(kind: str) -> Handler:
    def send_file(call: Call) -> JSON:
        chat = writable_chat(call, kind)
        content = {} if kind in BARE else _marked(call.params, kind)
        sending = Sending(call, chat)
        return sending.post(content, found_file(call, call.params, kind, kind)).as_json(call.bot)

    return send_file


for _kind in SHAPES:
    method("send" + "".join(part.title() for part in _kind.split("_")), paced=True)(_sender(_kind))


def _marked(params: Params, kind: str) -> JSON:
    """The caption, and how the file is shown."""
    content = read_caption(params)
    if kind in SPOILERS:
        if params.flag("has_spoiler"):
            content["has_media_spoiler"] = True
        if params.flag("show_caption_above_media"):
            content["show_caption_above_media"] = True
    return content


@method("sendMediaGroup", paced=True)
def send_media_group(call: Call) -> list[JSON]:
    """All or nothing: an item that is refused fails the call before any is posted, as Telegram's own server does."""
    items = _items(call)
    album = [_item(call, item, number) for number, item in enumerate(items, 1)]
    chat, *_ = [writable_chat(call, media.kind) for _, media in album]
    sending = Sending(call, chat)
    group = {"media_group_id": album_id()}
    messages = [sending.post(content | group, media) for content, media in album]
    return [message.as_json(call.bot) for message in messages]


def _items(call: Call) -> list[JSON]:
    items = call.params.listing("media") or []
    if not items:
        raise bad_request("there are no messages to send")
    if len(items) > MOST:
        raise bad_request("too many messages to send as an album")
    if len(items) < 2:
        raise bad_request("group message must have 2-10 items")
    _check_mixture(items)
    return items


def _check_mixture(items: list[JSON]) -> None:
    if len({Params(item).flag("show_caption_above_media") for item in items}) > 1:
        raise bad_request("parameter show_caption_above_media must be the same for all messages")
    kinds = {item["type"] for item in items}
    for kind, spoken in UNMIXED.items():
        if kind in kinds and len(kinds) > 1:
            raise bad_request(f"{spoken} can't be mixed with other media types")


def _item(call: Call, item: JSON, number: int) -> tuple[JSON, Media]:
    try:
        return input_media(call, item)
    except Unusable as error:
        told = error.description.removeprefix("Bad Request: ")
        raise bad_request(f'failed to send message #{number} with the error message "{told}"') from None


def input_media(call: Call, item: JSON) -> tuple[JSON, Media]:
    """Content and file of Telegram's InputMedia."""
    if item["type"] not in INPUT_MEDIA:
        raise bad_request(f"media of type {item['type']} is known to Telegram but not to this sandbox")
    params = Params(item, call.params.files)
    if not params.text("media"):
        raise bad_request("can't parse InputMedia: media not found")
    return _marked(params, item["type"]), found_file(call, params, "media", item["type"])


class Unusable(ApiError):
    """Telegram has looked at the file and will not have it."""


def found_file(call: Call, params: Params, name: str, kind: str) -> Media:
    """A file by upload, by one of this bot's file ids, or by address (kept by name only: nothing is fetched).

    One sent before stays what it was; a photo is never anything else, nor anything else a photo.
    """
    value = params.text(name)
    upload = params.files.get(value.removeprefix("attach://") if value else name)
    if upload is not None:
        thumbnail = _thumbnail(params) if kind not in ("photo", "voice", "sticker") else None
        file = _made(lambda: uploaded(upload.data, upload.name or name, upload.mime_type, kind, _told(params, kind)))
        file.thumbnail = thumbnail
        return Media(kind, keep_file(call, file))
    if value.startswith(("http://", "https://")):
        return Media(kind, keep_file(call, _remote(value, kind)))
    return _sent_before(call, value, name, kind)


def _sent_before(call: Call, file_id: str, name: str, kind: str) -> Media:
    known = call.world.files.get(call.bot.file_ids.get(file_id, ""))
    if known is None:
        raise bad_request(WRONG_FILE if file_id else f"there is no {name} in the request")
    if (known.kind == "photo") != (kind == "photo"):
        names = (CLASSES.get(each, each.capitalize()) for each in (known.kind, kind))
        raise bad_request("can't use file of type {} as {}".format(*names))
    return Media(known.kind, known)


def _made(make: Callable[[], StoredFile]) -> StoredFile:
    try:
        return make()
    except ValueError as error:
        raise Unusable(400, f"Bad Request: {error}") from None


def _told(params: Params, kind: str) -> JSON:
    """What the bot says about a file it uploads; numbers within Telegram's bounds."""
    told: JSON = {}
    for name in TOLD.get(kind, ()):
        if not params.has(name):
            continue
        told[name] = params.text(name) if name in ("performer", "title", "emoji") else _bounded(params, name)
    if told.get("length", 1) not in range(1, 641):
        raise bad_request("wrong video note length")
    return told


def _bounded(params: Params, name: str) -> int:
    return min(max(params.integer(name), 0), 24 * 3600 if name == "duration" else 10_000)


def _thumbnail(params: Params) -> StoredFile | None:
    """Only an upload will do; anything else, and what is no picture, is ignored (Bot API, thumbnail)."""
    upload = params.files.get(params.text("thumbnail").removeprefix("attach://") or "thumbnail")
    if upload is None:
        return None
    size = measured(upload.data)
    return size and StoredFile(
        upload.data, upload.name, upload.mime_type, "photo", {"width": size[0], "height": size[1]}
    )


def _remote(address: str, kind: str) -> StoredFile:
    name = address.rsplit("/", 1)[-1] or kind
    if kind == "photo":
        return photo(b"", name, "image/jpeg", (640, 480))
    return StoredFile(b"", name, "application/octet-stream", kind, SHAPES[kind])


def keep_file(call: Call, file: StoredFile) -> StoredFile:
    for part in file.parts():
        call.world.files[part.unique_id] = part
    return file


@method("getFile")
def get_file(call: Call) -> JSON:
    file_id = call.params.text("file_id")
    file = call.world.files.get(call.bot.file_ids.get(file_id, ""))
    if file is None:
        raise bad_request("invalid file_id")
    if len(file.data) > DOWNLOAD_LIMIT:
        raise bad_request("file is too big")
    about = {"file_id": file_id, "file_unique_id": file.unique_id}
    return about | {"file_size": len(file.data), "file_path": file.path}


@method("getUserProfilePhotos")
def get_user_profile_photos(call: Call) -> JSON:
    """Nobody here has a picture."""
    if call.world.account(call.params.integer("user_id")) is None:
        raise bad_request("invalid user_id specified")
    return {"total_count": 0, "photos": []}
