"""The Telegram channel: python-telegram-bot's methods, and every error of the Bot API mapped to an outcome."""

import os
from collections.abc import Sequence
from typing import Any

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError, TimedOut

from community.channels.channel import Outcome, Outgoing, Result
from community.channels.transport import AiohttpRequest, NotConnected, parameters
from community.wording import Button

os.environ.setdefault("PTB_TIMEDELTA", "true")  # else python-telegram-bot warns at every 429

NO_PREVIEW = {"is_disabled": True}
UNREACHED_RETRY_S = 5.0

APPROVE = "approveChatJoinRequest"
NO_REQUEST = "hide_requester_missing"
"""Telegram's word when there is no request to join: taken back, declined by somebody, or decided before."""
FORBIDDEN = (
    ("blocked by the user", "blocked", "blocked"),
    ("user is deactivated", "deactivated", "gone"),
    ("can't initiate conversation", "not_opened", "none"),
    ("kicked", "bot_was_kicked", None),
    ("not a member", "bot_not_in_chat", None),
)
BAD_REQUEST = (
    ("chat not found", "chat_not_found", "none"),
    ("peer_id_invalid", "chat_not_found", "none"),
    ("user_is_blocked", "blocked", "blocked"),
    ("not enough rights", "no_rights", None),
    ("have no rights", "no_rights", None),
    ("can't parse entities", "bad_markup", None),
    ("message is too long", "too_long", None),
    ("button_data_invalid", "bad_button", None),
    ("topic_closed", "topic_closed", None),
    (NO_REQUEST, "request_gone", None),
)
ALREADY_DONE = (
    NO_REQUEST,
    "user_already_participant",
    "message to delete not found",
    "message is not modified",
)
"""Answers of Telegram to an action repeated after a lost answer: it is done, so the outcome is sent."""


def make_bot(token: str, api: str, connections: int) -> Bot:
    """A bot on the aiohttp transport; `api` is the Bot API's address without a trailing slash."""
    return Bot(
        token,
        base_url=f"{api}/bot",
        base_file_url=f"{api}/file/bot",
        request=AiohttpRequest(connections),
        get_updates_request=AiohttpRequest(2),
    )


class TelegramChannel:
    """Hands messages to the Bot API."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send(self, message: Outgoing) -> Outcome:
        """Send, or call the message's method; what Telegram or the network answers becomes an outcome."""
        try:
            result = await self._bot.request.post(
                f"{self._bot.base_url}/{message.method}", parameters(_values(message), message.picture)
            )
        except TelegramError as error:
            return outcome_of(error, message.method)
        return Outcome(Result.sent, telegram_message_id=result["message_id"] if isinstance(result, dict) else None)


def outcome_of(error: TelegramError, method: str = "sendMessage") -> Outcome:
    """The outcome an error means. Subclasses first: BadRequest and TimedOut are NetworkErrors too.

    Who was let in before is a participant: if there is no request to approve either, nobody was let in.
    """
    match error:
        case RetryAfter():
            wait = error.retry_after
            seconds = wait if isinstance(wait, int | float) else wait.total_seconds()
            return Outcome(Result.later, "too_many_requests", retry_after_s=float(seconds), flooded=True)
        case ChatMigrated():
            return Outcome(Result.moved, "migrated", new_chat_id=error.new_chat_id)
        case Forbidden():
            return _refusal(str(error), FORBIDDEN, "forbidden")
        case BadRequest():
            said, nobody = str(error).lower(), method == APPROVE and NO_REQUEST in str(error).lower()
            if not nobody and any(text in said for text in ALREADY_DONE):
                return Outcome(Result.sent, "already_done")
            return _refusal(str(error), BAD_REQUEST, "bad_request")
        case InvalidToken():
            return Outcome(Result.later, "token_refused", retry_after_s=60.0)
        case NotConnected():
            return Outcome(Result.later, "not_connected", retry_after_s=UNREACHED_RETRY_S)
        case TimedOut():
            return Outcome(Result.unknown, "timed_out")
        case _:
            return Outcome(Result.unknown, "connection_lost")


def _refusal(text: str, table: Sequence[tuple[str, str, str | None]], otherwise: str) -> Outcome:
    for fragment, reason, dm in table:
        if fragment in text.lower():
            return Outcome(Result.refused, reason, dm=dm)
    return Outcome(Result.refused, f"{otherwise}: {text[:200]}")


def _values(message: Outgoing) -> dict[str, Any]:
    values: dict[str, Any] = {"chat_id": message.chat_id, "parse_mode": "HTML"}
    if message.picture is not None:
        values |= {"caption": message.text}
    elif message.method == "sendMessage":
        values |= {"text": message.text, "link_preview_options": NO_PREVIEW}
    else:
        return {"chat_id": message.chat_id, **message.parameters}
    if message.buttons:
        values["reply_markup"] = {"inline_keyboard": [[_button(button) for button in row] for row in message.buttons]}
    return values


def _button(button: Button) -> dict[str, str]:
    target = {"url": button.url} if button.url else {"callback_data": button.callback_data or ""}
    return {"text": button.text, **target}
