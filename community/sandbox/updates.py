"""A bot's queue of updates: what it asked to hear of, long polling, confirmation by offset."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from community.sandbox.clock import Clock
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
ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Sent only when named in `allowed_updates` (Bot API, getUpdates)."""
DEFAULT = KINDS - ON_REQUEST
DAY = 86_400
LIFETIMES = {"callback_query": 150, "shipping_query": 150, "pre_checkout_query": 150, "inline_query": 30}
"""Sandbox seconds an update waits to be fetched, where it is not a day; as in Telegram's own Bot API server."""
QUEUES = {
    "callback_query": 3,
    "shipping_query": 4,
    "pre_checkout_query": 4,
    "my_chat_member": 5,
    "chat_member": 6,
    "chat_join_request": 6,
    "message_reaction": 8,
    "message_reaction_count": 9,
    "purchased_paid_media": 12,
}
"""Kinds with queues of their own for each chat or person, as in Telegram's own Bot API server."""
FURTHEST = 10
"""An offset so many ids beyond the next one to come is taken for a mistake, and for none."""


@dataclass(slots=True)
class Update:
    """`lane` keeps the order: updates of one lane come one after the other. `expires`: sandbox seconds.

    `entry`: its own in the journal.
    """

    id: int
    lane: int
    body: dict[str, Any]
    expires: float
    entry: Entry | None = None

    def settle(self) -> None:
        """The bot has it."""
        if self.entry is not None:
            self.entry.settled()


@dataclass(slots=True)
class Webhook:
    """Settings of `setWebhook` and what delivery met."""

    url: str
    secret_token: str | None = None
    max_connections: int = 40
    ip_address: str = ""
    certificate: bool = False
    last_error_date: int | None = None
    last_error_message: str | None = None

    def same(self, other: Webhook | None) -> bool:
        """Whether settings are equal; a certificate never is, for it may be another one."""
        return other is not None and not (self.certificate or other.certificate) and self._settings == other._settings

    @property
    def _settings(self) -> tuple[str, str | None, int, str]:
        return self.url, self.secret_token, self.max_connections, self.ip_address


@dataclass(slots=True)
class Inbox:
    """Updates wait here until confirmed by an offset, taken by the webhook, or too old."""

    next_id: int
    clock: Clock
    queue: deque[Update] = field(default_factory=deque)
    allowed: frozenset[str] = DEFAULT
    webhook: Webhook | None = None
    arrived: Callable[[], None] | None = None
    put_in: Callable[[Update], None] | None = None
    _soonest: float = 0
    _poll: asyncio.Future[None] | None = None

    def allow(self, kinds: list[str] | None) -> None:
        """None keeps what was set; an empty list, or one without a known kind, is Telegram's default."""
        if kinds is not None:
            self.allowed = (frozenset(kind.lower() for kind in kinds) & KINDS) or DEFAULT

    def put(self, kind: str, payload: dict[str, Any], lane: int) -> int | None:
        """Queue an update; its id, or None when the bot did not ask for this kind. `lane`: of which chat or person."""
        if kind not in self.allowed:
            return None
        return self.put_raw({kind: payload}, lane + (QUEUES.get(kind, 0) << 33), LIFETIMES.get(kind, DAY))

    def put_raw(self, body: dict[str, Any], lane: int = 0, lifetime: int = DAY) -> int:
        expires = self.clock.deadline(lifetime)
        update = Update(self.next_id, lane, {"update_id": self.next_id} | body, expires)
        self._soonest = min(self._soonest, expires) if self.queue else expires
        self.next_id += 1
        self.queue.append(update)
        if self.put_in is not None:
            self.put_in(update)
        self._wake()
        if self.arrived is not None:
            self.arrived()
        return update.id

    def put_back(self, updates: Iterable[Update]) -> None:
        """What a webhook did not take waits again, in its place."""
        self.queue = deque(sorted([*self.queue, *updates], key=lambda update: update.id))
        self._soonest = min((update.expires for update in self.queue), default=0)

    def confirm(self, offset: int) -> None:
        """Forget all updates below `offset`; a negative one keeps that many of the newest, one too high is none."""
        if offset > self.next_id + FURTHEST:
            return
        if offset < 0:
            offset = self.queue[max(0, len(self.queue) + offset)].id if self.queue else 0
        while self.queue and self.queue[0].id < offset:
            self.queue.popleft().settle()

    def forget_old(self) -> None:
        """Updates nobody fetched in time are lost, as in Telegram."""
        now = self.clock.present()
        if self.queue and self._soonest <= now:
            self.queue = deque(update for update in self.queue if update.expires > now)
            self._soonest = min((update.expires for update in self.queue), default=0)

    async def poll(self, offset: int, limit: int, seconds: float) -> list[dict[str, Any]]:
        """Updates from `offset` on, waiting up to `seconds` for one. A newer poll ends an older one."""
        self.end_poll(ApiError(409, TERMINATED))
        self.forget_old()
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


TERMINATED_BY_WEBHOOK = "Conflict: terminated by setWebhook request"
TERMINATED = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
