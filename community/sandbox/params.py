"""Parameters of a call, from whichever of Telegram's four encodings they came in."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from community.sandbox.errors import bad_request
from community.sandbox.multipart import Upload, read_multipart

INT64 = 2**63
REMEMBERED = 4096
"""Bytes: longer form values are decoded afresh."""
TRUE = ("true", "1", "yes")


class Params:
    """Values are strings (forms) or JSON values; the readers below accept both."""

    __slots__ = ("files", "raw")

    def __init__(self, raw: dict[str, Any], files: dict[str, Upload] | None = None) -> None:
        self.raw = raw
        self.files = files or {}

    def text(self, name: str, default: str = "") -> str:
        value = self.raw.get(name, default)
        return value if isinstance(value, str) else default if value is None else str(value)

    def integer(self, name: str, default: int = 0) -> int:
        value = self.raw.get(name)
        if value is None or value == "":
            return default
        try:
            number = int(value)
        except (ValueError, TypeError, OverflowError):
            raise bad_request(f"invalid {name} specified") from None
        if not -INT64 <= number < INT64:
            raise bad_request(f"invalid {name} specified")
        return number

    def number(self, name: str, default: float = 0.0) -> float:
        """A finite number."""
        try:
            number = float(self.text(name) or default)
        except ValueError:
            raise bad_request(f"invalid {name} specified") from None
        if not math.isfinite(number):
            raise bad_request(f"invalid {name} specified")
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.raw.get(name, default)
        return value if isinstance(value, bool) else str(value).lower() in TRUE

    def has(self, name: str) -> bool:
        return self.raw.get(name) is not None

    def nested(self, name: str) -> dict[str, Any] | None:
        """A JSON object, None when absent or empty."""
        value = self._json(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise bad_request(f"object expected as {name}")
        return value

    def listing(self, name: str) -> list[Any] | None:
        """A JSON array, None when absent."""
        value = self._json(name)
        if value is not None and not isinstance(value, list):
            raise bad_request(f"array expected as {name}")
        return value

    def _json(self, name: str) -> Any:
        value = self.raw.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            raise bad_request(f"can't parse {name} JSON object") from None


def read_params(query: bytes, content_type: bytes, body: bytes) -> Params:
    """Query string and body together; the body wins."""
    raw: dict[str, Any] = {**_form(query)} if query else {}
    if not body:
        return Params(raw)
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == b"application/json":
        return Params(raw | _json_body(body))
    if kind == b"multipart/form-data":
        fields, files = read_multipart(content_type, body)
        return Params(raw | fields, files)
    return Params(raw | _form(body))


def _json_body(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad_request("can't parse JSON-encoded request body") from None
    if not isinstance(value, dict):
        raise bad_request("object expected as JSON-encoded request body")
    return value


def _form(encoded: bytes) -> dict[str, str]:
    pairs = (field.partition(b"=") for field in encoded.split(b"&") if field)
    try:
        return {_decoded(name): _decoded(value) for name, _, value in pairs}
    except UnicodeDecodeError:
        raise bad_request("strings must be encoded in UTF-8") from None


def _decoded(value: bytes) -> str:
    if b"+" in value:
        value = value.replace(b"+", b" ")
    if b"%" not in value:
        return value.decode()
    return _unquoted(value) if len(value) < REMEMBERED else unquote_to_bytes(value).decode()


@lru_cache(maxsize=1024)
def _unquoted(value: bytes) -> str:
    """Remembered, since decoding a keyboard of one button took 30 of a call's 95 µs and campaigns repeat it."""
    return unquote_to_bytes(value).decode()
