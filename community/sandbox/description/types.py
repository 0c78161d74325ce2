"""What a JSON value must look like, made of an annotation.

A check answers False when the value is of another type than `expected`, and raises IllTyped, with the whole story as
Telegram would tell it, when something inside it is wrong.
"""

from __future__ import annotations

import datetime
import math
import types
import typing
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from community.sandbox.description import own
from community.sandbox.description.library import Described, family, fields, leaves

INT32, INT64 = 2**31, 2**63
LABELS = {
    "ChatPermissions": "chat permissions",
    "ForceReply": "reply markup",
    "InlineKeyboardButton": "inline keyboard button",
    "InlineKeyboardMarkup": "reply markup",
    "InlineQueryResult": "inline query result",
    "InlineQueryResultsButton": "inline query results button",
    "InputSticker": "sticker",
    "KeyboardButton": "keyboard button",
    "LabeledPrice": "labeled price",
    "LinkPreviewOptions": "link preview options",
    "MaskPosition": "mask position",
    "MenuButton": "menu button",
    "ReplyKeyboardMarkup": "reply markup",
    "ReplyKeyboardRemove": "reply markup",
    "ReplyParameters": "reply parameters",
    "ShippingOption": "shipping option",
    "SuggestedPostParameters": "suggested post parameters",
    "SuggestedPostPrice": "suggested post price",
}
"""How Telegram's errors call a type, where that is not its name."""

UNSUPPORTED = {
    "BotCommandScope": "Unsupported type specified",
    "MenuButton": "MenuButton has unsupported type",
    "ReactionType": "invalid reaction type specified",
}
"""What Telegram says of a member of a family that it does not know, where that is not 'type "…" is unsupported'."""


class IllTyped(Exception):
    """Something inside a value is wrong; the text is Telegram's, without "Bad Request"."""


class Check(Protocol):
    expected: str

    def __call__(self, value: Any) -> bool: ...


class Simple:
    """A number, a text, a flag."""

    def __init__(self, expected: str, *kinds: type) -> None:
        self.expected = expected
        self.kinds = kinds

    def __call__(self, value: Any) -> bool:
        return type(value) in self.kinds


class Whole(Simple):
    def __call__(self, value: Any) -> bool:
        return type(value) is int and -INT64 <= value < INT64


class Real(Simple):
    def __call__(self, value: Any) -> bool:
        return type(value) is int or (type(value) is float and math.isfinite(value))


class Moment(Simple):
    """Seconds since 1970, in 32 bits."""

    def __call__(self, value: Any) -> bool:
        return type(value) is int and -INT32 <= value < INT32


WHOLE = Whole("Integer")
MOMENT = Moment("Integer")
REAL = Real("Number")
TEXT = Simple("String", str)
FLAG = Simple("Boolean", bool)
FILE = Simple("String", str)
"""Told from TEXT by being another object: a parameter may be an upload instead."""
ANYTHING = Simple("Object", dict)
SIMPLE: dict[Any, Simple] = {
    int: WHOLE, float: REAL, str: TEXT, bool: FLAG, datetime.datetime: MOMENT, datetime.timedelta: REAL, dict: ANYTHING,
}  # fmt: skip


class Among:
    """One of some values."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self.values = values
        self.expected = " or ".join(map(str, values))

    def __call__(self, value: Any) -> bool:
        return any(type(value) is type(each) and value == each for each in self.values)


class ArrayOf:
    def __init__(self, item: Check) -> None:
        self.item = item
        self.expected = "Array of Arrays" if isinstance(item, ArrayOf) else f"Array of {item.expected}"

    def __call__(self, value: Any) -> bool:
        return type(value) is list and all(map(self.item, value))


class ObjectOf:
    """One of Telegram's types. Its fields are looked up at first use, since types contain each other."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.expected = family(kind)
        self.label = LABELS.get(self.expected, self.expected)
        self._fields: dict[str, Check] | None = None
        self.required: list[str] = []

    @property
    def fields(self) -> dict[str, Check]:
        if self._fields is None:
            described = fields(self.kind)
            self.required = [each.name for each in described if each.required]
            self._fields = {each.name: check_of(each.annotation) for each in described}
        return self._fields

    def __call__(self, value: Any) -> bool:
        if type(value) is not dict:
            return False
        known = self.fields
        for name, item in value.items():
            field = known.get(name)
            if field is None:
                raise IllTyped(f'can\'t parse {self.label}: unknown field "{name}"')
            if not field(item):
                raise IllTyped(f'can\'t parse {self.label}: Field "{name}" must be {_kind(field.expected)}')
        for name in self.required:
            if name not in value:
                raise IllTyped(f"can't parse {self.label}: Can't find field \"{name}\"")
        return True

    def recognises(self, value: dict[str, Any]) -> bool:
        """Whether all required fields are there, those of fixed value with that value."""
        return value.keys() >= self.fields.keys() & self.required and self.recognises_tag(value) is not False

    def recognises_tag(self, value: dict[str, Any]) -> bool | None:
        """Whether the fields of fixed value have that value; None when there are no such fields."""
        fixed = [name for name, check in self.fields.items() if isinstance(check, Among) and name in self.required]
        return all(self.fields[name](value.get(name)) for name in fixed) if fixed else None


