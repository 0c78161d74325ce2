"""Uploaded files and how a message shows them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
"""Fields that Telegram measures from the file; the sandbox does not look inside, so they are constants."""
NAMED = ("document", "video", "audio", "animation")


@dataclass(slots=True, eq=False)
class StoredFile:
    data: bytes
    name: str
    mime_type: str
    unique_id: str = field(default_factory=lambda: "AgAD" + secrets.token_urlsafe(9))

    @property
    def path(self) -> str:
        """What getFile gives; the unique id keeps equal names apart."""
        return f"documents/{self.unique_id}/{self.name}"


@dataclass(slots=True)
class Media:
    """A file in a message under one of Telegram's kinds."""

    kind: str
    file: StoredFile

    def as_json(self, viewer: Bot) -> JSON:
        about: JSON = {"file_id": viewer.file_id(self.file.unique_id), "file_unique_id": self.file.unique_id}
        about |= {"file_size": len(self.file.data)} | SHAPES[self.kind]
        if self.kind in NAMED:
            about |= {"file_name": self.file.name, "mime_type": self.file.mime_type}
        return {self.kind: [about] if self.kind == "photo" else about}

    def as_seen(self) -> JSON:
        return {"kind": self.kind, "file_name": self.file.name, "file_size": len(self.file.data)} | (
            {"mime_type": self.file.mime_type, "path": self.file.path}
        )


def sizes(file: StoredFile, viewer: Bot) -> list[JSON]:
    """A chat's photo as one PhotoSize."""
    about: JSON = {"file_id": viewer.file_id(file.unique_id), "file_unique_id": file.unique_id}
    return [about | {"file_size": len(file.data), "width": 640, "height": 640}]
