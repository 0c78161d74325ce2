"""Forum topics."""

from __future__ import annotations

from typing import Any

from community.sandbox import topics
from community.sandbox.access import find_chat
from community.sandbox.chats import Group
from community.sandbox.errors import bad_request
from community.sandbox.methods.registry import Call, method

JSON = dict[str, Any]


def _forum(call: Call) -> Group:
    chat = find_chat(call.world, call.bot, call.params)
    if not isinstance(chat, Group):
        raise bad_request("the chat is not a forum")
    topics.check_forum(chat)
    return chat


def _thread(call: Call) -> int:
    thread = call.params.integer("message_thread_id")
    if thread <= 0:
        raise bad_request("invalid message thread identifier specified")
    return thread


@method("getForumTopicIconStickers")
def get_forum_topic_icon_stickers(call: Call) -> list[JSON]:
    """Their files cannot be downloaded."""
    shape = {"type": "custom_emoji", "width": 100, "height": 100, "is_animated": False, "is_video": False}
    return [
        {"file_id": f"topic-icon-{number}", "file_unique_id": number, "custom_emoji_id": number, "emoji": emoji} | shape
        for number, emoji in topics.ICONS.items()
    ]


@method("createForumTopic")
def create_forum_topic(call: Call) -> JSON:
    group, params = _forum(call), call.params
    color = params.integer("icon_color") if params.has("icon_color") else None
    icon = params.text("icon_custom_emoji_id") or None
    return topics.create_topic(call.world, group, call.bot, params.text("name"), color, icon).as_json()


@method("editForumTopic")
def edit_forum_topic(call: Call) -> bool:
    group, params = _forum(call), call.params
    icon = params.text("icon_custom_emoji_id") if params.has("icon_custom_emoji_id") else None
    topics.edit_topic(call.world, group, call.bot, _thread(call), params.text("name") or None, icon)
    return True


@method("closeForumTopic")
def close_forum_topic(call: Call) -> bool:
    topics.set_closed(call.world, _forum(call), call.bot, _thread(call), True)
    return True


@method("reopenForumTopic")
def reopen_forum_topic(call: Call) -> bool:
    topics.set_closed(call.world, _forum(call), call.bot, _thread(call), False)
    return True


@method("deleteForumTopic")
def delete_forum_topic(call: Call) -> bool:
    topics.delete_topic(call.world, _forum(call), call.bot, _thread(call))
    return True


@method("unpinAllForumTopicMessages")
def unpin_all_forum_topic_messages(call: Call) -> bool:
    topics.unpin_all(call.world, _forum(call), call.bot, _thread(call))
    return True


@method("editGeneralForumTopic")
def edit_general_forum_topic(call: Call) -> bool:
    group, name = _forum(call), topics.checked_name(call.params.text("name"))
    topics.edit_topic(call.world, group, call.bot, topics.GENERAL, name, None)
    return True


@method("closeGeneralForumTopic")
def close_general_forum_topic(call: Call) -> bool:
    topics.set_closed(call.world, _forum(call), call.bot, topics.GENERAL, True)
    return True


@method("reopenGeneralForumTopic")
def reopen_general_forum_topic(call: Call) -> bool:
    """Shows it again too, if it was hidden (Bot API, reopenGeneralForumTopic)."""
    topics.set_closed(call.world, _forum(call), call.bot, topics.GENERAL, False)
    return True


@method("hideGeneralForumTopic")
def hide_general_forum_topic(call: Call) -> bool:
    topics.set_hidden(call.world, _forum(call), call.bot, True)
    return True


@method("unhideGeneralForumTopic")
def unhide_general_forum_topic(call: Call) -> bool:
    topics.set_hidden(call.world, _forum(call), call.bot, False)
    return True


@method("unpinAllGeneralForumTopicMessages")
def unpin_all_general_forum_topic_messages(call: Call) -> bool:
    topics.unpin_all(call.world, _forum(call), call.bot, topics.GENERAL)
    return True
