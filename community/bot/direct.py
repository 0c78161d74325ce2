"""Direct Bot API calls: what is no message and cannot wait in the outbox, paid from the same budget."""

import asyncio
import logging
import time

from telegram import Bot, ChatMember
from telegram.error import TelegramError

from community.bot.counters import DIRECT_FAILURES
from community.bot.turn import Toast
from community.database.pool import Pool
from community.database.queries import load
from community.groups.registry import set_invite_link
from community.groups.rights import missing_rights
from community.outbox.claim import next_slot

queries = load(__file__)
log = logging.getLogger(__name__)

DOOR_NAME = "sop"
"""Name of the bot's own invite links; tracked ones carry their token."""


class Direct:
    """Answers pressed buttons and makes join-request links. Failures are counted; none stops anything."""

    def __init__(self, pool: Pool, bot: Bot, bot_id: int) -> None:
        self._pool = pool
        self._bot = bot
        self._bot_id = bot_id

    async def toast(self, toast: Toast) -> None:
        """End the waiting of a pressed button, with a few words if there are any."""
        await self._take_slot()
        try:
            await self._bot.answer_callback_query(toast.callback_id, text=toast.text)
        except TelegramError as error:
            _failed("answerCallbackQuery", error)

    async def administers(self, chat_id: int, user_id: int) -> bool | None:
        """Whether the user is an administrator of the chat now; None: Telegram did not say."""
        member = await self._chat_member(chat_id, user_id)
        return None if member is None else member.status in (ChatMember.OWNER, ChatMember.ADMINISTRATOR)

    async def missing_rights(self, chat_id: int, user_id: int) -> list[str]:
        """Which of the rights the bot needs it lacks in the chat; all, if Telegram did not say."""
        member = await self._chat_member(chat_id, user_id)
        return missing_rights(member.to_dict() if member else {})

    async def _chat_member(self, chat_id: int, user_id: int) -> ChatMember | None:
        await self._take_slot()
        try:
            return await self._bot.get_chat_member(chat_id, user_id)
        except TelegramError as error:
            _failed("getChatMember", error)
            return None

    async def open_doors(self) -> None:
        """Make a join-request link for each group that has none; without the right to invite it is left for later."""
        async with self._pool.connection() as conn:
            groups = await (await conn.execute(queries.groups_without_door)).fetchall()
        for group in groups:
            await self._open_door(group["id"], group["chat_id"])

    async def _open_door(self, group_id: int, chat_id: int) -> None:
        await self._take_slot()
        try:
            link = await self._bot.create_chat_invite_link(chat_id, name=DOOR_NAME, creates_join_request=True)
        except TelegramError as error:
            _failed("createChatInviteLink", error)
            return
        async with self._pool.connection() as conn:
            await set_invite_link(conn, group_id, link.invite_link)

    async def _take_slot(self) -> None:
        async with self._pool.connection() as conn:
            slot = await next_slot(conn, self._bot_id)
        await asyncio.sleep(max(0.0, slot - time.monotonic()))


def _failed(method: str, error: TelegramError) -> None:
    DIRECT_FAILURES.labels(method).inc()
    log.info("%s: %s", method, error)
