"""The bot itself: getMe, commands, logOut."""

from __future__ import annotations

from typing import Any

import orjson

from community.sandbox.errors import bad_request
from community.sandbox.methods.registry import Call, method


@method("getMe")
def get_me(call: Call) -> Any:
    return call.bot.me()


@method("setMyCommands")
def set_my_commands(call: Call) -> bool:
    commands = call.params.listing("commands")
    if commands is None:
        raise bad_request("parameter commands is required")
    for command in commands:
        if not isinstance(command, dict) or not command.get("command") or not command.get("description"):
            raise bad_request("BOT_COMMAND_INVALID")
    call.bot.commands[_scope(call)] = commands
    return True


@method("getMyCommands")
def get_my_commands(call: Call) -> Any:
    return call.bot.commands.get(_scope(call), [])


@method("deleteMyCommands")
def delete_my_commands(call: Call) -> bool:
    call.bot.commands.pop(_scope(call), None)
    return True


def _scope(call: Call) -> str:
    """Commands are kept per scope and language."""
    scope = call.params.nested("scope") or {"type": "default"}
    return orjson.dumps([scope, call.params.text("language_code")], option=orjson.OPT_SORT_KEYS).decode()


@method("logOut")
def log_out(call: Call) -> bool:
    return True


@method("close")
def close(call: Call) -> bool:
    return True
