"""Objects of this package as JSON lines and back, whatever their classes and fields.

An object is a line of its own and is named by number elsewhere, so cycles and sharing survive. Containers stand where
they are met first and are referred to by number after that. Only classes defined in this package are ever created, only
attributes are set, and nothing of theirs is run.
"""

from __future__ import annotations

import base64
import dis
import math
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import FunctionType
from typing import Any

import orjson
from pydantic import BaseModel

from community.sandbox.errors import Refused

PACKAGE = __package__
Transient = Mapping[type, Mapping[str, Callable[[], Any]]]
"""Attributes that are not kept, by class, each with what it begins with after loading."""
NESTED = frozenset({list, dict})
PLAIN = frozenset({str, int, bool, type(None)})


def classes() -> dict[str, type]:
    """The classes of this package that may hold state, by module and name."""
    modules = [(name, module) for name, module in list(sys.modules.items()) if name.startswith(f"{PACKAGE}.")]
    return {
        f"{name.removeprefix(PACKAGE)[1:]}:{kind.__qualname__}": kind
        for name, module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == name and not issubclass(kind, BaseException | BaseModel)
    }


def dismissed(kind: type, transient: Transient) -> dict[str, Callable[[], Any]]:
    """The attributes of a class that are not kept."""
    return {name: begin for each in kind.__mro__ for name, begin in transient.get(each, {}).items()}


def declared(kind: type) -> tuple[str, ...]:
    """The attributes every object of a class has: slots, dataclass fields, what `__init__` sets. In order."""
    if kind not in _DECLARED:
        _DECLARED[kind] = tuple(sorted(_looked_up(kind)))
    return _DECLARED[kind]


_DECLARED: dict[type, tuple[str, ...]] = {}


def _looked_up(kind: type) -> set[str]:
    names = {name for each in kind.__mro__ for name in _slots(each)}
    names |= {each.name for each in fields(kind)} if is_dataclass(kind) else set()
    for each in kind.__mro__:
        begin = vars(each).get("__init__")
        if isinstance(begin, FunctionType):
            names |= {step.argval for step in dis.get_instructions(begin) if step.opname == "STORE_ATTR"}
    return names


def _slots(kind: type) -> Iterable[str]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else slots


class Encoder:
    """Makes the lines of one graph. `instead` gives other values for attributes of some objects, by their id()."""

    def __init__(self, transient: Transient, instead: Mapping[int, Mapping[str, Any]]) -> None:
        self.shapes: list[tuple[str, list[str]]] = []
        self._transient = transient
        self._instead = instead
        self._names = {kind: name for name, kind in classes().items()}
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._containers: dict[int, int] = {}
        self._known: dict[tuple[type, tuple[str, ...]], tuple[int, list[str]]] = {}
        self._where = ""

    def lines(self, root: dict[str, Any]) -> Iterator[bytes]:
        """The root first, then every object it leads to, by number. Raises Refused for what cannot be kept."""
        self._where = "the world"
        yield self._line(self._value(root))
        index = 0
        while index < len(self._objects):
            yield self._line(self._row(self._objects[index]))
            index += 1

    def _line(self, value: Any) -> bytes:
        try:
            return orjson.dumps(value)
        except (TypeError, RecursionError) as error:
            raise Refused(f"the state cannot be saved: {self._where}: {error}") from None

    def _row(self, item: Any) -> list[Any]:
        kind: type[Any] = type(item)
        self._where = kind.__name__
        names = tuple(vars(item)) if hasattr(item, "__dict__") else declared(kind)
        number, kept = self._shape(kind, names)
        other = self._instead.get(id(item), {})
        held = [other[name] if name in other else getattr(item, name) for name in kept]
        encode = self._value
        return [number, *(value if type(value) in PLAIN else encode(value) for value in held)]

    def _shape(self, kind: type, names: tuple[str, ...]) -> tuple[int, list[str]]:
        known = self._known.get((kind, names))
        if known is None:
            away = dismissed(kind, self._transient)
            kept = [name for name in names if name not in away]
            known = self._known[kind, names] = (len(self.shapes), kept)
            self.shapes.append((self._names[kind], kept))
        return known

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is float:
            return value if math.isfinite(value) else ["f", repr(value)]
        if kind is tuple or kind is frozenset:
            return ["t" if kind is tuple else "z", *map(self._value, value)]
        if kind is bytes:
            return ["b", base64.b64encode(value).decode()]
        if kind in self._names:
            return ["r", self._number(value)]
        return self._container(kind, value)

    def _number(self, item: Any) -> int:
        number = self._numbers.get(id(item))
        if number is None:
            number = self._numbers[id(item)] = len(self._objects)
            self._objects.append(item)
        return number

    def _container(self, kind: type, value: Any) -> Any:
        number = self._containers.get(id(value))
        if number is not None:
            return ["=", number]
        self._containers[id(value)] = len(self._containers)
        encode = self._value
        if kind is dict and all(type(key) is str for key in value):
            return {key: item if type(item) in PLAIN else encode(item) for key, item in value.items()}
        if kind is list or kind is set:
            return ["l" if kind is list else "s", *map(encode, value)]
        if kind is deque:
            return ["q", value.maxlen, *map(encode, value)]
        if kind is dict or kind is Counter:
            return ["m" if kind is dict else "c", *(encode(part) for pair in value.items() for part in pair)]
        raise Refused(f"the state cannot be saved: {self._where} holds a {kind.__module__}.{kind.__qualname__}")


