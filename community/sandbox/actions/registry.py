"""Users' gestures by name, checked before they happen."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from community.sandbox.accounts import Bot, User
from community.sandbox.chats import Chat, Group
from community.sandbox.errors import ApiError, Refused
from community.sandbox.messages import Message
from community.sandbox.voting import close_due
from community.sandbox.world import World

JSON = dict[str, Any]
NUMBER = 2**52


class Gesture(BaseModel):
    """Something a user does. `at`: sandbox seconds when it happens, now by default."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    do: ClassVar[str]
    user: int = Field(ge=-NUMBER, le=NUMBER)
    at: float | None = Field(None, ge=0, le=4e9, allow_inf_nan=False)

    def apply(self, world: World) -> JSON:
        """Make it happen; what the user would see of it."""
        raise NotImplementedError

    def who(self, world: World) -> User:
        user = world.users.get(self.user)
        if user is None:
            raise Refused(f"no user {self.user}")
        if user.deactivated:
            raise Refused(f"user {self.user} deleted their account")
        return user


GESTURES: dict[str, type[Gesture]] = {}


def gesture(name: str) -> Any:
    """Register a gesture under the `do` it is asked for by."""

    def register(kind: type[Gesture]) -> type[Gesture]:
        kind.do = name
        GESTURES[name] = kind
        return kind

    return register


def perform(world: World, request: Any) -> JSON:
    """One gesture: ``{"ok": true, …}``, or ``{"ok": false, "error": why}``; never an exception."""
    if not isinstance(request, dict) or not isinstance(request.get("do"), str):
        return {"ok": False, "error": 'an action is an object with "do"'}
    kind = GESTURES.get(request["do"])
    if kind is None:
        return {"ok": False, "error": f"no action {request['do']!r}; there are {', '.join(sorted(GESTURES))}"}
    try:
        wanted = kind.model_validate({key: value for key, value in request.items() if key != "do"})
        with world.clock.at(wanted.at):
            if world.timed_polls:
                close_due(world)
            return {"ok": True} | wanted.apply(world)
    except (ApiError, Refused, ValidationError) as error:
        return {"ok": False, "error": _told(error)}


def _told(error: ApiError | Refused | ValidationError) -> str:
    """Where bots and people are bound by the same rule, people read Telegram's text without its prefix."""
    if isinstance(error, ApiError):
        return error.description.partition(": ")[2]
    if isinstance(error, Refused):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())


def find_bot(world: World, bot: int | str | None) -> Bot:
    """By number, by username, or the first one."""
    if bot is None and world.bots:
        return next(iter(world.bots.values()))
    if isinstance(bot, str):
        name = bot.removeprefix("@").lower()
        found = next((each for each in world.bots.values() if (each.username or "").lower() == name), None)
    else:
        found = world.bots.get(bot or 0)
    if found is None:
        raise Refused(f"no bot {bot}")
    return found


def find_group(world: World, chat: int | str) -> Group:
    """By number or username; a migrated group leads to its supergroup."""
    group = world.group_named(chat) if isinstance(chat, str) else world.groups.get(chat)
    if group is None:
        raise Refused(f"no group {chat}")
    return find_group(world, group.migrated_to) if group.migrated_to is not None else group


def find_chat(world: World, user: User, chat: int | str | None) -> Chat:
    """A group the user is in, or by a bot's number or username (or none at all) the private chat with it."""
    if chat is None or chat in world.bots or (isinstance(chat, str) and world.group_named(chat) is None):
        return world.dialog(find_bot(world, chat), user)
    return find_group(world, chat)


def find_message(chat: Chat, message_id: int) -> Message:
    message = chat.message(message_id)
    if message is None:
        raise Refused(f"no message {message_id} in chat {chat.id}")
    return message
