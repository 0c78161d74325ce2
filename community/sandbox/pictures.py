"""How large a picture is, read from its first bytes: PNG, JPEG, GIF, WebP, BMP."""

from __future__ import annotations

import struct

Size = tuple[int, int]
"""Width and height in pixels."""
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG that carry its size (start of frame)."""
ALONE = frozenset([0x01, *range(0xD0, 0xD9)])
"""Markers of a JPEG without a length."""


def measured(data: bytes) -> Size | None:
    """None when these bytes are no picture of a known kind, or one cut off before its size."""
    try:
        size = _measured(data)
    except (struct.error, IndexError):
        return None
    return size if size is not None and min(size) > 0 else None


def _measured(data: bytes) -> Size | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _pair(">II", data, 16)
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _pair("<HH", data, 6)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp(data)
    if data.startswith(b"BM"):
        width, height = _pair("<ii", data, 18)
        return width, abs(height)
    return None


def _pair(shape: str, data: bytes, at: int) -> Size:
    first, second = struct.unpack_from(shape, data, at)
    return first, second


def _jpeg(data: bytes) -> Size | None:
    """From marker to marker; stops at the picture's data."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in FRAMES:
            height, width = _pair(">HH", data, at + 5)
            return width, height
        if marker == 0xDA:
            return None
        filled = marker == 0xFF
        at += 1 if filled else 2 if marker in ALONE else 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return None


def _webp(data: bytes) -> Size | None:
    match data[12:16]:
        case b"VP8 ":
            width, height = _pair("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
            return (width, height) if len(data) >= 30 else None
    return None
