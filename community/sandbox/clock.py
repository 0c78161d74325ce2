"""Sandbox time: real until told otherwise. Rate limits use the monotonic clock instead."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds since the epoch, as the sandbox's messages carry them.

    Since the real moment `_since` it has run from `_anchor` with `_speed`; both moments are 0 in real time.
    """

    def __init__(self) -> None:
        self._anchor = 0.0
        self._since = 0.0
        self._speed = 1.0
        self._frozen: float | None = None
        self._moment: float | None = None

    def now(self) -> float:
        return self._moment if self._moment is not None else self.present()

    def present(self) -> float:
        """Sandbox time, whatever moment a gesture has of its own."""
        if self._frozen is not None:
            return self._frozen
        return self._anchor + (time.time() - self._since) * self._speed

    def deadline(self, seconds: float) -> float:
        """So many seconds from now; a gesture at a moment that is past has them from the present on."""
        return max(self.now(), self.present()) + seconds

    def date(self) -> int:
        """The present as the `date` of a message: whole seconds."""
        return int(self.now())

    def set(self, moment: float, *, frozen: bool = False) -> None:
        """Jump to `moment`; `frozen` time moves only by `set` and `advance`."""
        self._frozen = moment if frozen else None
        self._anchor, self._since = moment, time.time()

    def advance(self, seconds: float) -> None:
        if seconds:
            self.set(self.now() + seconds, frozen=self.frozen)

    def run(self, speed: float) -> None:
        """From now on `speed` sandbox seconds pass in a real one; frozen time stays frozen until set going."""
        self._anchor, self._since = self.now(), time.time()
        self._speed = speed

    def real(self) -> None:
        """Back to real time."""
        self._anchor, self._since, self._speed, self._frozen = 0.0, 0.0, 1.0, None

    def pause(self) -> None:
        """Note where it stands before it is kept; real time needs no note."""
        if self._since:
            self._anchor, self._since = self.now(), time.time()

    def resume(self) -> None:
        """Go on where it stood when it was kept; real time has gone on by itself."""
        if self._since:
            self._since = time.time()

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    @property
    def speed(self) -> float:
        return self._speed

    @contextmanager
    def at(self, moment: float | None) -> Iterator[None]:
        """Let one gesture happen at a moment of its own; never held across an await."""
        previous, self._moment = self._moment, moment if moment is not None else self._moment
        try:
            yield
        finally:
            self._moment = previous
