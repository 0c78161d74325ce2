"""The bot itself: getMe, logOut."""

from __future__ import annotations

from typing import Any

from community.sandbox.methods.registry import Call, method


@method("getMe")
def get_me(call: Call) -> Any:
    return call.bot.me()


@method("logOut")
def log_out(call: Call) -> bool:
    return True


@method("close")
def close(call: Call) -> bool:
    return True
