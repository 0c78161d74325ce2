"""Export: members, messages, decisions and events as CSV or Parquet, as large as they may be."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from community.database.pool import Connection
from community.database.queries import load
from community.errors import ExportRefused
from community.members.clean import FORMULA

queries = load(__file__, "export.sql")

DATASETS = ("members", "messages", "decisions", "events")
ROWS = 5_000
"""Rows held at once."""
TYPES = {16: pa.bool_(), 20: pa.int64(), 21: pa.int64(), 23: pa.int64(), 1184: pa.timestamp("us", tz="UTC")}
"""Parquet's types by PostgreSQL's; whatever else is text."""

Row = dict[str, Any]
Write = Callable[[Sequence[Row]], None]


async def export(conn: Connection, dataset: str, to: Path) -> int:
    """Write the dataset as one moment sees it to `to`, CSV or Parquet by its ending; returns the rows.

    The file is there when it is whole. Raises ExportRefused for an unknown dataset or ending, or a file that cannot
    be written.
    """
    if dataset not in DATASETS:
        raise ExportRefused(f"export: {dataset!r} is not there; choose one of {', '.join(DATASETS)}")
    begin = {".csv": _csv, ".parquet": _parquet}.get(to.suffix.lower())
    if begin is None:
        raise ExportRefused(f"{to}: the name must end in .csv or .parquet")
    part, written = to.with_name(f"{to.name}.part"), 0
    try:
        async with conn.transaction(), conn.cursor(name="export") as cursor:
            await cursor.execute(getattr(queries, dataset))
            columns = {column.name: TYPES.get(column.type_code, pa.string()) for column in cursor.description or ()}
            with begin(part, columns) as write:
                while rows := await cursor.fetchmany(ROWS):
                    write(rows)
                    written += len(rows)
        part.replace(to)
    except OSError as error:
        raise ExportRefused(f"{to}: {error.strerror}; give a file that can be written") from None
    finally:
        part.unlink(missing_ok=True)
    return written


def write_csv(to: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a small table to `to`, as a spreadsheet takes it. Raises ExportRefused when it cannot be written."""
    part = to.with_name(f"{to.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows([cell(value) for value in row] for row in rows)
        part.replace(to)
    except OSError as error:
        raise ExportRefused(f"{to}: {error.strerror}; give a file that can be written") from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _csv(path: Path, columns: dict[str, pa.DataType]) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        yield lambda rows: writer.writerows([cell(value) for value in row.values()] for row in rows)


def cell(value: Any) -> Any:
    """A value as a spreadsheet takes it from CSV: a text is never run as a formula."""
    value = _plain(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


@contextmanager
def _parquet(path: Path, columns: dict[str, pa.DataType]) -> Iterator[Write]:
    schema = pa.schema(list(columns.items()))
    with pq.ParquetWriter(path, schema) as writer:

        def write(rows: Sequence[Row]) -> None:
            plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
            writer.write_table(pa.Table.from_pylist(plain, schema))

        yield write


def _plain(value: Any) -> Any:
    """JSON as text; the rest as it is."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode() if isinstance(value, dict) else value
