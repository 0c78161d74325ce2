"""What the page asks: people, someone's chats, messages, what there is to know about a chat, a bot's doings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from community.sandbox.accounts import User
from community.sandbox.actions.registry import find_bot, find_group, find_user
from community.sandbox.chats import Chat
from community.sandbox.control.circumstances import read_clock
from community.sandbox.control.registry import JSON, Asked, Number, route
from community.sandbox.watching import about, chats, people, seen
from community.sandbox.world import World

Query = Annotated[str, Field(max_length=200)]
Size = Annotated[int, Field(ge=1, le=200)]
Place = Annotated[int, Field(ge=0, le=2**40)]


class PeopleQuery(Asked):
    query: Query = ""
    bots: bool | None = None
    offset: Place = 0
    limit: Size = 50


class UserQuery(Asked):
    user: Number

    def who(self, world: World) -> User:
        return find_user(world, self.user)


class ChatsQuery(UserQuery):
    query: Query = ""
    offset: Place = 0
    limit: Size = 50


class ChatQuery(UserQuery):
    """`chat`: a bot's number for the private chat with it, or a group's."""

    chat: Number

    def where(self, world: World) -> Chat:
        return chats.find(world, self.who(world), self.chat)


class MessagesQuery(ChatQuery):
    """`before`, `after` or `around` a message; without any the newest. `thread`: one topic only."""

    before: Number | None = None
    after: Number | None = None
    around: Number | None = None
    thread: Number | None = None
    limit: Size = 50


class ReadQuery(ChatQuery):
    message: Number


class MembersQuery(Asked):
    chat: Number
    query: Query = ""
    offset: Place = 0
    limit: Size = 50


class RecordsQuery(Asked):
    bot: Number
    before: Number | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 200


@route("GET", "view/people")
def list_people(world: World, asked: Any) -> JSON:
    wanted = PeopleQuery.model_validate(asked)
    return people.people(world, wanted.query, wanted.offset, wanted.limit, bots=wanted.bots)


@route("GET", "view/person")
def one_person(world: World, asked: Any) -> JSON:
    return people.person(UserQuery.model_validate(asked).who(world))


@route("GET", "view/chats")
def list_chats(world: World, asked: Any) -> JSON:
    wanted = ChatsQuery.model_validate(asked)
    return chats.chats(world, wanted.who(world), wanted.query, wanted.offset, wanted.limit)


@route("GET", "view/messages")
def list_messages(world: World, asked: Any) -> JSON:
    """`older` and `newer`: whether there is more on that side."""
    wanted = MessagesQuery.model_validate(asked)
    user, chat = wanted.who(world), wanted.where(world)
    limit, thread = wanted.limit, wanted.thread
    if not chats.sees(chat, user):
        return {"messages": [], "older": False, "newer": False}
    if wanted.after is not None:
        found = seen.after(chat, user, wanted.after, limit + 1, thread)
        return {"messages": found[:limit], "older": True, "newer": len(found) > limit}
    if wanted.around is not None:
        half = limit // 2
        newer = seen.after(chat, user, wanted.around - 1, half + 1, thread)
        older = seen.before(chat, user, wanted.around, half + 1, thread)
        messages = older[-half:] + newer[:half]
        return {"messages": messages, "older": len(older) > half, "newer": len(newer) > half}
    found = seen.before(chat, user, wanted.before, limit + 1, thread)
    return {"messages": found[-limit:], "older": len(found) > limit, "newer": wanted.before is not None}


@route("GET", "view/chat")
def one_chat(world: World, asked: Any) -> JSON:
    wanted = ChatQuery.model_validate(asked)
    return about.about(world, wanted.who(world), wanted.where(world))


@route("GET", "view/members")
def list_members(world: World, asked: Any) -> JSON:
    wanted = MembersQuery.model_validate(asked)
    group = find_group(world, wanted.chat)
    return about.members(world, group, wanted.query, wanted.offset, wanted.limit)


@route("GET", "view/doors")
def list_doors(world: World, asked: Any) -> list[JSON]:
    return about.doors(world, UserQuery.model_validate(asked).who(world))


@route("POST", "view/read")
def read(world: World, asked: Any) -> JSON:
    """Messages up to one are read; says how many are not."""
    wanted = ReadQuery.model_validate(asked)
    user, chat = wanted.who(world), wanted.where(world)
    chats.read_up_to(chat, user, wanted.message)
    return {"unread": chats.unread(chat, user)}


@route("GET", "view/records")
def records(world: World, asked: Any) -> JSON:
    wanted = RecordsQuery.model_validate(asked)
    bot = find_bot(world, wanted.bot)
    waiting = {"waiting": world.pending(bot), "token": bot.token, "webhook": bot.inbox.webhook is not None}
    found = world.journal.newest(bot.id, wanted.before, wanted.limit)
    return {"records": [world.journal.told(entry) for entry in found], "allowed": sorted(bot.inbox.allowed)} | waiting


@route("GET", "view/switches")
def switches(world: World, asked: Any) -> JSON:
    """Everything that can be switched, and the meters, in one answer."""
    return {
        "faults": world.faults.as_json(),
        "limits": asdict(world.limits),
        "clock": read_clock(world, {}),
        "meters": {str(bot_id): meter.reading() for bot_id, meter in world.meters.items()},
    }
