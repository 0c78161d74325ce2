"""A list in CSV, read and checked line by line: what is right of it, and everything that is wrong."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from community.errors import ImportRefused
from community.members.clean import storable

LINE_LIMIT = 200_000
"""Most lines of a list: it is brought in by one transaction."""
YEARS = range(2000, 2100)

Line = TypeVar("Line", bound=BaseModel)


@dataclass
class Sheet(Generic[Line]):
    """A list as read: its lines by their number in the file, and what is wrong by line."""

    lines: list[tuple[int, Line]] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


def read_sheet(path: Path, model: type[Line]) -> Sheet[Line]:
    """Read and check a list whose columns are the model's fields; a column not given, or empty, is as if left out.

    Raises ImportRefused when the file is no CSV with the columns that the model needs.
    """
    sheet: Sheet[Line] = Sheet()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in _rows(path, file, model):
                try:
                    sheet.lines.append((number, model(**row)))
                except ValidationError as error:
                    sheet.problems.extend((number, _words(one)) for one in error.errors())
    except OSError as error:
        raise ImportRefused(f"{path}: {error.strerror}; give a CSV file") from None
    except UnicodeDecodeError:
        raise ImportRefused(f"{path}: it is not in UTF-8; save it as CSV UTF-8") from None
    except csv.Error as error:
        raise ImportRefused(f"{path}: {error}; save it as CSV with commas") from None
    return sheet


def refuse(path: Path, problems: Sequence[tuple[int, str]]) -> None:
    """Raise ImportRefused with every problem as `file:line: what`, if there is one."""
    if problems:
        raise ImportRefused("\n".join(f"{path}:{line}: {what}" for line, what in sorted(problems, key=itemgetter(0))))


def aware(at: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC; without a zone it is taken in `zone`."""
    return at.replace(tzinfo=at.tzinfo or zone).astimezone(UTC)


def _moment(text: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError(f"{str(text)[:40]!r} is no date; write 2026-03-04 or 2026-03-04T10:00+08:00") from None
    if at.year not in YEARS:
        raise ValueError(f"the year {at.year} cannot be right")
    return at


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""An ISO date, or date and time; without a zone it stays without one."""
TelegramId = Annotated[int, Field(gt=0, lt=2**53)]


def _rows(path: Path, file: Any, model: type[BaseModel]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines by number in the file, with what is given of them."""
    reader = csv.DictReader(file, strict=True)
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    known = ", ".join(model.model_fields)
    needed = [name for name, info in model.model_fields.items() if info.is_required()]
    if lacking := [name for name in needed if name not in names]:
        raise ImportRefused(f"{path}:1: no column {lacking[0]}; the first line names the columns: {known}")
    if strange := sorted({name for name in names if name not in model.model_fields}):
        raise ImportRefused(f"{path}:1: unknown column {strange[0][:40]!r}; known: {known}")
    reader.fieldnames = names
    for row in reader:
        if None in row:
            row = {needed[0]: f"more than {len(names)} columns"}
        if reader.line_num > LINE_LIMIT:
            raise ImportRefused(f"{path}: more than {LINE_LIMIT:,} lines; split it")
        yield reader.line_num, {key: storable(value).strip() for key, value in row.items() if value and value.strip()}


def _words(error: Any) -> str:
    """pydantic's error as the problem of a line."""
    name = ".".join(str(part) for part in error["loc"][:1])
    given = "" if error["type"] in ("missing", "value_error") else f" ({str(error['input'])[:40]!r})"
    what = error["msg"].removeprefix("Value error, ")
    return f"{name}: {what[:1].lower()}{what[1:]}{given}"
