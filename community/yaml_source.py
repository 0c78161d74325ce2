"""YAML that operators write: plain values only, and every value knows its line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """YAML 1.2's few plain types, as `22:00`, `no` and `2026-11-22` must stay the text an operator typed."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own name
    yaml_constructors = {  # noqa: RUF012
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in {"null", "bool", "int", "float", "str", "seq", "map"}
    }

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """No aliases: they can make a text endless."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, "aliases (*name) are not supported; write the value out", mark
            )
        return super().compose_node(parent, index)


for _tag, _pattern, _first in (
    ("null", r"^(~|null|)$", ["~", "n", ""]),
    ("bool", r"^(true|false)$", list("tf")),
    ("int", r"^-?(0|[1-9][0-9]{0,17})$", list("-0123456789")),
    ("float", r"^-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}$", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


class YamlError(Exception):
    """The text is not YAML. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True)
class Document:
    """A parsed YAML text: its `value` (maps, lists, text, numbers, booleans, null) and where each part stands."""

    value: Any
    node: yaml.Node | None

    def line(self, path: Sequence[str | int]) -> int:
        """Line (from 1) of the value at `path`, or of the nearest part that exists."""
        node, line = self.node, _line(self.node)
        for key in path:
            found = _child(node, key)
            if found is None:
                break
            line, node = found
        return line

    def duplicates(self) -> Iterator[tuple[int, str]]:
        """Keys written twice in one map, as (line, key): YAML would silently keep the last."""
        return _duplicates(self.node)


def parse(text: str) -> Document:
    """Parse one YAML document.

    Raises YamlError with the line of the first mistake.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return Document(loader.construct_document(node) if node else None, node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 1, error.problem or str(error)) from None
    except yaml.reader.ReaderError as error:
        raise YamlError(text.count("\n", 0, error.position) + 1, f"unreadable character: {error.reason}") from None


def _line(node: yaml.Node | None) -> int:
    return node.start_mark.line + 1 if node else 1


def _child(node: yaml.Node | None, key: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return _line(name), value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return _line(node.value[key]), node.value[key]
    return None


def _duplicates(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value in seen:
                yield _line(name), name.value
            seen.add(str(name.value))
            yield from _duplicates(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _duplicates(value)
