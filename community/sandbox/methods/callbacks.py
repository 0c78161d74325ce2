"""Answering pressed buttons."""

from __future__ import annotations

from urllib.parse import urlsplit

from community.sandbox.errors import bad_request
from community.sandbox.methods.registry import Call, method

TEXT_LIMIT = 200
LONGEST_CACHE = 24 * 30 * 3600


@method("answerCallbackQuery")
def answer_callback_query(call: Call) -> bool:
    """Once, and in time; an address must open this bot, for no button here starts a game."""
    params = call.params
    callback = call.world.callbacks.get(params.text("callback_query_id"))
    usable = callback is not None and callback.bot_id == call.bot.id and not callback.answered
    if callback is None or not usable or call.world.clock.now() > callback.expires:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if len(params.text("text")) > TEXT_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    if params.text("url"):
        _check_url(call, params.text("url"))
    callback.answered = True
    callback.answer = {
        "text": params.text("text"),
        "show_alert": params.flag("show_alert"),
        "url": params.text("url"),
    }
    cache_time = min(max(params.integer("cache_time"), 0), LONGEST_CACHE)
    if cache_time:
        callback.answer["cache_time"] = cache_time
    return True


def _check_url(call: Call, url: str) -> None:
    """``t.me/<this bot>?start=…`` or its tg: form (Bot API, answerCallbackQuery)."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
    except ValueError:
        raise bad_request("URL_INVALID") from None
    name = (call.bot.username or "").lower()
    web = parts.hostname == "t.me" and parts.path.strip("/").lower() == name
    app = parts.scheme == "tg" and parts.hostname == "resolve" and f"domain={name}" in parts.query.lower().split("&")
    if not web and not app:
        raise bad_request("URL_INVALID")
