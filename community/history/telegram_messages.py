"""What a message of Telegram Desktop's export tells: who did what when. The words themselves are not kept."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from community.activity.backfill import Fact

_PEER = re.compile(r"(user|chat|channel)(\d{1,18})", re.ASCII)
_SECONDS = re.compile(r"\d{1,10}", re.ASCII)
OLD_CHANNELS = 2**32
"""Exports before 2021 name senders by numbers; from here on these are groups and channels."""
YEARS = range(2013, 2100)
"""Telegram began in 2013; what is dated otherwise is no message's date."""
FAR = 2**53
"""Ids beyond are none of Telegram's."""
REACTION_LIMIT = 100

JOINED = frozenset({"join_group_by_link", "join_group_by_request"})
BROUGHT = frozenset({"invite_members", "create_group"})
MEDIA = {
    "sticker": "sticker",
    "video_file": "video",
    "voice_message": "voice",
    "video_message": "video_note",
    "audio_file": "audio",
    "animation": "animation",
}
"""Kinds of messages as the bot names them, by Telegram Desktop's `media_type`."""


class BadMessage(ValueError):
    """A message of the export cannot be understood; the text says why."""


class Brought(NamedTuple):
    """Somebody whom the export names without an id joined or left (`kind`)."""

    kind: str
    at: datetime
    name: str
    message: int


@dataclass
class Conversation:
    """A chat's messages read so far, as far as later ones need them."""

    zone: ZoneInfo
    """In which dates are taken that carry no time zone (exports before 2021)."""
    names: dict[int, str] = field(default_factory=dict)
    """Names by Telegram id, empty for a deleted account."""
    unnamed: list[Brought] = field(default_factory=list)
    """Joins and leaves of people who had not been named with their id until then."""
    no_person: int = 0
    """Messages of channels and anonymous admins: no member did it."""
    _ids: dict[str, int] = field(default_factory=dict)
    _people: dict[str | int, int | None] = field(default_factory=dict)
    _topics: set[int] = field(default_factory=set)

    def facts(self, record: Any) -> list[Fact]:
        """What a message says. Raises BadMessage."""
        if not isinstance(record, dict):
            raise BadMessage("it is no object")
        number = _number(record)
        at = _moment(record, self.zone)
        if record.get("type") == "service":
            return list(self._service(record, number, at))
        if record.get("type") != "message":
            raise BadMessage(f"its type is {_brief(record.get('type'))}, neither message nor service")
        sender = self._person(record.get("from_id"), record.get("from"))
        facts = [Fact("message", at, sender, self._about(record, number))] if sender else []
        self.no_person += not facts
        if "reactions" in record:
            facts.extend(self._reactions(record, number, at))
        return facts

    def resolved(self) -> Iterator[Fact]:
        """Joins and leaves of the unnamed whose name one member alone turned out to have."""
        left, self.unnamed = self.unnamed, []
        for brought in left:
            if known := self._ids.get(brought.name):
                yield Fact(brought.kind, brought.at, known, {"message": brought.message})
            else:
                self.unnamed.append(brought)

    def _service(self, record: dict[str, Any], number: int, at: datetime) -> Iterator[Fact]:
        action = str(record.get("action"))
        actor, name = self._person(record.get("actor_id"), record.get("actor")), record.get("actor")
        if action == "topic_created":
            self._topics.add(number)
        if actor and (action in JOINED or action == "create_group"):
            yield Fact("joined", at, actor, {"message": number})
        if action in BROUGHT or action == "remove_members":
            kind = "joined" if action in BROUGHT else "left"
            for member in dict.fromkeys(_names(record.get("members"))):
                known = actor if member == name else self._ids.get(member)
                if known:
                    yield Fact(kind, at, known, {"message": number})
                else:
                    self.unnamed.append(Brought(kind, at, member, number))

    def _reactions(self, record: dict[str, Any], number: int, at: datetime) -> Iterator[Fact]:
        """The latest reactions, which are all that an export names people for; their dates are local to its machine."""
        for reaction in _objects(record.get("reactions")):
            for one in _objects(reaction.get("recent")):
                who = self._person(one.get("from_id"), one.get("from"))
                if who:
                    yield Fact("reaction", self._reacted_at(one, record, at), who, {"message": number})

    def _reacted_at(self, reaction: dict[str, Any], record: dict[str, Any], at: datetime) -> datetime:
        here, there = _local(record.get("date")), _local(reaction.get("date"))
        if here is None or there is None:
            return at
        return max(at, at + (there - here))

    def _about(self, record: dict[str, Any], number: int) -> dict[str, Any]:
        data = {"message": number, "kind": _kind(record), "length": _length(record.get("text"))}
        to = record.get("reply_to_message_id")
        if isinstance(to, int):
            data["topic" if to in self._topics else "reply_to"] = to
        return data

    def _person(self, peer: Any, name: Any) -> int | None:
        """The Telegram id of a person, who is known by `name` from now on; None for a channel or nobody."""
        if isinstance(peer, bool) or not isinstance(peer, (str, int)):
            return None
        found = self._people.get(peer)
        if not found:
            found = self._people[peer] = _user(peer)
        if found and not self.names.get(found):
            self.names[found] = name if isinstance(name, str) else ""
            if self.names[found]:
                self._ids[name] = 0 if name in self._ids else found
        return found


def _user(peer: str | int) -> int | None:
    """The Telegram id of an exported peer such as `user123`; None for a channel or a group."""
    if isinstance(peer, int):
        return peer if 0 < peer < OLD_CHANNELS else None
    match = _PEER.fullmatch(peer)
    return int(match[2]) if match and match[1] == "user" else None


def _number(record: dict[str, Any]) -> int:
    number = record.get("id")
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) > FAR:
        raise BadMessage(f"its id is {_brief(number)}, not a message number")
    return number


def _moment(record: dict[str, Any], zone: ZoneInfo) -> datetime:
    seconds = str(record.get("date_unixtime", ""))
    if _SECONDS.fullmatch(seconds):
        at = datetime.fromtimestamp(int(seconds), UTC)
    elif local := _local(record.get("date")):
        at = local.replace(tzinfo=zone).astimezone(UTC)
    else:
        raise BadMessage(f"its date is {_brief(record.get('date_unixtime', record.get('date')))}, not a date")
    if at.year not in YEARS:
        raise BadMessage(f"its date is in the year {at.year}")
    return at


def _local(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is None and at.year in YEARS else None


def _kind(record: dict[str, Any]) -> str:
    if media := record.get("media_type"):
        return MEDIA.get(media, "other") if isinstance(media, str) else "other"
    for key, kind in (("photo", "photo"), ("poll", "poll"), ("file", "document")):
        if key in record:
            return kind
    return "text" if record.get("text") else "other"


def _length(text: Any) -> int:
    """Characters of a text, given as a string or as a list of strings and entities."""
    if isinstance(text, list):
        return sum(_length(part.get("text") if isinstance(part, dict) else part) for part in text)
    return len(text) if isinstance(text, str) else 0


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value[:REACTION_LIMIT] if isinstance(one, dict))


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
