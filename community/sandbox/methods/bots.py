"""The bot itself: getMe, logOut."""

from __future__ import annotations

import math
from typing import Any

from community.sandbox.errors import LOGGED_OUT, too_many
from community.sandbox.methods.registry import Call, method
from community.sandbox.webhook import end_webhook

TEN_MINUTES = 600


@method("getMe")
def get_me(call: Call) -> Any:
    return call.bot.me()


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
