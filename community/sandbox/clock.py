"""Sandbox time: real until told otherwise. Rate limits use the monotonic clock instead."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds since the epoch, as the sandbox's messages carry them."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen: float | None = None
        self._moment: float | None = None

    def now(self) -> float:
        return self._moment if self._moment is not None else self.present()

    def present(self) -> float:
        """Sandbox time, whatever moment a gesture has of its own."""
        return self._frozen if self._frozen is not None else time.time() + self._offset

    def date(self) -> int:
        """The present as the `date` of a message: whole seconds."""
        return int(self.now())

    def set(self, moment: float, *, frozen: bool = False) -> None:
        """Jump to `moment`; `frozen` time moves only by `set` and `advance`."""
        self._frozen = moment if frozen else None
        self._offset = moment - time.time()

    def advance(self, seconds: float) -> None:
        if self._frozen is not None:
            self._frozen += seconds
        self._offset += seconds

    def real(self) -> None:
        """Back to real time."""
        self._offset, self._frozen = 0.0, None

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    @contextmanager
    def at(self, moment: float | None) -> Iterator[None]:
        """Let one gesture happen at a moment of its own; never held across an await."""
        previous, self._moment = self._moment, moment if moment is not None else self._moment
        try:
            yield
        finally:
            self._moment = previous
