"""What the outbox needs of a channel: hand over one message, and say what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from community.wording import Button


class Result(StrEnum):
    """What came of handing a message over."""

    sent = "sent"
    refused = "refused"
    """Will never be taken; `reason` says why."""
    later = "later"
    """Provably not sent; try again."""
    unknown = "unknown"
    """May or may not have been sent: the answer was lost."""
    moved = "moved"
    """The chat has a new id; provably not sent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result, with what the outbox does about it."""

    result: Result
    reason: str | None = None
    telegram_message_id: int | None = None
    retry_after_s: float | None = None
    """How long Telegram wants this chat (or the bot) left alone."""
    flooded: bool = False
    """It was a 429."""
    dm: str | None = None
    """What the refusal says about the member: none, blocked or gone."""
    new_chat_id: int | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to go: HTML text and rows of buttons, or the parameters of another method."""

    chat_id: int
    method: str = "sendMessage"
    text: str = ""
    """Of sendPhoto the caption."""
    buttons: Sequence[Sequence[Button]] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    picture: bytes | None = None
    """What sendPhoto shows."""


class Channel(Protocol):
    """Delivers messages one at a time, from many coroutines at once. Never raises for what the other side does."""

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over."""
        ...
