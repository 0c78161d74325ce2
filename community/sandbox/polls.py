"""Polls and quizzes: what is asked, and who chose what."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from community.sandbox.accounts import Account
    from community.sandbox.messages import Message

JSON = dict[str, Any]


@dataclass(slots=True, eq=False)
class Poll:
    """`asked`: the fields of Telegram's Poll that never change. `options`: text, entities, persistent_id of each.

    `about`: the description, which shows in messages only. `votes`: chosen options, counted from 0, by the number of
    who voted. `messages`: all that show it; forwarded polls are the same poll. `close_date`: sandbox seconds, None
    when it is open until stopped.
    """

    owner: Account
    asked: JSON
    options: list[JSON]
    close_date: int | None = None
    closed: bool = False
    about: JSON = field(default_factory=dict)
    votes: dict[int, list[int]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(5_000_000_000_000_000_000 + secrets.randbits(60)))

    def as_json(self) -> JSON:
        """Telegram's Poll, with the right answers of a quiz."""
        counts = Counter(option for chosen in self.votes.values() for option in chosen)
        return self.asked | {
            "id": self.id,
            "options": [option | {"voter_count": counts[index]} for index, option in enumerate(self.options)],
            "total_voter_count": len(self.votes),
            "is_closed": self.closed,
        }

    def in_message(self) -> JSON:
        return self.as_json() | self.about

    def show(self) -> None:
        """Bring all messages that carry it up to date."""
        now = self.in_message()
        for message in self.messages:
            message.content = message.content | {"poll": now}

    def why_not(self, voter: int, chosen: list[int]) -> str | None:
        """Why this vote is refused, as Telegram words it; None when it counts."""
        before = voter in self.votes
        if self.closed:
            return "Can't answer closed poll"
        if len(chosen) > 1 and not self.asked["allows_multiple_answers"]:
            return "Can't choose more than 1 option in the poll"
        if before and not self.asked["allows_revoting"]:
            return "Can't revote in the poll" if chosen else "Can't retract vote in the poll"
        if not all(0 <= option < len(self.options) for option in chosen):
            return "Invalid option identifier specified"
        return None
