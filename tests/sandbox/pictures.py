"""The smallest pictures that say how large they are."""

import base64
import struct
import zlib


def png(width: int, height: int) -> bytes:
    """A PNG's head; nothing is drawn."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\r" + head + struct.pack(">I", zlib.crc32(head))


def jpeg(width: int, height: int) -> bytes:
    """With a comment before the frame, and fill bytes."""
    comment = b"\xff\xfe\x00\x05abc"
    return b"\xff\xd8" + comment + b"\xff\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00\x00;"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
