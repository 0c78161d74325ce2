"""Topics of a forum, by those who may manage them."""

from __future__ import annotations

from pydantic import Field

from community.sandbox import topics
from community.sandbox.actions.registry import JSON, Gesture, find_group, gesture
from community.sandbox.world import World


class TopicGesture(Gesture):
    """`thread`: the topic's number; 1 is General."""

    chat: int | str
    thread: int


@gesture("create_topic")
class CreateTopic(Gesture):
    """Begin a topic; ``thread`` is its number."""

    chat: int | str
    name: str = Field(min_length=1, max_length=128)
    icon_color: int | None = None
    icon: str | None = None

    def apply(self, world: World) -> JSON:
        group, user = find_group(world, self.chat), self.who(world)
        return {"thread": topics.create_topic(world, group, user, self.name, self.icon_color, self.icon).id}


@gesture("edit_topic")
class EditTopic(TopicGesture):
    """Rename a topic or change its icon, a custom emoji's number. `hidden` is for General only."""

    name: str | None = Field(None, min_length=1, max_length=128)
    icon: str | None = None
    hidden: bool | None = None

    def apply(self, world: World) -> JSON:
        group, user = find_group(world, self.chat), self.who(world)
        if self.hidden is not None:
            topics.set_hidden(world, group, user, self.hidden)
        if self.name is not None or self.icon is not None:
            topics.edit_topic(world, group, user, self.thread, self.name, self.icon)
        return {}


@gesture("close_topic")
class CloseTopic(TopicGesture):
    """Nobody but who manages topics writes there any more."""

    def apply(self, world: World) -> JSON:
        topics.set_closed(world, find_group(world, self.chat), self.who(world), self.thread, True)
        return {}


@gesture("reopen_topic")
class ReopenTopic(TopicGesture):
    """Everybody may write there again."""

    def apply(self, world: World) -> JSON:
        topics.set_closed(world, find_group(world, self.chat), self.who(world), self.thread, False)
        return {}


@gesture("delete_topic")
class DeleteTopic(TopicGesture):
    """With all its messages."""

    def apply(self, world: World) -> JSON:
        topics.delete_topic(world, find_group(world, self.chat), self.who(world), self.thread)
        return {}
