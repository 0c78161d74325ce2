"""Reading python-telegram-bot: methods by Telegram's spelling, the parameters of each, the fields of each type."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from community.sandbox.description import newer, own

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Described:
    """A parameter of a method or a field of a type; `annotation` with all names resolved."""

    name: str
    annotation: Any
    required: bool


@cache
def names() -> dict[str, Any]:
    """Whatever an annotation of the library may name. Loads the library."""
    import telegram
    from telegram._utils import types

    own_classes = {each.__name__: each for each in newer.CLASSES}
    return {**vars(typing), **vars(types), **own_classes, **vars(telegram)}


def camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


@cache
def functions() -> dict[str, Function]:
    """The function of each Bot API method, by the method's name."""
    ours = {name: each for name, each in vars(newer.Methods).items() if not name.startswith("_")}
    theirs = {name: each for name, each in vars(names()["Bot"]).items() if _is_method(name, each)}
    return {camel_case(name): each for name, each in (ours | theirs).items()}


def _is_method(name: str, member: Any) -> bool:
    """Calls of the Bot API, and nothing else public, take `api_kwargs`."""
    public = inspect.iscoroutinefunction(member) and not name.startswith("_") and name not in own.NO_METHODS
    return public and "api_kwargs" in member.__code__.co_varnames


def parameters(method: str) -> list[Described]:
    return _described(method, functions()[method])


def returned(method: str) -> Any:
    """The annotation of what the method answers."""
    return _hints(functions()[method])["return"]


@cache
def fields(kind: type) -> list[Described]:
    """Of one of Telegram's types; a field of fixed value is annotated with that value."""
    fixed = [Described(name, typing.Literal[value], True) for name, value in _fixed(kind).items()]
    made: Function = kind.__init__  # type: ignore[misc]
    return fixed + _described(kind.__name__, made)


def _described(owner: str, function: Function) -> list[Described]:
    """Parameters of a function as Telegram has them."""
    left_out = own.NETWORK | own.CONVENIENCES_OF.get(owner, frozenset())
    if owner in functions() or owner.startswith("Input"):
        left_out |= own.CONVENIENCES
    hints = _hints(function)
    theirs = [
        Described(own.SPELLINGS.get(name, name), _annotation(owner, name, hints[name]), _required(owner, parameter))
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in left_out and name in hints
    ]
    known = {each.name for each in theirs}
    added = newer.ADDED.get(owner, {}).items()
    return theirs + [Described(name, _resolved(text), False) for name, text in added if name not in known]


def _required(owner: str, parameter: inspect.Parameter) -> bool:
    if parameter.name in own.OPTIONAL.get(owner, ()):
        return False
    return parameter.default is parameter.empty or parameter.name in own.REQUIRED.get(owner, ())


def _annotation(owner: str, name: str, annotation: Any) -> Any:
    shorter = own.ANNOTATIONS.get((owner, name))
    return annotation if shorter is None else _resolved(shorter)


def _resolved(text: str) -> Any:
    holder = type("Holder", (), {"__annotations__": {"resolved": text}})
    return typing.get_type_hints(holder, names())["resolved"]


def _hints(function: Function) -> dict[str, Any]:
    return typing.get_type_hints(function, names() | vars(sys.modules[function.__module__]))


def leaves(kind: type) -> list[type]:
    """The members of a family such as BotCommandScope; a type without members is its own."""
    below: list[type] = kind.__subclasses__()
    public = [each for each in below if not each.__name__.startswith("_")]
    return [leaf for each in public for leaf in leaves(each)] or [kind]


def family(kind: type) -> str:
    """The name Telegram calls a type by in errors: that of its family."""
    bases = [each.__name__ for each in kind.__mro__ if each.__module__.startswith("telegram.")]
    public = [name for name in bases if not name.startswith("_") and name != "TelegramObject"]
    return public[-1] if public else kind.__name__


def _fixed(kind: type) -> dict[str, Any]:
    """Fields that a type fills in itself, seen in an instance made of zeros."""
    known = inspect.signature(kind).parameters
    tags = [tag for tag in own.TAGS if tag not in known and _has(kind, tag)]
    if not tags:
        return dict(own.FIXED.get(kind.__name__, {}))
    sample = kind(**{name: 0 for name in known if name not in own.NETWORK | own.CONVENIENCES})
    return {tag: str(getattr(sample, tag)) for tag in tags}


def _has(kind: type, name: str) -> bool:
    return any(name in getattr(each, "__slots__", ()) for each in kind.__mro__)
