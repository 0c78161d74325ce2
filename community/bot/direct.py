"""Direct Bot API calls: what is no message and cannot wait in the outbox, paid from the same budget."""

import asyncio
import logging
import time
from typing import Any

from telegram import Bot, ChatMember
from telegram.error import TelegramError

from community.bot.counters import DIRECT_FAILURES
from community.bot.turn import Toast
from community.channels.standing import ask_standing
from community.channels.transport import NotConnected
from community.database.pool import Pool
from community.database.queries import load
from community.groups.registry import set_invite_link
from community.groups.rights import missing_rights
from community.outbox.claim import next_slot

queries = load(__file__)
log = logging.getLogger(__name__)

TRIES = 3
"""Of a call for which a member waits; none of them left when the next one begins."""
BETWEEN_S = 1.0
ALREADY_REFUNDED = "CHARGE_ALREADY_REFUNDED"
CLOSED_ALREADY = ("invite_hash_expired", "invite_hash_invalid", "invite link not found")
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

    async def answer_checkout(self, query_id: str, error: str | None) -> None:
        """Let a payment go on, or say why not. A member waits: it is tried again while no connection was made."""
        await self._take_slot()
        for _ in range(TRIES):
            try:
                await self._bot.answer_pre_checkout_query(query_id, ok=error is None, error_message=error)
            except NotConnected as trouble:
                _failed("answerPreCheckoutQuery", trouble)
                await asyncio.sleep(BETWEEN_S)
                continue
            except TelegramError as trouble:
                _failed("answerPreCheckoutQuery", trouble)
            return

    async def refund_stars(self, payer: int, charge: str) -> str | None:
        """Give a payment's Stars back; None when that is so, also if they were before, else Telegram's reason.

        What it means for the member is settled when Telegram tells of the refund.
        """
        await self._take_slot()
        try:
            await self._bot.refund_star_payment(payer, charge)
        except TelegramError as error:
            if ALREADY_REFUNDED in str(error).upper():
                return None
            _failed("refundStarPayment", error)
            return str(error)
        return None

    async def subscription_link(self, asked: dict[str, Any]) -> tuple[str | None, str | None]:
        """Telegram's reason, or the address at which a subscription in Stars is paid for first. A member waits."""
        await self._take_slot()
        try:
            return None, await self._bot.create_invoice_link(**asked)
        except TelegramError as error:
            _failed("createInvoiceLink", error)
            return str(error), None

    async def stop_stars(self, payer: int, charge: str) -> str | None:
        """Charge no more for the subscription that began with that payment; None when that is so, else the reason."""
        await self._take_slot()
        try:
            await self._bot.edit_user_star_subscription(payer, charge, is_canceled=True)
        except TelegramError as error:
            _failed("editUserStarSubscription", error)
            return str(error)
        return None

    async def administers(self, chat_id: int, user_id: int) -> bool | None:
        """Whether the user is an administrator of the chat now; None: Telegram did not say."""
        member = await self._chat_member(chat_id, user_id)
        return None if member is None else member.status in (ChatMember.OWNER, ChatMember.ADMINISTRATOR)

    async def missing_rights(self, chat_id: int, user_id: int, *, opened: bool) -> list[str]:
        """Which of the rights the bot needs it lacks in the chat, which plans may have `opened`.

        All, if Telegram did not say.
        """
        member = await self._chat_member(chat_id, user_id)
        return missing_rights(member.to_dict() if member else {}, opened=opened)

    async def is_in(self, chat_id: int, user_id: int) -> bool | None:
        """Whether the user is in the chat now; None: Telegram did not say."""
        await self._take_slot()
        found = await ask_standing(self._bot, chat_id, user_id)
        return found.present if found else None

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

    async def make_entry_link(self, chat_id: int, name: str) -> str | None:
        """A link that lets nobody in by itself, but asks to join; None: Telegram did not make one."""
        await self._take_slot()
        try:
            link = await self._bot.create_chat_invite_link(chat_id, name=name, creates_join_request=True)
        except TelegramError as error:
            _failed("createChatInviteLink", error)
            return None
        return link.invite_link

    async def close_entry_link(self, chat_id: int, invite_link: str) -> bool:
        """Make a link useless; False: it is to be tried again. One that Telegram knows nothing of is so already."""
        await self._take_slot()
        try:
            await self._bot.revoke_chat_invite_link(chat_id, invite_link)
        except TelegramError as error:
            _failed("revokeChatInviteLink", error)
            return any(words in str(error).lower() for words in CLOSED_ALREADY)
        return True

    async def _take_slot(self) -> None:
        async with self._pool.connection() as conn:
            slot = await next_slot(conn, self._bot_id)
        await asyncio.sleep(max(0.0, slot - time.monotonic()))


def _failed(method: str, error: TelegramError) -> None:
    DIRECT_FAILURES.labels(method).inc()
    log.info("%s: %s", method, error)
