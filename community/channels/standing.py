"""How somebody stands in a chat, asked of Telegram."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from telegram import Bot, ChatMember
from telegram.error import BadRequest, TelegramError

from community.channels.telegram import make_bot

__all__ = ["Bot", "Standing", "ask_standing", "inquiry", "is_present"]

NOWHERE = ("user not found", "participant_id_invalid", "user_id_invalid", "member not found")
"""Telegram's words for somebody who was never in the chat. Of a chat that the bot does not know it says nothing."""
PRESENT = frozenset({ChatMember.OWNER, ChatMember.ADMINISTRATOR, ChatMember.MEMBER})


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether they are in the chat, and whether they lead it or are a bot."""

    present: bool
    leads: bool = False
    bot: bool = False


@asynccontextmanager
async def inquiry(token: str, api: str) -> AsyncIterator[Bot | None]:
    """A bot to ask with; None while Telegram cannot be reached."""
    bot = make_bot(token, api, 1)
    await bot.request.initialize()
    try:
        yield bot if await _answers(bot) else None
    finally:
        await bot.request.shutdown()


async def _answers(bot: Bot) -> bool:
    try:
        await bot.get_me()
    except TelegramError:
        return False
    return True


async def ask_standing(bot: Bot, chat_id: int, user_id: int) -> Standing | None:
    """How the user stands in the chat now; None: Telegram did not say."""
    try:
        found = await bot.get_chat_member(chat_id, user_id)
    except BadRequest as error:
        return Standing(present=False) if any(words in str(error).lower() for words in NOWHERE) else None
    except TelegramError:
        return None
    leads = found.status in (ChatMember.OWNER, ChatMember.ADMINISTRATOR)
    return Standing(is_present(found), leads, found.user.is_bot)


def is_present(found: ChatMember) -> bool:
    """Whether a chat member of that status is in the chat; a restricted one may have left."""
    return found.status in PRESENT or bool(getattr(found, "is_member", False))