class OneOf:
    """One of several types; the first that recognises the value tells what is wrong with it."""

    def __init__(self, choices: list[Check]) -> None:
        self.objects = [each for each in choices if isinstance(each, ObjectOf)]
        self.others = [each for each in choices if not isinstance(each, ObjectOf)]
        self.expected = " or ".join(dict.fromkeys(each.expected for each in choices))

    def __call__(self, value: Any) -> bool:
        if type(value) is not dict:
            return any(check(value) for check in self.others)
        fitting = [each for each in self.objects if each.recognises(value)]
        fitting = fitting or [each for each in self.objects if each.recognises_tag(value)]
        for check in fitting[:-1]:
            try:
                return check(value)
            except IllTyped:
                continue
        return bool(fitting) and fitting[-1](value)


class Tagged:
    """A family of types told apart by one field."""

    def __init__(self, tag: str, members: dict[str, ObjectOf]) -> None:
        self.tag = tag
        self.members = members
        first = next(iter(members.values()))
        self.expected, self.label = first.expected, first.label

    def __call__(self, value: Any) -> bool:
        if type(value) is not dict:
            return False
        tag = value.get(self.tag)
        if tag is None:
            raise IllTyped(f"can't parse {self.label}: Can't find field \"{self.tag}\"")
        member = self.members.get(tag) if isinstance(tag, str) else None
        if member is None:
            why = UNSUPPORTED.get(self.expected, f'{self.tag} "{str(tag)[:64]}" is unsupported')
            raise IllTyped(f"can't parse {self.label}: {why}")
        return member(value)


def _kind(expected: str) -> str:
    return f"an {expected}" if expected.startswith("Array") else f"of type {expected}"


def check_of(annotation: Any) -> Check:
    """The check of an annotation, the same one for equal annotations."""
    return _check_of(annotation)


@cache
def _check_of(annotation: Any) -> Check:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _union(annotation)
    if origin is typing.Literal:
        return Among(arguments)
    if origin is tuple or (origin is not None and issubclass(origin, Iterable) and origin is not dict):
        return ArrayOf(_item(arguments[0]))
    simple = SIMPLE.get(origin or annotation)
    if simple is not None:
        return simple
    if not isinstance(annotation, type) or annotation is object:
        return ANYTHING
    return _family(leaves(annotation))


def _item(annotation: Any) -> Check:
    """An element of an array may be a text or an object, where a parameter that is either takes the text only."""
    choices = _choices(annotation)
    if str in choices and len(choices) > 1:
        return OneOf([_check_of(each) for each in choices])
    return _check_of(annotation)


def _choices(annotation: Any) -> list[Any]:
    """The members of a union that come over HTTP."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return [annotation]
    flat = [choice for each in typing.get_args(annotation) for choice in _choices(each)]
    return [each for each in flat if not _stays_behind(each)]


def _stays_behind(annotation: Any) -> bool:
    """What only Python has: None, defaults, paths, open files, functions."""
    origin = typing.get_origin(annotation)
    name = getattr(origin or annotation, "__name__", "")
    return annotation in (type(None), Path) or name in ("DefaultValue", "IO", "Callable")


def _union(annotation: Any) -> Check:
    choices = _choices(annotation)
    if bytes in choices:
        return FILE
    if str in choices:
        choices = [each for each in choices if each in SIMPLE]
    if datetime.datetime in choices:
        return MOMENT
    if datetime.timedelta in choices:
        choices = [each for each in choices if each in (int, float)] or choices
    if len(choices) == 1:
        return _check_of(choices[0])
    if all(isinstance(each, type) and each not in SIMPLE for each in choices):
        return _family([leaf for each in choices for leaf in leaves(each)])
    return OneOf([_check_of(each) for each in choices])


def _family(members: list[type]) -> Check:
    """Told apart by their tag where all have one and no two the same."""
    checks = [ObjectOf(each) for each in members]
    if len(checks) == 1:
        return checks[0]
    for tag in own.TAGS:
        values = [_tag(fields(each), tag) for each in members]
        if None not in values and len(set(values)) == len(values):
            return Tagged(tag, dict(zip(typing.cast("list[str]", values), checks, strict=True)))
    return OneOf(list(checks))


def _tag(described: list[Described], tag: str) -> str | None:
    found = [typing.get_args(each.annotation) for each in described if each.name == tag]
    return found[0][0] if found and found[0] and isinstance(found[0][0], str) else None
