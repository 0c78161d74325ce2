"""Hypothesis strategies made of the description of the Bot API: calls that are well typed, whatever they mean."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from community.sandbox.description import library
from community.sandbox.description.types import (
    FILE,
    FLAG,
    MOMENT,
    REAL,
    WHOLE,
    Among,
    ArrayOf,
    Check,
    ObjectOf,
    OneOf,
    Tagged,
    check_of,
)

EDGES = [0, 1, -1, 2**31, -(2**63), 2**63 - 1]
TEXTS = [
    "",
    "x",
    "<b>x</b>",
    "<",
    "@x",
    "a.b",
    "https://a.b",
    "HTML",
    "\0",
    "attach://f",
    "XTR",
    "👍",
    "/go",
    "x" * 4097,
]
DEEPEST = 4


class Shapes:
    """`numbers` and `texts` are those of the world under test: chats, members, messages, file ids."""

    def __init__(self, numbers: list[int], texts: list[str]) -> None:
        self.numbers = st.sampled_from(numbers * 3 + EDGES) | st.integers(-(2**63), 2**63 - 1)
        self.texts = st.sampled_from(texts * 2 + TEXTS) | st.text(max_size=12)

    def call(self, method: str, **fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
        """All required parameters of a method, and some of the others."""
        described = [each for each in library.parameters(method) if each.name not in fixed]
        shapes = {each.name: (self.value(check_of(each.annotation)), each.required) for each in described}
        return _mapping(shapes).map(lambda values: values | fixed)

    def value(self, check: Check, depth: int = 0) -> st.SearchStrategy[Any]:
        if check is WHOLE:
            return self.numbers
        if check is MOMENT:
            return st.integers(-(2**31), 2**31 - 1)
        if check is FLAG:
            return st.booleans()
        if check is REAL:
            return st.floats(-1e3, 1e3) | self.numbers
        if isinstance(check, Among):
            return st.sampled_from(check.values)
        if isinstance(check, ArrayOf):
            return st.lists(self.value(check.item, depth + 1), max_size=3 if depth < DEEPEST else 0)
        if isinstance(check, ObjectOf):
            return self._object(check, depth)
        if isinstance(check, OneOf | Tagged):
            members = list(check.members.values()) if isinstance(check, Tagged) else [*check.objects, *check.others]
            return st.sampled_from(members).flatmap(lambda member: self.value(member, depth + 1))
        return self.texts if check is FILE or check.expected == "String" else st.just({})

    def _object(self, check: ObjectOf, depth: int) -> st.SearchStrategy[dict[str, Any]]:
        known = check.fields.items()
        wanted = [(name, field) for name, field in known if name in check.required or depth < DEEPEST]
        fields = {
            name: (st.deferred(lambda f=field: self.value(f, depth + 1)), name in check.required)
            for name, field in wanted
        }
        return _mapping(fields)


def _mapping(fields: dict[str, tuple[st.SearchStrategy[Any], bool]]) -> st.SearchStrategy[dict[str, Any]]:
    required = {name: shape for name, (shape, needed) in fields.items() if needed}
    optional = {name: shape for name, (shape, needed) in fields.items() if not needed}
    some = st.lists(st.sampled_from(sorted(optional)), max_size=3, unique=True) if optional else st.just([])
    return some.flatmap(lambda names: st.fixed_dictionaries(required | {name: optional[name] for name in names}))
