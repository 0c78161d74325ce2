"""Pins, and a group's own settings, by those who may change them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from community.sandbox import pins, settings
from community.sandbox.access import check_right
from community.sandbox.actions.registry import JSON, Gesture, find_chat, find_group, find_message, gesture
from community.sandbox.chats import Group
from community.sandbox.errors import Refused
from community.sandbox.members import ALL_PERMISSIONS
from community.sandbox.world import World


@gesture("pin")
class Pin(Gesture):
    """Pin a message of a chat one is in; in private one always may."""

    chat: int | str | None = None
    message: int

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        chat = find_chat(world, user, self.chat)
        message = find_message(chat, self.message)
        pins.check_pinning(world, chat, user)
        if message.is_service:
            raise Refused("service messages can't be pinned")
        pins.pin(world, message, user)
        return {}


@gesture("unpin")
class Unpin(Gesture):
    """Take a pin back; without `message` all of them."""

    chat: int | str | None = None
    message: int | None = None

    def apply(self, world: World) -> JSON:
        user = self.who(world)
        chat = find_chat(world, user, self.chat)
        pins.check_pinning(world, chat, user)
        if self.message is None:
            pins.unpin_all(world, chat)
        else:
            pins.unpin(world, chat, find_message(chat, self.message))
        return {}


@gesture("edit_chat")
class EditChat(Gesture):
    """Change a group's settings, as far as one may; what is left out stays.

    `permissions` of ordinary members; `linked`: the channel of a discussion group or the other way round, 0 for none.
    `username`, `is_forum`, `join_by_request`, `signed` and `linked` are for who may change its info by right.
    """

    chat: int | str
    title: str | None = Field(None, min_length=1, max_length=128)
    description: str | None = Field(None, max_length=255)
    permissions: list[str] | None = None
    slow_mode_delay: Annotated[int, Field(ge=0, le=86_400)] | None = None
    username: str | None = Field(None, max_length=64)
    is_forum: bool | None = None
    join_by_request: bool | None = None
    signed: bool | None = None
    linked: int | None = None

    def apply(self, world: World) -> JSON:
        group, user = find_group(world, self.chat), self.who(world)
        if self.title is not None:
            settings.set_title(world, group, user, self.title)
        if self.description is not None:
            settings.set_description(world, group, user, self.description)
        if self.permissions is not None:
            settings.set_permissions(world, group, user, ALL_PERMISSIONS & set(self.permissions))
        if self.slow_mode_delay is not None:
            settings.set_slow_mode(world, group, user, self.slow_mode_delay)
        self._rebuild(world, group)
        return {}

    def _rebuild(self, world: World, group: Group) -> None:
        wanted = {"username", "is_forum", "join_by_request", "signed", "linked"} & self.model_fields_set
        if not wanted:
            return
        check_right(world, self.who(world), group, "can_change_info", "change chat settings")
        settings.check_username(world, group, self.username)
        group.username = (self.username or None) if "username" in wanted else group.username
        group.join_by_request = group.join_by_request if self.join_by_request is None else self.join_by_request
        group.signed = group.signed if self.signed is None else self.signed
        if self.is_forum is not None:
            settings.set_forum(world, group, self.is_forum)
        if self.linked is not None:
            settings.link(world, group, find_group(world, self.linked) if self.linked else None)
        world.live.chat(group)
