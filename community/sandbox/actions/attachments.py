"""What people send besides text: files, places, contacts."""

from __future__ import annotations

import base64
import binascii
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from community.sandbox.accounts import User
from community.sandbox.actions.registry import JSON
from community.sandbox.errors import Refused
from community.sandbox.files import Media, uploaded
from community.sandbox.world import World

ALBUM = ("photo", "video", "audio", "document")


class Attached(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Document(Attached):
    """A file by `data` (base64) or `text`."""

    name: str = Field("file.txt", min_length=1, max_length=255)
    mime_type: str = Field("text/plain", max_length=127)
    text: str = ""
    data: str | None = None

    def media(self) -> Media:
        return self.stored_as("document")

    def stored_as(self, kind: str, told: JSON | None = None) -> Media:
        try:
            data = base64.b64decode(self.data, validate=True) if self.data is not None else self.text.encode()
            return Media(kind, uploaded(data, self.name, self.mime_type, kind, told))
        except binascii.Error:
            raise Refused(f"{self.name}: data is not base64") from None
        except ValueError as error:
            raise Refused(f"{self.name}: {error}") from None


class File(Document):
    """A file as one of Telegram's kinds. `duration` in seconds, for what can be played."""

    kind: Literal["photo", "video", "animation", "audio", "voice", "video_note", "document", "sticker"] = "document"
    duration: int = Field(1, ge=0, le=86_400)

    def media(self) -> Media:
        return self.stored_as(self.kind, {"duration": self.duration})


class Place(Attached):
    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)

    def content(self) -> JSON:
        return {"location": self.model_dump()}


class Contact(Attached):
    """Somebody's card; `user_id` when they use Telegram."""

    phone_number: str = Field(min_length=1, max_length=64)
    first_name: str = Field(min_length=1, max_length=64)
    last_name: str | None = Field(None, max_length=64)
    user_id: int | None = Field(None, ge=1, le=2**52)

    def content(self) -> JSON:
        return {"contact": self.model_dump(exclude_none=True)}


def own_contact(user: User) -> JSON:
    """A person's own card. Numbers beginning with 888 belong to nobody's phone."""
    card = Contact(
        phone_number=f"888{user.id:08d}", first_name=user.first_name, last_name=user.last_name, user_id=user.id
    )
    return card.content()


def checked_album(files: list[Media]) -> list[Media]:
    """Raises Refused for more than one file that do not go together."""
    kinds = {media.kind for media in files}
    if len(files) > 1 and not kinds <= set(ALBUM):
        raise Refused(f"an album has {', '.join(ALBUM)} only")
    if len(kinds) > 1 and kinds & {"audio", "document"}:
        raise Refused("audio and documents go in albums of their own")
    return files


def keep(world: World, media: Media) -> None:
    for part in media.file.parts():
        world.files[part.unique_id] = part
