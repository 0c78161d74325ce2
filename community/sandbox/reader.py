"""What readers of formatted text share: a place in the source, and the text read so far."""

from __future__ import annotations

from typing import Any

from community.sandbox.errors import ApiError, bad_request

JSON = dict[str, Any]


def utf16(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def wrong(text: str) -> ApiError:
    """Telegram's refusal of a text that does not keep to its `parse_mode`."""
    return bad_request(f"can't parse entities: {text}")


class Reader:
    """`at`: the place in the source. `length`: of the text so far, in UTF-16 units, as the offsets of entities."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.text: list[str] = []
        self.length = 0
        self.entities: list[JSON] = []

    def _append(self, text: str) -> None:
        self.text.append(text)
        self.length += utf16(text)

    def _bytes(self, at: int) -> int:
        """A place in the source as Telegram's errors name it."""
        return len(self.source[:at].encode("utf-8", "replace"))
