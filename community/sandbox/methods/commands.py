"""The bot's commands, by scope and language."""

from __future__ import annotations

from typing import Any

from community.sandbox import commands
from community.sandbox.access import find_chat
from community.sandbox.chats import Group
from community.sandbox.errors import bad_request
from community.sandbox.methods.registry import Call, method
from community.sandbox.params import Params

JSON = dict[str, Any]


@method("setMyCommands")
def set_my_commands(call: Call) -> bool:
    """An empty list takes them back."""
    wanted = call.params.listing("commands")
    if wanted is None:
        raise bad_request("parameter commands is required")
    key = _key(call)
    call.bot.commands.pop(key, None)
    if wanted:
        call.bot.commands[key] = commands.checked(wanted)
    call.world.live.account(call.bot)
    return True


@method("getMyCommands")
def get_my_commands(call: Call) -> list[JSON]:
    return call.bot.commands.get(_key(call), [])


@method("deleteMyCommands")
def delete_my_commands(call: Call) -> bool:
    call.bot.commands.pop(_key(call), None)
    call.world.live.account(call.bot)
    return True


def _key(call: Call) -> tuple[commands.Scope, str]:
    return _scope(call), commands.language(call.params)


def _scope(call: Call) -> commands.Scope:
    given = call.params.nested("scope")
    if not given:
        return commands.Scope()
    kind = given.get("type")
    if kind in commands.PLAIN_SCOPES:
        return commands.Scope(kind)
    if kind not in commands.CHAT_SCOPES:
        raise bad_request("can't parse BotCommandScope: unsupported type specified")
    return _scope_of_chat(call, kind, Params(given))


def _scope_of_chat(call: Call, kind: str, given: Params) -> commands.Scope:
    chat = find_chat(call.world, call.bot, given)
    if isinstance(chat, Group) and chat.is_channel:
        raise bad_request("can't change commands in channel chats")
    if kind != "chat" and not isinstance(chat, Group):
        raise bad_request("chat not found")
    if kind == "chat_member" and given.integer("user_id") not in call.world.users:
        raise bad_request("invalid user_id specified")
    return commands.Scope(kind, chat.id, given.integer("user_id") if kind == "chat_member" else 0)
