"""How the bot presents itself: name, descriptions, menu button, the rights it suggests."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import find_chat
from community.sandbox.chats import Dialog
from community.sandbox.commands import language
from community.sandbox.errors import bad_request
from community.sandbox.members import CHANNEL_RIGHTS, RIGHTS
from community.sandbox.methods.registry import Call, Handler, method
from community.sandbox.params import Params

JSON = dict[str, Any]
LIMITS = {"name": 64, "description": 512, "short_description": 120}
"""Characters (Bot API, setMyName, setMyDescription, setMyShortDescription)."""
BUTTONS = ("default", "commands", "web_app")


def _setter(field: str) -> Handler:
    def set_text(call: Call) -> bool:
        """Per language; an empty text takes it back, which leaves that of no language."""
        text, code = call.params.text(field).strip(), language(call.params)
        if len(text) > LIMITS[field]:
            raise bad_request(f"BOT_{field.upper()}_TOO_LONG")
        texts = call.bot.texts.setdefault(field, {})
        texts.pop(code, None)
        if text:
            texts[code] = text
        if field == "name" and text and not code:
            call.bot.first_name = text
            call.bot.renamed()
        call.world.live.account(call.bot)
        return True

    return set_text


def _getter(field: str) -> Handler:
    def get_text(call: Call) -> JSON:
        texts, code = call.bot.texts.get(field, {}), language(call.params)
        default = call.bot.first_name if field == "name" else ""
        return {field: texts.get(code) or texts.get("") or default}

    return get_text


for _field in LIMITS:
    _title = "".join(part.title() for part in _field.split("_"))
    method(f"setMy{_title}")(_setter(_field))
    method(f"getMy{_title}")(_getter(_field))


@method("setChatMenuButton")
def set_chat_menu_button(call: Call) -> bool:
    """For one private chat, or without `chat_id` for all."""
    button = call.params.nested("menu_button") or {"type": "default"}
    if button.get("type") not in BUTTONS:
        raise bad_request("can't parse MenuButton: unsupported type specified")
    if button["type"] == "web_app":
        _check_web_app(button)
    call.bot.menu_buttons[_private(call)] = button
    call.world.live.account(call.bot)
    return True


def _check_web_app(button: JSON) -> None:
    app = button.get("web_app")
    if not isinstance(button.get("text"), str) or not button["text"]:
        raise bad_request("can't parse MenuButton: text must be non-empty")
    if not isinstance(app, dict) or not str(app.get("url", "")).startswith("https://"):
        raise bad_request("can't parse MenuButton: only HTTPS links are allowed")


@method("getChatMenuButton")
def get_chat_menu_button(call: Call) -> JSON:
    buttons = call.bot.menu_buttons
    return buttons.get(_private(call)) or buttons.get(0) or {"type": "default"}


def _private(call: Call) -> int:
    """The private chat meant; 0 for all."""
    if not call.params.has("chat_id"):
        return 0
    chat = find_chat(call.world, call.bot, call.params)
    if not isinstance(chat, Dialog):
        raise bad_request("chat_id must be a private chat")
    return chat.id


@method("setMyDefaultAdministratorRights")
def set_my_default_administrator_rights(call: Call) -> bool:
    """What a link that adds the bot suggests; without `rights`, nothing."""
    given = Params(call.params.nested("rights") or {})
    channel = call.params.flag("for_channels")
    known = ["is_anonymous", *(CHANNEL_RIGHTS if channel else RIGHTS)]
    call.bot.default_rights[channel] = frozenset(right for right in known if given.flag(right))
    return True


@method("getMyDefaultAdministratorRights")
def get_my_default_administrator_rights(call: Call) -> JSON:
    channel = call.params.flag("for_channels")
    rights = call.bot.default_rights.get(channel, frozenset())
    return {right: right in rights for right in ["is_anonymous", *(CHANNEL_RIGHTS if channel else RIGHTS)]}
