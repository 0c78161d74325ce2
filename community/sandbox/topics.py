"""Forum topics: what they are, and how they come, change and go.

The General topic is number 1; its messages carry no `message_thread_id`. Every verb here refuses as Telegram does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from community.sandbox.access import check_right, has_right, permits
from community.sandbox.accounts import Account
from community.sandbox.chats import Group
from community.sandbox.errors import bad_request
from community.sandbox.messages import Message
from community.sandbox.posting import delete, post
from community.sandbox.world import World

JSON = dict[str, Any]
GENERAL = 1
NAME_LIMIT = 128
COLORS = (0x6FB9F0, 0xFFD67E, 0xCB86DB, 0x8EEE98, 0xFF93B2, 0xFB6F5F)
"""The six an icon may have (Bot API, createForumTopic)."""
ICONS = {
    "5434144690511290129": "📰",
    "5312536423851630001": "💡",
    "5312016608254762256": "⚡️",
    "5377544228505134960": "🎙",
    "5418085807791545980": "🔝",
    "5309832892262654231": "🤖",
    "5357315181649076022": "📂",
    "5379748062124056162": "❗️",
}
"""Custom emoji by number that anybody may use as a topic's icon (Bot API, getForumTopicIconStickers)."""
EDIT = "edit the topic"


@dataclass(slots=True, eq=False)
class Topic:
    """`root` is the service message it began with; None only for General."""

    id: int
    name: str
    icon_color: int = COLORS[0]
    icon: str | None = None
    closed: bool = False
    hidden: bool = False
    root: Message | None = None

    def as_json(self) -> JSON:
        """Telegram's ForumTopic."""
        return {"message_thread_id": self.id} | self.described()

    def described(self) -> JSON:
        about: JSON = {"name": self.name, "icon_color": self.icon_color}
        return about | ({"icon_custom_emoji_id": self.icon} if self.icon else {})


def open_forum(world: World, group: Group) -> None:
    """Turn topics on."""
    group.is_forum = True
    group.topics.setdefault(GENERAL, Topic(GENERAL, "General"))
    world.live.chat(group)


def create_topic(
    world: World, group: Group, creator: Account, name: str, icon_color: int | None = None, icon: str | None = None
) -> Topic:
    """Begun by a service message whose number is the topic's."""
    check_forum(group)
    if not permits(world, group, creator, "can_manage_topics"):
        raise bad_request("not enough rights to create a topic")
    color = COLORS[0] if icon_color is None else icon_color
    if color not in COLORS:
        raise bad_request("invalid icon color specified")
    topic = Topic(group.next_message_id, checked_name(name), color, checked_icon(icon))
    group.topics[topic.id] = topic
    topic.root = post(world, group, creator, in_topic(topic) | {"forum_topic_created": topic.described()})
    world.live.chat(group)
    return topic


def edit_topic(world: World, group: Group, editor: Account, thread: int, name: str | None, icon: str | None) -> None:
    """None keeps a name or icon; an empty icon takes it away."""
    topic = manageable(world, group, editor, thread)
    changes: JSON = {}
    if name and checked_name(name) != topic.name:
        changes["name"] = topic.name = checked_name(name)
    if icon is not None and (checked_icon(icon) or "") != (topic.icon or ""):
        topic.icon = checked_icon(icon)
        changes["icon_custom_emoji_id"] = icon
    if not changes:
        raise bad_request("TOPIC_NOT_MODIFIED")
    post(world, group, editor, in_topic(topic) | {"forum_topic_edited": changes})
    world.live.chat(group)


def set_closed(world: World, group: Group, editor: Account, thread: int, closed: bool) -> None:
    topic = manageable(world, group, editor, thread)
    if topic.closed == closed:
        raise bad_request("TOPIC_NOT_MODIFIED")
    topic.closed = closed
    if not closed and topic.hidden:
        _show(world, group, editor, topic, hidden=False)
    post(world, group, editor, in_topic(topic) | {"forum_topic_closed" if closed else "forum_topic_reopened": {}})
    world.live.chat(group)


def set_hidden(world: World, group: Group, editor: Account, hidden: bool) -> None:
    """Hide the General topic, which closes it, or show it again, still closed."""
    topic = manageable(world, group, editor, GENERAL)
    if topic.hidden == hidden:
        raise bad_request("TOPIC_NOT_MODIFIED")
    topic.closed = topic.closed or hidden
    _show(world, group, editor, topic, hidden=hidden)
    world.live.chat(group)


