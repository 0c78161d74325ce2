"""How somebody stands in a chat, asked of Telegram."""

from dataclasses import dataclass

from telegram import Bot, ChatMember
from telegram.error import BadRequest, TelegramError

__all__ = ["Bot", "Standing", "ask_standing", "is_present"]

NOWHERE = ("user not found", "participant_id_invalid", "user_id_invalid", "member not found")
"""Telegram's words for somebody who was never in the chat."""
PRESENT = frozenset({ChatMember.OWNER, ChatMember.ADMINISTRATOR, ChatMember.MEMBER})


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether they are in the chat, and whether they lead it or are a bot."""

    present: bool
    leads: bool = False
    bot: bool = False


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
