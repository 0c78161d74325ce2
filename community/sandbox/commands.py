"""A bot's commands by scope and language, and which of them someone is offered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from community.sandbox.accounts import Bot, User
from community.sandbox.chats import Chat, Group
from community.sandbox.errors import bad_request
from community.sandbox.params import Params

JSON = dict[str, Any]
NAME = re.compile(r"[a-z0-9_]{1,32}")
LANGUAGE = re.compile(r"([a-z]{2})?")
MOST = 100
PLAIN_SCOPES = ("default", "all_private_chats", "all_group_chats", "all_chat_administrators")
CHAT_SCOPES = ("chat", "chat_administrators", "chat_member")


@dataclass(frozen=True, slots=True)
class Scope:
    """Telegram's BotCommandScope; 0 where a scope has no chat or user."""

    type: str = "default"
    chat_id: int = 0
    user_id: int = 0


def checked(commands: list[Any]) -> list[JSON]:
    """Up to 100 commands, each with a name of a-z, 0-9, _ and a description of 1-256 (Bot API, BotCommand)."""
    if len(commands) > MOST:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not isinstance(command, dict):
            raise bad_request("expected an Object")
        name, description = command.get("command"), command.get("description")
        if not isinstance(name, str) or not NAME.fullmatch(name.removeprefix("/").lower()):
            raise bad_request("BOT_COMMAND_INVALID")
        if not isinstance(description, str) or not 1 <= len(description.strip()) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return [
        {"command": command["command"].removeprefix("/").lower(), "description": command["description"].strip()}
        for command in commands
    ]


def language(params: Params) -> str:
    """Two letters of ISO 639-1, or nothing."""
    code = params.text("language_code")
    if not LANGUAGE.fullmatch(code):
        raise bad_request("invalid language code specified")
    return code


def offered(bot: Bot, user: User, chat: Chat, *, admin: bool = False) -> list[JSON]:
    """The command menu of a user: the first list set in Telegram's order (Bot API, BotCommandScope)."""
    for scope in _order(user, chat, admin):
        for code in dict.fromkeys(((user.language_code or "")[:2], "")):
            if commands := bot.commands.get((scope, code)):
                return commands
    return []


def _order(user: User, chat: Chat, admin: bool) -> list[Scope]:
    if not isinstance(chat, Group):
        return [Scope("chat", chat.id), Scope("all_private_chats"), Scope()]
    scopes = [Scope("chat_member", chat.id, user.id)]
    if admin:
        scopes.append(Scope("chat_administrators", chat.id))
    scopes.append(Scope("chat", chat.id))
    if admin:
        scopes.append(Scope("all_chat_administrators"))
    return [*scopes, Scope("all_group_chats"), Scope()]
