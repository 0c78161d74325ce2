"""Gestures of users, and what there is to see in chats."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from community.sandbox import views
from community.sandbox.actions import perform
from community.sandbox.actions.registry import find_chat, find_group, find_user
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


class PersonQuery(Asked):
    """`chat` as that user names it."""

    user: int
    chat: ChatRef | None = None


class MembersQuery(Asked):
    chat: ChatRef


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
    return views.history(find_chat(world, find_user(world, wanted.user), wanted.chat), wanted.limit)


@route("GET", "user-chats")
def user_chats(world: World, asked: Any) -> list[JSON]:
    return views.chats_of(world, find_user(world, PersonQuery.model_validate(asked).user))


@route("GET", "members")
def members(world: World, asked: Any) -> list[JSON]:
    return views.members(find_group(world, MembersQuery.model_validate(asked).chat), world.clock.date())


@route("GET", "menu")
def menu(world: World, asked: Any) -> list[JSON]:
    wanted = PersonQuery.model_validate(asked)
    user = find_user(world, wanted.user)
    return views.menu(world, user, find_chat(world, user, wanted.chat))


@route("GET", "keyboard")
def keyboard(world: World, asked: Any) -> JSON | None:
    """The reply keyboard or forced reply below a user's chat."""
    wanted = PersonQuery.model_validate(asked)
    user = find_user(world, wanted.user)
    return find_chat(world, user, wanted.chat).keyboard_of(user.id)


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
