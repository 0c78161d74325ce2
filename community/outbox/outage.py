"""Whether Telegram answers at all: while it does not, one message at a time asks, and the rest of the queue is spared.

Without that, ten minutes of lost answers would park a whole campaign as uncertain and use up everybody's attempts.
"""

import logging
import time
from collections.abc import Callable

from community.channels.channel import Outcome, Result

log = logging.getLogger(__name__)

MOST_CHATS = 3
"""Chats in a row without an answer that mean Telegram, not a message of its own kind."""
FIRST_REST_S, LONGEST_REST_S = 1.0, 15.0
NOT_CONNECTED = "not_connected"


class Outage:
    """What the last outcomes say about the line to Telegram, seen from this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._unanswered: set[int] = set()
        self._rest_s = self._until = 0.0

    @property
    def lasts(self) -> bool:
        """True from the third chat without an answer until the next answer."""
        return len(self._unanswered) >= MOST_CHATS

    @property
    def wait_s(self) -> float:
        """Seconds until the next message may ask; 0 when it may now."""
        return max(0.0, self._until - self._clock()) if self.lasts else 0.0

    def observe(self, chat_id: int, outcome: Outcome) -> None:
        """Take in what came of a message. Any answer, a refusal too, ends the outage."""
        if outcome.result is not Result.unknown and outcome.reason != NOT_CONNECTED:
            self._end()
            return
        self._unanswered.add(chat_id)
        if self.lasts and self._clock() >= self._until:
            self._begin_rest(outcome)

    def _begin_rest(self, outcome: Outcome) -> None:
        if not self._rest_s:
            log.warning("delivery: Telegram does not answer (%s): one message at a time until it does", outcome.reason)
        self._rest_s = min(max(FIRST_REST_S, 2 * self._rest_s), LONGEST_REST_S)
        self._until = self._clock() + self._rest_s

    def _end(self) -> None:
        if self._rest_s:
            log.warning("delivery: Telegram answers again")
        self._unanswered.clear()
        self._rest_s = self._until = 0.0
