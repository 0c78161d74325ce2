"""Everything there is, in memory: accounts, chats, files, clock, limits, faults, journal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from community.sandbox.accounts import Account, Bot, User
from community.sandbox.chats import Chat, Dialog, Group
from community.sandbox.clock import Clock
from community.sandbox.errors import Refused
from community.sandbox.faults import Faults
from community.sandbox.files import StoredFile
from community.sandbox.identity import SYSTEM
from community.sandbox.invoices import Till
from community.sandbox.journal import Journal
from community.sandbox.limits import Gate, Limits, Meter
from community.sandbox.links import InviteLink
from community.sandbox.live import Live
from community.sandbox.messages import Message
from community.sandbox.polls import Poll
from community.sandbox.updates import Inbox, Update
from community.sandbox.webhook import Courier, begin_webhook

DEFAULT_TOKEN = "4242:sandbox-token"  # noqa: S105 - opens nothing but this sandbox
MESSAGE_EPOCH = 1_767_225_600
"""2026-01-01. Message ids start from the seconds since, so that a restarted sandbox does not repeat them."""
CALLBACKS_KEPT = 10_000
CALLBACK_LIFETIME = 15 * 60
"""Sandbox seconds in which a pressed button can be answered."""


@dataclass(frozen=True, slots=True)
class Options:
    """`journal_limit`: how many calls, and how many delivered messages, stay listed.

    `webhook_backoff`: seconds before the first retry of a webhook; doubled up to a minute. `hosts`: names in lower
    case under which control and the page answer, besides this machine's own and addresses.
    """

    tokens: tuple[str, ...] = (DEFAULT_TOKEN,)
    journal_limit: int = 200_000
    webhook_backoff: float = 0.5
    hosts: tuple[str, ...] = ()


@dataclass(slots=True)
class Callback:
    """A pressed button that answerCallbackQuery may answer until it `expires` (sandbox seconds), and the answer."""

    bot_id: int
    user_id: int
    expires: float
    answered: bool = False
    answer: dict[str, Any] = field(default_factory=dict)


class World:
    """One Telegram. `delivered` numbers what bots wrote, in order, for whoever plays the members."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self._last_update_id = 0
        self.live = Live()
        self.serving = False
        self._fill()

    def _fill(self) -> None:
        self.clock = Clock()
        self.caught_up = self.clock.now()
        self.users: dict[int, User] = {}
        self.bots: dict[int, Bot] = {}
        self.tokens: dict[str, Bot] = {}
        self.groups: dict[int, Group] = {}
        self.links: dict[str, tuple[Group, InviteLink]] = {}
        self.files: dict[str, StoredFile] = {}
        self.callbacks: dict[str, Callback] = {}
        self.till = Till()
        self.timed_polls: dict[str, Poll] = {}
        self.couriers: dict[int, Courier] = {}
        self.limits = Limits()
        self.gates: dict[int, Gate] = {}
        self.meters: dict[int, Meter] = {}
        self.faults = Faults()
        self.journal = Journal(self.options.journal_limit)
        self.delivered: deque[Message] = deque(maxlen=self.options.journal_limit)
        self.delivered_count = 0
        self.first_update_ids: dict[int, int] = {}
        self.first_message_id = max(1, int(time.time()) - MESSAGE_EPOCH)
        self._last_group_id = 1_000_000_000
        for token in self.options.tokens:
            self.add_bot(token)

    async def reset(self) -> None:
        """As after a start; update ids go on rising."""
        await self.close()
        self._fill()
        self.live.reset()

    async def replace(self, state: dict[str, Any]) -> None:
        """Become what `state` says, attribute by attribute. Bots that have seen later updates get these anew."""
        await self.close()
        before = {bot.id: bot.inbox.next_id for bot in self.bots.values()}
        seen = {number: first for number, first in before.items() if first > self.first_update_ids[number]}
        vars(self).update(state)
        self.couriers = {}
        self.journal.bound(self.options.journal_limit)
        self.delivered = deque(self.delivered, maxlen=self.options.journal_limit)
        for bot in self.bots.values():
            bot.inbox.number_from(seen.get(bot.id, 0))
            self.first_update_ids[bot.id] = 0
            self._listen(bot)
        self.clock.resume()
        if self.serving:
            self.open()
        self.live.reset()

    def open(self) -> None:
        """Deliver to the webhooks that are set. Needs a running loop."""
        self.serving = True
        for bot in self.bots.values():
            if bot.inbox.webhook is not None and bot.id not in self.couriers:
                begin_webhook(self, bot, bot.inbox.webhook)

    async def close(self) -> None:
        """End long polls and webhook deliveries."""
        for bot in self.bots.values():
            bot.inbox.end_poll()
            self._last_update_id = max(self._last_update_id, bot.inbox.next_id)
        for courier in list(self.couriers.values()):
            await courier.stop()

    def add_bot(
        self, token: str, username: str | None = None, name: str | None = None, *, reads_all: bool = True
    ) -> Bot:
        """Raises Refused when the token does not start with a number, or its number is taken."""
        number = token.partition(":")[0]
        if not (number.isascii() and number.isdigit() and 0 < int(number) < 2**52):
            raise Refused("a token starts with the bot's number and a colon")
        if int(number) in self.bots or int(number) in self.users or int(number) in SYSTEM:
            raise Refused(f"number {number} is taken")
        username = username or ("sandbox_bot" if not self.bots else f"sandbox{number}_bot")
        first = self.first_update_ids[int(number)] = self._first_update_id()
        bot = Bot(token, username, name or username, Inbox(first, self.clock), reads_all=reads_all)
        self.bots[bot.id] = self.tokens[token] = bot
        self.gates[bot.id], self.meters[bot.id] = Gate(), Meter()
        self._listen(bot)
        self.live.account(bot)
        return bot

    def _listen(self, bot: Bot) -> None:
        """Have a bot's updates in the journal, and watchers told of them."""

        def put_in(update: Update) -> None:
            update.entry = self.journal.update(self.clock.now(), bot.id, update.body)
            self.live.record(update.entry)

        bot.inbox.put_in = put_in

    def _first_update_id(self) -> int:
        """Milliseconds since the epoch: higher than before any restart, for clients drop ids they have seen."""
        return max(time.time_ns() // 1_000_000, self._last_update_id)

    def add_user(self, user: User) -> None:
        if user.id in self.bots or user.id in self.users or user.id in SYSTEM:
            raise Refused(f"number {user.id} is taken")
        self.users[user.id] = user
        self.live.account(user)

    def add_group(self, kind: str, title: str, *, id: int | None = None, username: str | None = None) -> Group:
        if id is None:
            self._last_group_id += 1
            id = -1_000_000_000_000 - self._last_group_id if kind != "group" else -self._last_group_id
        if id >= 0 or id in self.groups:
            raise Refused(f"a group's number is negative and not yet taken: {id}")
        group = self.groups[id] = Group(id, kind, title, self.first_message_id, username)
        return group

    def dialog(self, bot: Bot, user: User) -> Dialog:
        dialog = bot.dialogs.get(user.id)
        if dialog is None:
            dialog = bot.dialogs[user.id] = Dialog(bot, user, self.first_message_id)
        return dialog

    def group_named(self, username: str) -> Group | None:
        wanted = username.removeprefix("@").lower()
        return next((group for group in self.groups.values() if (group.username or "").lower() == wanted), None)

    def accounts(self) -> Iterator[Account]:
        yield from self.users.values()
        yield from self.bots.values()

    def account(self, account_id: int) -> Account | None:
        return self.users.get(account_id) or self.bots.get(account_id)

    def bots_in(self, chat: Chat) -> list[Bot]:
        """Bots that are in this chat now."""
        if isinstance(chat, Dialog):
            return [chat.bot]
        members = chat.members if isinstance(chat, Group) else {}
        return [bot for bot in self.bots.values() if (member := members.get(bot.id)) and member.present]

    def remember_callback(self, callback_id: str, callback: Callback) -> None:
        self.callbacks[callback_id] = callback
        if len(self.callbacks) > CALLBACKS_KEPT:
            del self.callbacks[next(iter(self.callbacks))]

    def pending(self, bot: Bot) -> int:
        """Updates the bot has neither confirmed nor taken by webhook."""
        bot.inbox.forget_old()
        courier = self.couriers.get(bot.id)
        return len(bot.inbox.queue) + (len(courier.waiting) if courier else 0)