class Decoder:
    """Builds the objects of one graph anew. Raises Refused when they are of another version; else any ValueError,
    TypeError, KeyError, IndexError or AttributeError means damage."""

    def __init__(self, shapes: list[tuple[str, list[str]]], rows: list[bytes], transient: Transient) -> None:
        known = classes()
        self._shapes = [(known[name] if name in known else _strange(name), names) for name, names in shapes]
        away = [dismissed(kind, transient) for kind, _ in self._shapes]
        missing = [_missing(*shape, each) for shape, each in zip(self._shapes, away, strict=True)]
        self._begins = [list((one | other).items()) for one, other in zip(away, missing, strict=True)]
        self._rows = rows
        self._objects: list[Any] = [object.__new__(self._shapes[_leading(row)][0]) for row in rows]
        self._containers: list[Any] = []
        self._hashing = 0
        self._makers: dict[str, Callable[[list[Any]], Any]] = {
            "r": lambda parts: self._object(_natural(parts[1])),
            "=": lambda parts: self._containers[_natural(parts[1])],
            "l": self._list,
            "s": self._set,
            "q": self._deque,
            "m": lambda parts: self._mapping({}, parts),
            "c": lambda parts: self._mapping(Counter(), parts),
            "t": lambda parts: tuple(map(self._value, parts[1:])),
            "z": lambda parts: frozenset(map(self._key, parts[1:])),
            "b": lambda parts: base64.b64decode(parts[1], validate=True),
            "f": lambda parts: float(parts[1]),
        }

    def build(self, root: Any) -> dict[str, Any]:
        """The root's values; all objects are complete afterwards."""
        state = self._value(root)
        if type(state) is not dict:
            raise TypeError
        for item, row in zip(self._objects, self._rows, strict=True):
            self._fill(item, orjson.loads(row))
        return state

    def _fill(self, item: Any, row: list[Any]) -> None:
        number = row[0]
        setter = object.__setattr__
        decode = self._value
        for name, value in zip(self._shapes[number][1], row[1:], strict=True):
            setter(item, name, decode(value) if type(value) in NESTED else value)
        for name, begin in self._begins[number]:
            setter(item, name, begin())

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind is dict:
            made = self._new({})
            for key, item in value.items():
                made[key] = self._value(item) if type(item) in NESTED else item
            return made
        return self._makers[value[0]](value) if kind is list else value

    def _key(self, value: Any) -> Any:
        """A value that is to be hashed."""
        self._hashing += 1
        try:
            return self._value(value)
        finally:
            self._hashing -= 1

    def _object(self, number: int) -> Any:
        """Where a hash is made of contents they are needed at once; such objects hold no numbered containers."""
        item = self._objects[number]
        if self._hashing and "__hash__" in vars(type(item)):
            self._fill(item, orjson.loads(self._rows[number]))
        return item

    def _new(self, container: Any) -> Any:
        self._containers.append(container)
        return container

    def _list(self, parts: list[Any]) -> list[Any]:
        made: list[Any] = self._new([])
        made.extend(map(self._value, parts[1:]))
        return made

    def _set(self, parts: list[Any]) -> set[Any]:
        made: set[Any] = self._new(set())
        made.update(map(self._key, parts[1:]))
        return made

    def _deque(self, parts: list[Any]) -> deque[Any]:
        made: deque[Any] = self._new(deque(maxlen=parts[1]))
        made.extend(map(self._value, parts[2:]))
        return made

    def _mapping(self, made: Any, parts: list[Any]) -> Any:
        self._new(made)
        for key, value in zip(parts[1::2], parts[2::2], strict=True):
            made[self._key(key)] = self._value(value)
        return made


def _leading(row: bytes) -> int:
    """The number of the shape, with which every row begins."""
    return _natural(int(row[1:].split(b",", 1)[0].rstrip(b"]")))


def _natural(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError
    return number


def _strange(name: str) -> type:
    raise Refused(f"another version of the sandbox saved this state: {name} is unknown here")


def _missing(kind: type, names: list[str], away: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    """What a file does not say of a class but its dataclass fields have by default."""
    absent = set(declared(kind)) - set(names) - set(away)
    begins = {each.name: _default(each) for each in fields(kind)} if is_dataclass(kind) else {}
    strange = [name for name in names if name not in declared(kind) and (name in away or hasattr(kind, name))]
    if strange or any(begins.get(name) is None for name in absent):
        what = ", ".join(sorted([*strange, *absent]))
        raise Refused(f"another version of the sandbox saved this state: {kind.__name__} differs in {what}")
    return {name: begin for name in absent if (begin := begins[name]) is not None}


def _default(each: Any) -> Callable[[], Any] | None:
    if each.default is not MISSING:
        return lambda: each.default
    return None if each.default_factory is MISSING else each.default_factory
