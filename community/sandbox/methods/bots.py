"""The bot itself: getMe, commands, logOut."""

from __future__ import annotations

import math
from typing import Any

import orjson

from community.sandbox.errors import LOGGED_OUT, bad_request, too_many
from community.sandbox.methods.registry import Call, method
from community.sandbox.webhook import end_webhook

TEN_MINUTES = 600


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
async def log_out(call: Call) -> bool:
    """Webhook and waiting updates are gone; every call is refused for ten minutes (Bot API, logOut)."""
    inbox = call.bot.inbox
    await end_webhook(call.world, call.bot)
    inbox.queue.clear()
    inbox.end_poll(LOGGED_OUT)
    call.bot.logged_out_until = call.world.clock.present() + TEN_MINUTES
    return True


@method("close")
def close(call: Call) -> bool:
    """The next call starts the bot anew; for ten minutes from then it cannot be closed again (Bot API, close)."""
    wait = call.bot.launched + TEN_MINUTES - call.world.clock.present()
    if call.bot.launched and wait > 0:
        raise too_many(math.ceil(wait))
    call.bot.launched = call.world.clock.present()
    return True
