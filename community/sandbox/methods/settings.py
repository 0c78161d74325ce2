"""Title, description, photo and permissions of a chat."""

from __future__ import annotations

from community.sandbox import settings
from community.sandbox.access import find_chat
from community.sandbox.errors import bad_request
from community.sandbox.files import StoredFile
from community.sandbox.methods.registry import Call, method


@method("setChatTitle")
def set_chat_title(call: Call) -> bool:
    chat = find_chat(call.world, call.bot, call.params)
    settings.set_title(call.world, chat, call.bot, call.params.text("title"))
    return True


@method("setChatDescription")
def set_chat_description(call: Call) -> bool:
    chat = find_chat(call.world, call.bot, call.params)
    settings.set_description(call.world, chat, call.bot, call.params.text("description"))
    return True


@method("setChatPhoto")
def set_chat_photo(call: Call) -> bool:
    """Only by upload (Bot API, setChatPhoto)."""
    chat = find_chat(call.world, call.bot, call.params)
    upload = call.params.files.get(call.params.text("photo").removeprefix("attach://") or "photo")
    if upload is None:
        raise bad_request("there is no photo in the request")
    photo = StoredFile(upload.data, upload.name or "photo", upload.mime_type)
    settings.set_photo(call.world, chat, call.bot, photo)
    call.world.files[photo.unique_id] = photo
    return True


@method("deleteChatPhoto")
def delete_chat_photo(call: Call) -> bool:
    settings.set_photo(call.world, find_chat(call.world, call.bot, call.params), call.bot, None)
    return True


@method("setChatPermissions")
def set_chat_permissions(call: Call) -> bool:
    chat = find_chat(call.world, call.bot, call.params)
    settings.set_permissions(call.world, chat, call.bot, settings.read_permissions(call.params))
    return True
