"""What a parameter may be as it comes over HTTP: JSON, or the text of a form."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from community.sandbox.description.types import (
    ANYTHING,
    FILE,
    FLAG,
    INT64,
    MOMENT,
    REAL,
    TEXT,
    Among,
    ArrayOf,
    Check,
    IllTyped,
    OneOf,
    Simple,
)
from community.sandbox.errors import bad_request

Argument = Callable[[Any], None]
INTEGER = re.compile(r"-?[0-9]{1,19}")
REAL_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,2})?")
WORDS = frozenset(["true", "false", "yes", "no", "1", "0", ""])
REMEMBERED = 4096
"""Characters: longer texts of objects are parsed afresh."""
SPOKEN = {
    "commands": "commands JSON object",
    "reply_markup": "reply keyboard markup JSON object",
    "scope": "BotCommandScope JSON object",
}


def argument_of(name: str, check: Check) -> Argument:
    """A function that raises Telegram's 400 when the value of this parameter is ill-typed."""
    if check in (TEXT, FILE):
        return _Scalar(name, _is_text)
    if check is FLAG:
        return _Scalar(name, _is_flag)
    if check is REAL:
        return _Scalar(name, _is_real)
    if isinstance(check, OneOf) and not check.objects and TEXT in check.others:
        return _Scalar(name, _is_text_or_integer)
    if check is MOMENT:
        return _Scalar(name, _is_moment)
    if check is not ANYTHING and isinstance(check, Simple | Among):
        return _Scalar(name, _is_integer)
    return _Structured(name, check)


ELEMENTS = {
    "correct_option_ids": "correct option identifier must be of type Number",
    "custom_emoji_ids": "custom emoji identifier must be of type String",
    "message_ids": "message identifier must be a Number",
    "options": "expected an option to be of type String",
    "user_ids": "user identifier must be a Number",
}
"""Telegram's words for a wrong element of an array."""


class _Scalar:
    __slots__ = ("fits", "name")

    def __init__(self, name: str, fits: Callable[[Any], bool]) -> None:
        self.name = name
        self.fits = fits

    def __call__(self, value: Any) -> None:
        if not self.fits(value):
            raise bad_request(f"invalid {self.name} specified")


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_integer(value: Any) -> bool:
    if type(value) is str:
        return not value or (INTEGER.fullmatch(value) is not None and _is_integer(int(value)))
    return type(value) is int and -INT64 <= value < INT64


def _is_moment(value: Any) -> bool:
    return value == "" or (_is_integer(value) and MOMENT(int(value)))


def _is_text_or_integer(value: Any) -> bool:
    return type(value) is str or _is_integer(value)


def _is_real(value: Any) -> bool:
    if type(value) is str:
        return not value or REAL_NUMBER.fullmatch(value) is not None
    return REAL(value)


def _is_flag(value: Any) -> bool:
    return type(value) is bool or (type(value) is str and value.lower() in WORDS)


class _Structured:
    """An array or an object, as JSON or as the text of it. Texts that were right are remembered."""

    def __init__(self, name: str, check: Check) -> None:
        self.name = name
        self.check = check
        self._read = lru_cache(maxsize=256)(self._parse)

    def __call__(self, value: Any) -> None:
        if type(value) is not str:
            self._verify(value)
        elif value:
            self._read(value) if len(value) < REMEMBERED else self._parse(value)

    def _parse(self, source: str) -> None:
        try:
            value = orjson.loads(source)
        except orjson.JSONDecodeError:
            spoken = SPOKEN.get(self.name, f"{self.name.replace('_', ' ')} JSON object")
            raise bad_request(f"can't parse {spoken}") from None
        self._verify(value)

    def _verify(self, value: Any) -> None:
        try:
            fits = self.check(value)
        except IllTyped as error:
            raise bad_request(self._wrong_markup(value) or str(error)) from None
        if not fits:
            raise bad_request(self._expectation(value))

    def _wrong_markup(self, value: Any) -> str | None:
        """Telegram reads any markup, then says that it wants another."""
        wrong = self.check.expected == "InlineKeyboardMarkup" and "inline_keyboard" not in value
        return "inline keyboard expected" if wrong else None

    def _expectation(self, value: Any) -> str:
        if isinstance(self.check, ArrayOf):
            if isinstance(value, list) and self.name in ELEMENTS:
                return ELEMENTS[self.name]
            return f"expected an {self.check.expected} as {self.name}"
        return f"object expected as {self.name.replace('_', ' ')}"
