"""Files: sending, albums, getFile."""

from __future__ import annotations

from typing import Any

from community.sandbox.errors import bad_request
from community.sandbox.files import SHAPES, Media, StoredFile
from community.sandbox.methods.registry import Call, Handler, method
from community.sandbox.methods.sending import read_caption, send, writable_chat
from community.sandbox.params import Params

JSON = dict[str, Any]
WRONG_FILE = "wrong file identifier/HTTP URL specified"
ALBUM = range(2, 11)


def _sender(kind: str) -> Handler:
    def send_file(call: Call) -> JSON:
        chat = writable_chat(call)
        content = read_caption(call.params)
        return send(call, chat, content, Media(kind, stored_file(call, call.params, kind))).as_json(call.bot)

    return send_file


for _kind in SHAPES:
    method("send" + "".join(part.title() for part in _kind.split("_")), paced=True)(_sender(_kind))


@method("sendMediaGroup", paced=True)
def send_media_group(call: Call) -> list[JSON]:
    chat = writable_chat(call)
    items = call.params.listing("media") or []
    if len(items) not in ALBUM or not all(isinstance(item, dict) and item.get("type") in SHAPES for item in items):
        raise bad_request("group message must have 2-10 items")
    album = [(read_caption(Params(item)), _media(call, item)) for item in items]
    group_id = str(chat.next_message_id)
    return [
        send(call, chat, caption | {"media_group_id": group_id}, media).as_json(call.bot) for caption, media in album
    ]


def _media(call: Call, item: JSON) -> Media:
    return Media(item["type"], stored_file(call, Params(item, call.params.files), "media"))


def stored_file(call: Call, params: Params, name: str) -> StoredFile:
    """A file by upload, by one of this bot's file ids, or by address (kept by name only: nothing is fetched)."""
    value = params.text(name)
    upload = params.files.get(value.removeprefix("attach://") if value else name)
    if upload is not None:
        return keep_file(call, StoredFile(upload.data, upload.name or name, upload.mime_type))
    if value.startswith(("http://", "https://")):
        return keep_file(call, StoredFile(b"", value.rsplit("/", 1)[-1] or name, "application/octet-stream"))
    file = call.world.files.get(call.bot.file_ids.get(value, ""))
    if file is None:
        raise bad_request(WRONG_FILE if value else f"there is no {name} in the request")
    return file


def keep_file(call: Call, file: StoredFile) -> StoredFile:
    call.world.files[file.unique_id] = file
    return file


@method("getFile")
def get_file(call: Call) -> JSON:
    file_id = call.params.text("file_id")
    file = call.world.files.get(call.bot.file_ids.get(file_id, ""))
    if file is None:
        raise bad_request("invalid file_id")
    about = {"file_id": file_id, "file_unique_id": file.unique_id}
    return about | {"file_size": len(file.data), "file_path": file.path}
