"""What a provider of payments must be able to do: prove that a callback is its own, and say what it means."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from community.payments.notice import Notice


class Forged(Exception):
    """A callback is not believed. `reason`: a short word for the counter, such as signature, stale, replayed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Provider(Protocol):
    """One provider of payments. Both methods are pure: `now` is the wall clock's."""

    @property
    def name(self) -> str:
        """As in the address `/payments/<name>` and in every row about it."""

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Return if the callback is the provider's own, and fresh. Raises Forged."""

    def read(self, body: bytes) -> Notice:
        """What the callback says. Never raises for what is not known: that is of the kind `unknown`.

        Raises ValueError for a body that is none at all.
        """
