"""From a stored update to the part that handles it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from telegram import Update

from community.bot.buttons import on_button
from community.bot.chats import on_chat_member, on_group_message, on_join_request, on_my_chat_member, on_reaction
from community.bot.payments import is_payment, on_payment
from community.bot.private import on_private_message
from community.bot.turn import Turn


def read(payload: Mapping[str, Any]) -> Update:
    """The update as an object. Raises whatever a missing or ill-typed field makes python-telegram-bot raise."""
    return Update.de_json(dict(payload), None)


def moment_of(update: Update) -> datetime | None:
    """The update's own date, which is its SOP time; None for those without one."""
    changed = update.chat_member or update.my_chat_member
    dated = update.message or changed or update.chat_join_request or update.message_reaction
    return dated.date.astimezone(UTC) if dated else None


async def dispatch(turn: Turn, update: Update) -> None:
    """Handle the update within the turn's transaction."""
    match update:
        case Update(message=message) if message and is_payment(message):
            await on_payment(turn, message)
        case Update(message=message) if message and message.chat.type == "private":
            await on_private_message(turn, message)
        case Update(message=message) if message:
            await on_group_message(turn, message)
        case Update(callback_query=query) if query:
            await on_button(turn, query)
        case Update(chat_join_request=request) if request:
            await on_join_request(turn, request)
        case Update(chat_member=change) if change:
            await on_chat_member(turn, change)
        case Update(my_chat_member=change) if change:
            await on_my_chat_member(turn, change)
        case Update(message_reaction=reaction) if reaction:
            await on_reaction(turn, reaction)
        case _:
            pass
