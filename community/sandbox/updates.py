"""A bot's queue of updates: what it asked to hear of, long polling, confirmation by offset."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from community.sandbox.errors import ApiError

if TYPE_CHECKING:
    from community.sandbox.journal import Entry

KINDS = frozenset(
    [
        "message",
        "edited_message",
        "channel_post",
        "edited_channel_post",
        "business_connection",
        "business_message",
        "edited_business_message",
        "deleted_business_messages",
        "guest_message",
        "message_reaction",
        "message_reaction_count",
        "inline_query",
        "chosen_inline_result",
        "callback_query",
        "shipping_query",
        "pre_checkout_query",
        "purchased_paid_media",
        "poll",
        "poll_answer",
        "my_chat_member",
        "chat_member",
        "chat_join_request",
        "chat_boost",
        "removed_chat_boost",
        "managed_bot",
    ]
)
ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count", "chat_join_request"})
"""Sent only when named in `allowed_updates`. Telegram sends chat_join_request unasked too; asking always works."""


@dataclass(slots=True)
class Update:
    """`lane` keeps the order: updates of one lane come one after the other. `entry`: its own in the journal."""

    id: int
    lane: int
    body: dict[str, Any]
    entry: Entry | None = None

    def settle(self) -> None:
        """The bot has it."""
        if self.entry is not None:
            self.entry.settled()


@dataclass(slots=True)
class Webhook:
    """Settings of `setWebhook` and what delivery met; dates are real time."""

    url: str
    secret_token: str | None = None
    max_connections: int = 40
    last_error_date: int | None = None
    last_error_message: str | None = None


@dataclass(slots=True)
class Inbox:
    """Updates wait here until confirmed by an offset or taken by the webhook."""

    next_id: int
    queue: deque[Update] = field(default_factory=deque)
    allowed: frozenset[str] = KINDS - ON_REQUEST
    webhook: Webhook | None = None
    arrived: Callable[[], None] | None = None
    put_in: Callable[[Update], None] | None = None
    _poll: asyncio.Future[None] | None = None

    def allow(self, kinds: list[str] | None) -> None:
        """None keeps what was set; an empty list is Telegram's default."""
        if kinds is not None:
            self.allowed = (frozenset(kinds) & KINDS) or (KINDS - ON_REQUEST)

    def put(self, kind: str, payload: dict[str, Any], lane: int) -> int | None:
        """Queue an update; its id, or None when the bot did not ask for this kind."""
        return self.put_raw({kind: payload}, lane) if kind in self.allowed else None

    def put_raw(self, body: dict[str, Any], lane: int = 0) -> int:
        update = Update(self.next_id, lane, {"update_id": self.next_id} | body)
        self.next_id += 1
        self.queue.append(update)
        if self.put_in is not None:
            self.put_in(update)
        self._wake()
        if self.arrived is not None:
            self.arrived()
        return update.id

    def confirm(self, offset: int) -> None:
        """Forget all updates below `offset`; a negative one keeps that many of the newest."""
        if offset < 0:
            offset = self.queue[max(0, len(self.queue) + offset)].id if self.queue else 0
        while self.queue and self.queue[0].id < offset:
            self.queue.popleft().settle()

    async def poll(self, offset: int, limit: int, seconds: float) -> list[dict[str, Any]]:
        """Updates from `offset` on, waiting up to `seconds` for one. A newer poll ends an older one."""
        self.end_poll(ApiError(409, TERMINATED))
        self.confirm(offset)
        if not self.queue and seconds > 0:
            await self._wait(seconds)
        return [self.queue[index].body for index in range(min(limit, len(self.queue)))]

    async def _wait(self, seconds: float) -> None:
        poll = self._poll = asyncio.get_running_loop().create_future()
        timer = asyncio.get_running_loop().call_later(seconds, _settle, poll)
        try:
            await poll
        finally:
            timer.cancel()
            if self._poll is poll:
                self._poll = None

    def _wake(self) -> None:
        if self._poll is not None:
            _settle(self._poll)

    def number_from(self, first: int) -> None:
        """Give what waits new numbers when others as high as `first` were given out since."""
        if first <= self.next_id:
            return
        for number, update in enumerate(self.queue, first):
            update.id = number
            update.body = update.body | {"update_id": number}
        self.next_id = first + len(self.queue)

    def end_poll(self, error: ApiError | None = None) -> None:
        """End the poll in flight, with an error or with what there is."""
        if self._poll is not None and not self._poll.done():
            if error is not None:
                self._poll.set_exception(error)
            else:
                self._poll.set_result(None)


def _settle(poll: asyncio.Future[None]) -> None:
    if not poll.done():
        poll.set_result(None)


TERMINATED = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
