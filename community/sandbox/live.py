"""Who watches this Telegram: told at once of all that comes or looks different."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from community.sandbox.journal import noted

if TYPE_CHECKING:
    from community.sandbox.accounts import Account
    from community.sandbox.chats import Chat
    from community.sandbox.journal import Entry
    from community.sandbox.messages import Message


class Watcher(Protocol):
    """Called in the middle of an effect: it takes note and returns, it changes nothing and never waits."""

    def message(self, message: Message) -> None:
        """A message that is new, edited, deleted, reacted to, voted in, paid."""

    def chat(self, chat: Chat) -> None:
        """A chat that is new, or whose title, members, rights, pins, topics or block changed."""

    def account(self, account: Account) -> None:
        """A user or bot that is new, renamed or gone."""

    def record(self, entry: Entry) -> None:
        """A bot's call that has its answer, or an update put into its queue."""

    def reset(self) -> None:
        """Everything is as after a start."""


class Live:
    """Passes everything on to all watchers; costs next to nothing while nobody watches."""

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()

    def message(self, message: Message, change: str = "changed") -> None:
        """`change` is what the journal calls it: made, edited, deleted, reacted."""
        noted(change, message.chat.id, message.id)
        for watcher in self.watchers:
            watcher.message(message)

    def chat(self, chat: Chat) -> None:
        for watcher in self.watchers:
            watcher.chat(chat)

    def account(self, account: Account) -> None:
        for watcher in self.watchers:
            watcher.account(account)

    def record(self, entry: Entry) -> None:
        for watcher in self.watchers:
            watcher.record(entry)

    def reset(self) -> None:
        for watcher in self.watchers:
            watcher.reset()
