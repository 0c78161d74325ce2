"""What pacing has to know about time: the database's clock as seen from here, and how long a call usually takes."""

import math
from collections import deque

DRIFT = 5e-4
"""Seconds a second by which two clocks part at most: what NTP corrects a clock by at most (adjtimex(2))."""
RECENT = 50
USUAL = 0.75
ABSORBED_S = 0.004
"""Lateness that the distance of slots absorbs; a third of it, as a round trip tells only roughly what arrived when."""
MISSED_S = 0.03
"""A message later than this for its slot takes a new one. Others may have had its second to themselves meanwhile."""


class DatabaseClock:
    """The database's clock on this process's monotonic one.

    Answers come late on a busy machine. Of the readings, the one that an exchange enclosed most closely counts, until
    it is so old that the clocks may have parted further than a newer one is vague.
    """

    def __init__(self) -> None:
        self._ahead = 0.0
        self._error = math.inf
        self._read = 0.0

    def observe(self, before: float, database_s: float, after: float) -> None:
        """Take in what the database's clock (seconds since 1970) said between two monotonic moments of ours."""
        ahead, error = database_s - (before + after) / 2, (after - before) / 2
        known = self._error + DRIFT * (after - self._read)
        if error <= known or abs(ahead - self._ahead) > 2 * (error + known):  # the latter: someone set a clock
            self._ahead, self._error, self._read = ahead, error, after

    def monotonic(self, database_s: float) -> float:
        """Our monotonic second at that moment of the database."""
        return database_s - self._ahead


class RoundTrip:
    """How long a call usually takes: what three quarters of the last ones stayed within.

    A hitch shows against it at once. On an unsteady network it is long, and few calls count as late.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=RECENT)

    def late_s(self, slot: float, began: float, answered: float) -> float:
        """How much later than absorbed a message reached Telegram, as far as its answer tells; all in seconds."""
        self._recent.append(answered - began)
        usual = sorted(self._recent)[int(USUAL * (len(self._recent) - 1))]
        return max(0.0, answered - usual - slot - ABSORBED_S)
