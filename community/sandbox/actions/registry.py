"""Users' gestures by name, checked before they happen."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from community.sandbox.accounts import Bot, User
from community.sandbox.chats import Chat, Group
from community.sandbox.errors import ApiError, Refused
from community.sandbox.journal import Effect, noting
from community.sandbox.messages import Message
from community.sandbox.voting import close_due
from community.sandbox.world import World

JSON = dict[str, Any]
NUMBER = 2**52
UNTOLD = frozenset({"do", "user", "at", "chat", "document", "media"})
"""What the journal does not tell of a gesture, or tells elsewhere; files are seen in the message."""


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
    except ValidationError as error:
        return {"ok": False, "error": explained(error)}
    arrived = time.monotonic()
    with world.clock.at(wanted.at), noting() as effects:
        answer = _applied(world, wanted)
        _record(world, wanted, request, arrived, effects, answer.get("error"))
    return answer


def _applied(world: World, wanted: Gesture) -> JSON:
    """Where bots and people are bound by the same rule, people read Telegram's text without its prefix."""
    try:
        if world.timed_polls:
            close_due(world)
        return {"ok": True} | wanted.apply(world)
    except ApiError as error:
        return {"ok": False, "error": error.reason}
    except Refused as error:
        return {"ok": False, "error": str(error)}


def _record(
    world: World, wanted: Gesture, request: JSON, arrived: float, effects: list[Effect], error: str | None
) -> None:  # fmt: skip
    """A refused gesture has the code 400, as a refused call would."""
    told = {key: value for key, value in request.items() if key not in UNTOLD} | {"chat_id": request.get("chat")}
    world.journal.add(
        world.clock.now(), arrived, None, wanted.do, told, kind="gesture", user_id=wanted.user, effects=effects or (),
        error=None if error is None else 400, description=error, duration=time.monotonic() - arrived,
    )  # fmt: skip


def explained(error: ValidationError) -> str:
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
