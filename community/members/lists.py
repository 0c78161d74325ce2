"""Lists of members as CSV files that operators bring: read and checked line by line, every problem with its line."""

import csv
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from community.errors import ImportRefused
from community.members.clean import storable

LINE_LIMIT = 200_000
"""Most lines of a list: it is brought in by one transaction."""

Line = TypeVar("Line", bound=BaseModel)


@dataclass
class ReadList(Generic[Line]):
    """A list as read: its lines with their numbers in the file, and what is wrong with it by line."""

    lines: list[tuple[int, Line]] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


def read_list(
    path: Path,
    shape: type[Line],
    keys: Sequence[str],
    *,
    once: bool = True,
    named: Callable[[Line], tuple[Hashable, str]] | None = None,
) -> ReadList[Line]:
    """Read the list, whose columns are the fields of `shape`; at least one of the columns `keys` is needed.

    Two lines with the same key are a problem if each comes `once`: with the same value of one of the columns, or what
    `named` gives of a line, with what that is called. Raises ImportRefused when the file is no such CSV at all.
    """
    read: ReadList[Line] = ReadList()
    seen: dict[Hashable, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in _rows(path, file, tuple(shape.model_fields), keys):
                try:
                    line = shape(**row)
                except ValidationError as error:
                    read.problems.extend((number, _words(one)) for one in error.errors())
                    continue
                if once:
                    known = [named(line)] if named else _by_columns(line, keys)
                    read.problems.extend((number, what) for what in _repeated(known, seen, number))
                read.lines.append((number, line))
    except OSError as error:
        raise ImportRefused(f"{path}: {error.strerror}; give a CSV file") from None
    except UnicodeDecodeError:
        raise ImportRefused(f"{path}: it is not in UTF-8; save it as CSV UTF-8") from None
    except csv.Error as error:
        raise ImportRefused(f"{path}: {error}; save it as CSV with commas") from None
    return read


def refuse(path: Path, problems: Sequence[tuple[int, str]]) -> None:
    """Raise ImportRefused with every problem as `file:line: what`, if there is any."""
    if problems:
        raise ImportRefused("\n".join(f"{path}:{line}: {what}" for line, what in problems))


def _rows(path: Path, file: Any, known: Sequence[str], keys: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines by number in the file, with what is given of them."""
    reader = csv.DictReader(file, strict=True)
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    if not set(keys) & set(names):
        needed, all_names = " or ".join(keys), ", ".join(known)
        raise ImportRefused(f"{path}:1: no column {needed}; the first line names the columns: {all_names}")
    if strange := sorted({name for name in names if name not in known}):
        raise ImportRefused(f"{path}:1: unknown column {strange[0][:40]!r}; known: {', '.join(known)}")
    reader.fieldnames = names
    for row in reader:
        if None in row:
            row = {keys[0]: f"more than {len(names)} columns"}
        if reader.line_num > LINE_LIMIT:
            raise ImportRefused(f"{path}: more than {LINE_LIMIT:,} lines; split it")
        yield reader.line_num, {key: storable(value).strip() for key, value in row.items() if value and value.strip()}


def _by_columns(line: BaseModel, keys: Sequence[str]) -> Iterator[tuple[Hashable, str]]:
    values = ((key, getattr(line, key)) for key in keys)
    return (((key, value), f"{key} {value}") for key, value in values if value is not None)


def _repeated(known: Iterable[tuple[Hashable, str]], seen: dict[Hashable, int], number: int) -> Iterator[str]:
    for key, name in known:
        before = seen.setdefault(key, number)
        if before != number:
            yield f"{name} is in line {before} already"


def _words(error: Any) -> str:
    """pydantic's error as the problem of a line."""
    name = ".".join(str(part) for part in error["loc"][:1])
    given = "" if error["type"] in ("missing", "value_error") else f" ({str(error['input'])[:40]!r})"
    what = error["msg"].removeprefix("Value error, ")
    return f"{name}: {what[:1].lower()}{what[1:]}{given}" if name else what[:1].lower() + what[1:]
