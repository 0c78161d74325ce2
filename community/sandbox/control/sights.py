"""Gestures of users, and what there is to see in chats."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from community.sandbox import views
from community.sandbox.actions import perform
from community.sandbox.actions.registry import find_chat, find_group
from community.sandbox.control.registry import JSON, Asked, ChatRef, entries, route
from community.sandbox.errors import Refused
from community.sandbox.world import World


class HistoryQuery(Asked):
    chat: ChatRef | None = None
    user: int | None = None
    limit: Annotated[int, Field(ge=1, le=100_000)] = 100


class ReceivedQuery(Asked):
    user: int
    since: float = 0
    until: float = 4e9
    groups: bool = False


class FeedQuery(Asked):
    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=100_000)] = 10_000


class ChatQuery(Asked):
    chat: int | None = None


class CallbackQuery(Asked):
    id: str


@route("POST", "actions")
def act(world: World, asked: Any) -> list[JSON]:
    return [perform(world, entry) for entry in entries(asked)]


@route("GET", "history")
def history(world: World, asked: Any) -> list[JSON]:
    wanted = HistoryQuery.model_validate(asked)
    if wanted.user is None:
        return views.history(find_group(world, wanted.chat or 0), wanted.limit)
    user = world.users.get(wanted.user)
    if user is None:
        raise Refused(f"no user {wanted.user}")
    return views.history(find_chat(world, user, wanted.chat), wanted.limit)


@route("GET", "received")
def received(world: World, asked: Any) -> list[JSON]:
    wanted = ReceivedQuery.model_validate(asked)
    return views.received(world, wanted.user, wanted.since, wanted.until, groups=wanted.groups)


@route("GET", "delivered")
def delivered(world: World, asked: Any) -> JSON:
    wanted = FeedQuery.model_validate(asked)
    return views.delivered(world, wanted.after, wanted.limit)


@route("GET", "join-requests")
def join_requests(world: World, asked: Any) -> list[JSON]:
    return views.join_requests(world, ChatQuery.model_validate(asked).chat)


@route("GET", "invite-links")
def invite_links(world: World, asked: Any) -> list[JSON]:
    return views.invite_links(world, ChatQuery.model_validate(asked).chat)


@route("GET", "callback")
def callback(world: World, asked: Any) -> JSON:
    wanted = CallbackQuery.model_validate(asked)
    known = world.callbacks.get(wanted.id)
    if known is None:
        raise Refused(f"no callback query {wanted.id}")
    return {"answered": known.answered} | known.answer