def _show(world: World, group: Group, editor: Account, topic: Topic, *, hidden: bool) -> None:
    topic.hidden = hidden
    post(world, group, editor, {"general_forum_topic_hidden" if hidden else "general_forum_topic_unhidden": {}})


def delete_topic(world: World, group: Group, editor: Account, thread: int) -> None:
    """With all its messages. Telegram tells nobody."""
    check_forum(group)
    topic = group.topics.get(thread)
    if topic is None or thread == GENERAL:
        raise bad_request("TOPIC_ID_INVALID")
    if not has_right(world, group, editor, "can_delete_messages") and not _own(topic, editor):
        raise bad_request("not enough rights to delete the topic")
    for message in messages_of(group, thread):
        delete(world, message)
    del group.topics[thread]
    world.live.chat(group)


def unpin_all(world: World, group: Group, editor: Account, thread: int) -> None:
    check_forum(group)
    if thread not in group.topics:
        raise bad_request("TOPIC_ID_INVALID")
    if not permits(world, group, editor, "can_pin_messages"):
        raise bad_request("not enough rights to manage pinned messages in the chat")
    group.pins = {number: message for number, message in group.pins.items() if thread_of(message) != thread}
    world.live.chat(group)


def manageable(world: World, group: Group, editor: Account, thread: int) -> Topic:
    """A topic this account may edit: with the right, or because it began it."""
    check_forum(group)
    topic = group.topics.get(thread)
    if topic is None:
        raise bad_request("TOPIC_ID_INVALID")
    if not _own(topic, editor):
        check_right(world, editor, group, "can_manage_topics", EDIT)
    return topic


def check_forum(group: Group) -> None:
    if not group.is_forum:
        raise bad_request("the chat is not a forum")


def checked_name(name: str) -> str:
    name = " ".join(name.split())[:NAME_LIMIT]
    if not name:
        raise bad_request("title must be non-empty")
    return name


def checked_icon(icon: str | None) -> str | None:
    if icon and icon not in ICONS:
        raise bad_request("DOCUMENT_INVALID")
    return icon or None


def _own(topic: Topic, account: Account) -> bool:
    return topic.root is not None and topic.root.sender is account


def in_topic(topic: Topic) -> JSON:
    """What a message in a topic carries; in General nothing."""
    return {} if topic.id == GENERAL else {"message_thread_id": topic.id, "is_topic_message": True}


def thread_of(message: Message) -> int:
    """The topic of a forum's message; replies in General carry the number of what they reply to."""
    thread: int = message.content["message_thread_id"] if message.content.get("is_topic_message") else GENERAL
    return thread


def messages_of(group: Group, thread: int) -> list[Message]:
    return [message for message in group.messages.values() if not message.deleted and thread_of(message) == thread]


def placed(world: World, group: Group, writer: Account, thread: int | None, reply_to: Message | None) -> JSON:
    """What a new message carries of where it stands. A reply goes where the message replied to is.

    Without topics, and in General, only comments on a channel's post form a thread that can be named; other replies
    carry the number of the first message of their chain.
    """
    if not group.is_forum:
        return _in_thread(group, thread, reply_to)
    if thread is None and reply_to is not None:
        thread = thread_of(reply_to)
    elif thread == GENERAL:
        raise bad_request("message thread not found")
    topic = group.topics.get(thread or GENERAL)
    if topic is None:
        raise bad_request("message thread not found")
    if topic.closed and not _own(topic, writer) and not has_right(world, group, writer, "can_manage_topics"):
        raise bad_request("TOPIC_CLOSED")
    return in_topic(topic) or _in_thread(group, None, reply_to)


def _in_thread(group: Group, thread: int | None, reply_to: Message | None) -> JSON:
    if thread is not None:
        root = group.message(thread)
        if root is None or not root.content.get("is_automatic_forward"):
            raise bad_request("message thread not found")
        return {"message_thread_id": thread}
    if reply_to is None or group.kind != "supergroup":
        return {}
    return {"message_thread_id": reply_to.content.get("message_thread_id", reply_to.id)}
