"""Reply markup: inline keyboards, reply keyboards, removal, forced reply."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from community.sandbox.chats import Chat, Group
from community.sandbox.errors import ApiError, bad_request
from community.sandbox.params import Params

if TYPE_CHECKING:
    from community.sandbox.messages import Message

JSON = dict[str, Any]
ACTIONS = frozenset(
    [
        "url",
        "callback_data",
        "web_app",
        "login_url",
        "switch_inline_query",
        "switch_inline_query_current_chat",
        "switch_inline_query_chosen_chat",
        "copy_text",
        "callback_game",
        "pay",
    ]
)
KINDS = ("inline_keyboard", "keyboard", "remove_keyboard", "force_reply")
PRIVATE = {
    "request_contact": "phone number",
    "request_location": "location",
    "request_poll": "poll",
    "request_users": "users",
    "request_chat": "chats",
}
"""Buttons of a reply keyboard that only private chats may have, as the refusal calls what they ask for."""
SCHEMES = ("http://", "https://", "tg://", "t.me/", "ton://")


def read_markup(params: Params) -> JSON | None:
    """The call's `reply_markup`, checked. Equal texts are read once: campaigns repeat the same keyboard."""
    value = params.raw.get("reply_markup")
    if not value:
        return None
    return _read(value) if isinstance(value, str) else _checked(value)


@lru_cache(maxsize=1024)
def _read(source: str) -> JSON | None:
    try:
        value = orjson.loads(source)
    except orjson.JSONDecodeError:
        raise bad_request("can't parse reply keyboard markup JSON object") from None
    return _checked(value)


def _checked(value: Any) -> JSON | None:
    if not isinstance(value, dict):
        raise bad_request("object expected as reply markup")
    if not value:
        return None
    if not any(kind in value for kind in KINDS):
        raise bad_request("object expected as reply markup")
    for name, check in (("inline_keyboard", _check_inline), ("keyboard", _check_plain)):
        if name in value:
            _check_rows(value[name], check)
    return value if value.get("inline_keyboard", True) else None


def check_place(markup: JSON, chat: Chat) -> None:
    """Some buttons stand in private chats only (Bot API, KeyboardButton)."""
    if chat.id > 0 or "keyboard" not in markup:
        return
    for button in (button for row in markup["keyboard"] for button in row if isinstance(button, dict)):
        for key, what in PRIVATE.items():
            if button.get(key):
                raise bad_request(f"{what} can be requested in private chats only")


def put_below(chat: Chat, message: Message, markup: JSON) -> None:
    """A message with a reply keyboard, a forced reply or a removal sets what stands below its chat.

    Selective ones are for the users named in the text and for who is replied to (Bot API, ReplyKeyboardMarkup).
    """
    meant = _meant(chat, message) if chat.id < 0 and markup.get("selective") else None
    if "remove_keyboard" not in markup:
        chat.keyboard, chat.keyboard_for, chat.keyboard_hidden = markup, meant, frozenset()
        chat.keyboard_message = message.id
    elif meant is None:
        chat.keyboard = None
    else:
        chat.keyboard_hidden |= meant


def hide(chat: Chat, user_id: int) -> None:
    """Take the reply keyboard or forced reply away from one user."""
    if chat.id > 0:
        chat.keyboard = None
    else:
        chat.keyboard_hidden |= {user_id}


def _meant(chat: Chat, message: Message) -> frozenset[int]:
    names = {name.lower() for name in re.findall(r"@(\w+)", message.text)}
    members = chat.members.values() if names and isinstance(chat, Group) else []
    meant = {member.account.id for member in members if (member.account.username or "").lower() in names}
    return frozenset(meant | ({message.reply_to.sender.id} if message.reply_to else set()))


def _check_rows(rows: Any, check: Any) -> None:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request("can't parse reply keyboard markup JSON object: array of arrays expected")
    for row in rows:
        for button in row:
            check(button)


def _check_plain(button: Any) -> None:
    text = button if isinstance(button, str) else button.get("text") if isinstance(button, dict) else None
    if not isinstance(text, str) or not text:
        raise bad_request("keyboard button text must be non-empty")


def _check_inline(button: Any) -> None:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise bad_request("can't parse inline keyboard button: object with text expected")
    if not button["text"]:
        raise bad_request("inline keyboard button text must be non-empty")
    if not ACTIONS & button.keys():
        raise bad_request("text buttons are unallowed in the inline keyboard")
    if "callback_data" in button:
        _check_data(button["callback_data"])
    if "url" in button:
        _check_url(button["url"])


def _check_data(data: Any) -> None:
    """1-64 bytes (Bot API, InlineKeyboardButton)."""
    if not isinstance(data, str) or not 1 <= len(data.encode("utf-8", "replace")) <= 64:
        raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")


def _check_url(url: Any) -> None:
    if not isinstance(url, str) or not (url.startswith(SCHEMES) or "." in url):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
