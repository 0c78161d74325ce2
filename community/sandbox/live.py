"""Who watches this Telegram: told at once of all that comes or looks different."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from community.sandbox.watching.recent import Recent, Record

if TYPE_CHECKING:
    from community.sandbox.accounts import Account, Bot
    from community.sandbox.chats import Chat
    from community.sandbox.journal import Entry
    from community.sandbox.messages import Message
    from community.sandbox.updates import Update


class Watcher(Protocol):
    """Called in the middle of an effect: it takes note and returns, it changes nothing and never waits."""

    def message(self, message: Message) -> None:
        """A message that is new, edited, deleted, reacted to, voted in, paid."""

    def chat(self, chat: Chat) -> None:
        """A chat that is new, or whose title, members, rights, pins, topics or block changed."""

    def account(self, account: Account) -> None:
        """A user or bot that is new, renamed or gone."""

    def record(self, record: Record) -> None:
        """A bot's call that has its answer, or an update put into its queue."""

    def reset(self) -> None:
        """Everything is as after a start."""


class Live:
    """Passes everything on to all watchers; costs next to nothing while nobody watches.

    `recent`: calls and updates of just now, for whoever comes to watch.
    """

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()
        self.recent = Recent()

    def message(self, message: Message) -> None:
        for watcher in self.watchers:
            watcher.message(message)

    def chat(self, chat: Chat) -> None:
        for watcher in self.watchers:
            watcher.chat(chat)

    def account(self, account: Account) -> None:
        for watcher in self.watchers:
            watcher.account(account)

    def call(self, entry: Entry) -> None:
        self._tell(self.recent.call(entry))

    def update(self, bot: Bot, update: Update) -> None:
        self._tell(self.recent.update(bot, update))

    def _tell(self, record: Record) -> None:
        for watcher in self.watchers:
            watcher.record(record)

    def reset(self) -> None:
        self.recent = Recent()
        for watcher in self.watchers:
            watcher.reset()
