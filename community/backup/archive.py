"""The file of a backup: a zip of one member a table, in PostgreSQL's COPY text, and `manifest.json`.

It holds personal data, so only its owner may read it (mode 600). It gets its name when it is whole.
"""

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from community.errors import BackupRefused

MANIFEST = "manifest.json"
CHUNK = 1 << 18
"""Bytes written or read at once."""
UNTOUCHED = "Nothing was restored."
LEVEL = 1
"""Of compression: the quickest, which makes a sixth of a million events."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TablePart(_Part):
    """What the file holds of one table."""

    name: str
    columns: tuple[str, ...]
    rows: int
    sha256: str
    """Of the rows as COPY text."""
    months: tuple[AwareDatetime, ...] = ()
    """The months a partitioned table has."""
    last_number: int | None = None
    """The last number its identity column has given out; None: none yet, or it has no such column."""


class Manifest(_Part):
    """What a backup is of. Tables stand in the order in which they can be loaded."""

    format: Literal[1] = 1
    bot_id: int
    mode: str
    migration: str
    program: str
    """Version of the program that made it."""
    taken_wall: AwareDatetime
    taken_at: AwareDatetime
    """The same in SOP time."""
    at_rest: bool
    """Nothing could be sent when it was made: everything was halted, and no message on its way."""
    tables: tuple[TablePart, ...]

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(table.rows for table in self.tables)

    @property
    def fingerprint(self) -> str:
        """What the backup holds, in 16 characters: the same at backup and restore unless the file was changed."""
        return sha256(self.model_dump_json().encode()).hexdigest()[:16]


class TableWriter:
    """Takes one table's rows."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._hash, self._rest, self.rows = out, sha256(), bytearray(), 0

    def write(self, row: bytes) -> None:
        """Append one row."""
        self._rest += row
        self.rows += 1
        if len(self._rest) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Hand on what is held back."""
        self._hash.update(self._rest)
        self._out.write(self._rest)
        self._rest = bytearray()

    @property
    def sha256(self) -> str:
        """Of everything handed on."""
        return self._hash.hexdigest()


class NewArchive:
    """A backup being written."""

    def __init__(self, out: zipfile.ZipFile) -> None:
        self._out = out

    @contextmanager
    def table(self, name: str) -> Iterator[TableWriter]:
        """Write one table."""
        with self._out.open(name, "w", force_zip64=True) as out:
            writer = TableWriter(out)
            yield writer
            writer.flush()

    def finish(self, manifest: Manifest) -> None:
        """Say what was written; without it the file is no backup."""
        self._out.writestr(MANIFEST, manifest.model_dump_json(indent=1))


@contextmanager
def new_archive(path: Path) -> Iterator[NewArchive]:
    """A backup to be written to `path`, which has that name once it is whole; after an error nothing is left.

    Raises BackupRefused when the name is taken, or the file cannot be written.
    """
    if path.exists():
        raise BackupRefused(f"{path}: is there already, and a backup replaces nothing; give another name")
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as out:
                yield NewArchive(out)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise BackupRefused(f"{path}: {error.strerror}; no backup was made") from None
    finally:
        part.unlink(missing_ok=True)


class Archive:
    """A backup that is whole: everything in it is as the manifest says."""

    def __init__(self, source: zipfile.ZipFile, manifest: Manifest) -> None:
        self._source, self.manifest = source, manifest

    def chunks(self, table: TablePart) -> Iterator[bytes]:
        """The table's rows as COPY text."""
        return _chunks(self._source, table.name)


@contextmanager
def whole_archive(path: Path) -> Iterator[Archive]:
    """The backup at `path`, read through once before anything is done with it.

    Raises BackupRefused when it is no backup, not whole, changed, or of a later format.
    """
    try:
        with zipfile.ZipFile(path) as source:
            manifest = _manifest(path, source)
            _check(path, source, manifest)
            yield Archive(source, manifest)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BackupRefused(f"{path}: no whole backup ({error}); take another copy of it. {UNTOUCHED}") from None
    except OSError as error:
        raise BackupRefused(f"{path}: {error.strerror}") from None


def _manifest(path: Path, source: zipfile.ZipFile) -> Manifest:
    try:
        return Manifest.model_validate_json(source.read(MANIFEST))
    except KeyError:
        raise BackupRefused(f"{path}: no backup of `sop backup`: it holds no {MANIFEST}") from None
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise BackupRefused(
            f"{path}: its {MANIFEST} is not one this version understands ({where}); restore with the version that "
            f"made it. {UNTOUCHED}"
        ) from None


def _check(path: Path, source: zipfile.ZipFile, manifest: Manifest) -> None:
    """Whether it holds the manifest's tables and no others, each as it was written."""
    found, told = sorted(source.namelist()), sorted([MANIFEST, *(table.name for table in manifest.tables)])
    if found != told:
        raise BackupRefused(f"{path}: its tables are not those of its {MANIFEST}: it was changed. {UNTOUCHED}")
    for table in manifest.tables:
        seen = sha256()
        for chunk in _chunks(source, table.name):
            seen.update(chunk)
        if seen.hexdigest() != table.sha256:
            raise BackupRefused(f"{path}: {table.name} is not as it was backed up: it was changed. {UNTOUCHED}")


def _chunks(source: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with source.open(name) as rows:
        while chunk := rows.read(CHUNK):
            yield chunk
