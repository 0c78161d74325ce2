"""Uploaded files and how a message shows them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from community.sandbox.pictures import Size, measured

if TYPE_CHECKING:
    from community.sandbox.accounts import Bot

JSON = dict[str, Any]
SHAPES: dict[str, JSON] = {
    "document": {},
    "photo": {"width": 640, "height": 480},
    "video": {"width": 640, "height": 480, "duration": 1},
    "animation": {"width": 640, "height": 480, "duration": 1},
    "audio": {"duration": 1},
    "voice": {"duration": 1},
    "video_note": {"length": 240, "duration": 1},
    "sticker": {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False},
}
"""What is shown of a file when neither its sender nor its first bytes say it; videos and sounds stay unopened."""
TOLD = {
    "video": ("width", "height", "duration"),
    "animation": ("width", "height", "duration"),
    "audio": ("duration", "performer", "title"),
    "voice": ("duration",),
    "video_note": ("length", "duration"),
    "sticker": ("emoji",),
}
"""Fields that whoever uploads a file may say about it."""
NAMED = ("document", "video", "audio", "animation")
PHOTO_BOXES = (90, 320, 800, 1280)
"""Longest sides, in pixels, of the smaller sizes of a photo."""
LARGEST_PHOTO = 2560
PHOTO_LIMIT = 10 * 1024 * 1024
"""Bytes (Bot API, sendPhoto)."""
PHOTO_SIDES, PHOTO_RATIO = 10_000, 20
"""Width and height together, and their ratio, at most (Bot API, sendPhoto)."""


@dataclass(slots=True, eq=False)
class StoredFile:
    """`kind`: what it was uploaded as, which it stays when sent again. `shape`: what is shown of it besides its id.

    `sizes`: the smaller ones of a photo, with the same bytes.
    """

    data: bytes
    name: str
    mime_type: str
    kind: str = "document"
    shape: JSON = field(default_factory=dict)
    sizes: list[StoredFile] = field(default_factory=list)
    thumbnail: StoredFile | None = None
    unique_id: str = field(default_factory=lambda: "AgAD" + secrets.token_urlsafe(9))

    @property
    def path(self) -> str:
        """What getFile gives; the unique id keeps equal names apart."""
        return f"documents/{self.unique_id}/{self.name}"

    def parts(self) -> list[StoredFile]:
        """This file and those that come with it, each with an id of its own."""
        return [self, *self.sizes, *([self.thumbnail] if self.thumbnail else [])]

    def as_json(self, viewer: Bot) -> JSON:
        about: JSON = {"file_id": viewer.file_id(self.unique_id), "file_unique_id": self.unique_id}
        about |= {"file_size": len(self.data)} | self.shape
        if self.kind in NAMED:
            about |= {"file_name": self.name, "mime_type": self.mime_type}
        elif self.kind == "voice":
            about["mime_type"] = self.mime_type
        if self.thumbnail is not None:
            about["thumbnail"] = self.thumbnail.as_json(viewer)
        return about


def uploaded(data: bytes, name: str, mime_type: str, kind: str, told: JSON | None = None) -> StoredFile:
    """A file as its `kind`, with its shape. Raises ValueError, worded as Telegram does, for what is no such file."""
    if not data:
        raise ValueError("file must be non-empty")
    size = measured(data) if kind in ("photo", "sticker", "animation") else None
    if kind == "photo":
        return photo(data, name, mime_type, _photo_size(data, size))
    shape = SHAPES[kind] | ({"width": size[0], "height": size[1]} if size else {})
    shape = shape | {key: value for key, value in (told or {}).items() if key in TOLD.get(kind, ())}
    return StoredFile(data, name, mime_type, kind, shape)


def _photo_size(data: bytes, size: Size | None) -> Size:
    if len(data) > PHOTO_LIMIT:
        told = f"file of size {len(data)} bytes is too big for a photo; the maximum size is {PHOTO_LIMIT} bytes"
        raise ValueError(told)
    if size is None:
        raise ValueError("IMAGE_PROCESS_FAILED")
    if sum(size) > PHOTO_SIDES or max(size) > PHOTO_RATIO * min(size):
        raise ValueError("PHOTO_INVALID_DIMENSIONS")
    return size


def photo(data: bytes, name: str, mime_type: str, size: Size) -> StoredFile:
    """In several sizes, smallest first, as far as the picture is large enough for them."""
    whole = StoredFile(data, name, mime_type, "photo", _fitted(size, LARGEST_PHOTO))
    for box in PHOTO_BOXES:
        if box < max(size):
            whole.sizes.append(StoredFile(data, name, mime_type, "photo", _fitted(size, box)))
    return whole


def _fitted(size: Size, box: int) -> JSON:
    scale = min(1.0, box / max(size))
    return {"width": max(1, round(size[0] * scale)), "height": max(1, round(size[1] * scale))}


def album_id() -> str:
    """A `media_group_id`, unlike any other."""
    return str(13_000_000_000_000_000 + secrets.randbits(50))


@dataclass(slots=True)
class Media:
    """A file in a message under one of Telegram's kinds."""

    kind: str
    file: StoredFile

    def as_json(self, viewer: Bot) -> JSON:
        if self.kind == "photo":
            return {"photo": [size.as_json(viewer) for size in [*self.file.sizes, self.file]]}
        about = self.file.as_json(viewer)
        if self.kind == "animation":  # both, for clients from before there were animations (Bot API, Message)
            named = {key: value for key, value in about.items() if key not in SHAPES["animation"]}
            return {"animation": about, "document": named}
        return {self.kind: about}

    def as_seen(self) -> JSON:
        return {"kind": self.kind, "file_name": self.file.name, "file_size": len(self.file.data)} | (
            {"mime_type": self.file.mime_type, "path": self.file.path} | self.file.shape
        )


def sizes(file: StoredFile, viewer: Bot) -> list[JSON]:
    """A chat's photo as one PhotoSize."""
    about: JSON = {"file_id": viewer.file_id(file.unique_id), "file_unique_id": file.unique_id}
    return [about | {"file_size": len(file.data), "width": 640, "height": 640}]
