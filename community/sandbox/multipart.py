"""Reading multipart/form-data, the encoding of uploads (RFC 7578)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from community.sandbox.errors import bad_request

_BOUNDARY = re.compile(rb'boundary="?([^";,]+)"?', re.I)
_NAME = re.compile(rb'[; ]name="((?:\\"|[^"])*)"', re.I)
_FILENAME = re.compile(rb'filename="((?:\\"|[^"])*)"', re.I)
_FILENAME_STAR = re.compile(rb"filename\*=utf-8''([^;\r\n]+)", re.I)
_TYPE = re.compile(rb"content-type: *([^\r\n;]+)", re.I)


@dataclass(slots=True)
class Upload:
    name: str
    mime_type: str
    data: bytes


def read_multipart(content_type: bytes, body: bytes) -> tuple[dict[str, str], dict[str, Upload]]:
    """Plain fields and files by field name."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise bad_request("can't find boundary in multipart/form-data")
    fields: dict[str, str] = {}
    files: dict[str, Upload] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].strip())[1:]:
        if not part.startswith(b"--"):
            _read_part(part, fields, files)
    return fields, files


def _read_part(part: bytes, fields: dict[str, str], files: dict[str, Upload]) -> None:
    head, separator, data = part.partition(b"\r\n\r\n")
    name = _NAME.search(head)
    if not separator or name is None:
        raise bad_request("can't parse multipart/form-data")
    key = _decoded(name[1])
    filename = _filename(head)
    if filename is None:
        fields[key] = _decoded(data)
    else:
        kind = _TYPE.search(head)
        files[key] = Upload(filename, _decoded(kind[1]).strip() if kind else "application/octet-stream", data)


def _filename(head: bytes) -> str | None:
    extended = _FILENAME_STAR.search(head)
    if extended:
        return _decoded(unquote_to_bytes(extended[1].strip()))
    plain = _FILENAME.search(head)
    return _decoded(plain[1]) if plain else None


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")
