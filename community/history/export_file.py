"""Telegram Desktop's JSON export as a stream: messages in small pieces, each with the chat it belongs to.

Both forms are read: one chat (`{"name", "type", "id", "messages": […]}`) and the whole account
(`{"chats": {"list": [chat, …]}}`). A chat's name, type and id stand before its messages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import ijson
import orjson

from community.errors import ImportRefused

CHUNK = 1 << 17
"""Bytes read at once. What is parsed of larger chunks falls out of the processor's caches, and takes twice as long."""
HEADER_LIMIT = 4096
"""Longest beginning of a chat, up to its messages, in bytes."""

MESSAGES = b'"messages"'
"""Only ever a key: within a text its quotes would be escaped."""
_STRING = rb'"(?:[^"\\]|\\.)*"'
_HEADER = re.compile(rb"\{((?:\s*" + _STRING + rb"\s*:\s*(?:" + _STRING + rb"|[-\w.]+)\s*,)+)\s*\Z", re.DOTALL)
_RECORD = re.compile(rb'[\n,\[]\s*(?=\{\s*"id"\s*:)')
_ONE_CHAT = ("messages.item", b'{"messages":[')
_WHOLE_ACCOUNT = ("chats.list.item.messages.item", b'{"chats":{"list":[{"messages":[')


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat of the export. `kind` is Telegram Desktop's, such as `private_supergroup`."""

    id: int
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Some messages of a chat, in the file's order. `first` is the position of the first, counted from 1."""

    chat: Chat
    first: int
    records: list[Any]
    read: int
    """Bytes of the file read so far."""


@dataclass
class ExportFile:
    """An export to be read once. `cut_off` and `unreadable` are known after the last piece.

    A message that is no JSON is left out: reading goes on at the next line on which a message begins.
    """

    path: Path
    cut_off: bool = False
    """The file ends in the middle: the export was not finished, or the copy is not whole."""
    unreadable: list[tuple[Chat, int]] = field(default_factory=list)
    """Messages that are no JSON, by chat and position."""
    _form: tuple[str, bytes] = _ONE_CHAT
    _chat: Chat | None = None
    _position: int = 0
    _lost: bool = False
    """Behind something that is no JSON: nothing is parsed until a message begins."""
    _fresh: bool = False
    """The parser was just set to the beginning of a message."""
    _counted: bool = False
    """The message it was set to may be the very one that is no JSON, and is counted already."""

    def pieces(self) -> Iterator[Piece]:
        """Read it through. Raises ImportRefused when it is no export of Telegram Desktop."""
        self._form = _form_of(self.path)
        self._start()
        read = 0
        with self.path.open("rb") as file:
            for part, begins, read in _parts(file):
                if part:
                    yield from self._feed(part, read)
                if begins:
                    self._chat, self._position = begins, 0
        yield from self._feed(b"", read)

    def _start(self, beginning: bytes = b"") -> None:
        self._records, self._parser = _parser(self._form[0])
        if beginning:
            self._parser.send(beginning)

    def _feed(self, part: bytes, read: int) -> Iterator[Piece]:
        """Parse `part`, which is empty at the end of the file, past whatever in it is no JSON."""
        rest: bytes | None = part
        while rest is not None:
            part = self._find_way(rest) if self._lost else rest
            if self._lost:
                return
            whole = self._parse(part)
            done = len(self._records)
            if done and self._chat:
                yield Piece(self._chat, self._position + 1, list(self._records), read)
            self._position += done
            self._records.clear()
            rest = None if whole else self._past_the_bad(part, done)
            if whole:
                self._fresh = self._counted = False

    def _parse(self, part: bytes) -> bool:
        """Whether `part` could be parsed to its end."""
        try:
            self._parser.send(part)
        except StopIteration:
            return True
        except (ijson.JSONError, UnicodeDecodeError):  # the latter for half an emoji, written as an escape
            self.cut_off = not part
            return not part
        return True

    def _past_the_bad(self, part: bytes, done: int) -> bytes:
        """Count the message that is no JSON, behind `done` good ones of `part`; what follows is looked at again.

        Did the part begin within a message, this is the message after the bad one; else it is the bad one once more.
        """
        if done or not self._counted:
            self._position += 1
            if self._chat:
                self.unreadable.append((self._chat, self._position))
        self._counted = not self._fresh
        starts = [match.start() for match in _RECORD.finditer(part)]
        self._lost = True
        return part[starts[done] :] if done < len(starts) else b""

    def _find_way(self, part: bytes) -> bytes:
        """Set the parser to the next message that begins in `part`, if one does."""
        match = _RECORD.search(part)
        if match:
            self._lost, self._fresh = False, True
            self._start(self._form[1])
            return part[match.end() :]
        return part


def _parser(prefix: str) -> tuple[list[Any], Any]:
    """A list, and a parser that appends to it what stands at `prefix` of the JSON sent to it.

    ijson's parts in C speak to each other directly if they are given one another, and by calls into Python, which take
    twice as long as the parsing, if they are given each other's `send`.
    """
    if ijson.backend_name != "yajl2_c":
        records = ijson.sendable_list()
        return records, ijson.items_coro(records, prefix, use_float=True)
    backend, records = ijson.get_backend("yajl2_c"), []
    items = backend.items_basecoro(SimpleNamespace(send=records), prefix)
    parse = backend.parse_basecoro(SimpleNamespace(send=items))
    return records, backend.basic_parse_basecoro(SimpleNamespace(send=parse), use_float=True)


def _parts(file: BinaryIO) -> Iterator[tuple[bytes, Chat | None, int]]:
    """The file in chunks, cut before each `"messages"`, with the chat whose messages follow and the bytes read.

    So each part holds messages of one chat, and then perhaps the beginning of the next chat.
    """
    rest, before, read = b"", b"", 0
    while chunk := file.read(CHUNK):
        read += len(chunk)
        *parts, rest = _cut(rest + chunk)
        for part in parts:
            before = (before + part)[-HEADER_LIMIT:]
            yield part, _chat_of(before), read
        whole = max(0, len(rest) - len(MESSAGES) + 1)
        before = (before + rest[:whole])[-HEADER_LIMIT:]
        yield rest[:whole], None, read
        rest = rest[whole:]  # may be the beginning of `"messages"`
    yield rest, None, read


def _cut(data: bytes) -> list[bytes]:
    """`data` cut before each `"messages"`."""
    first, *others = data.split(MESSAGES)
    return [first, *(MESSAGES + other for other in others)]


def _chat_of(before: bytes) -> Chat | None:
    """The chat whose beginning ends with `before`."""
    match = _HEADER.search(before)
    header = _loaded(b"{" + match[1].rstrip().removesuffix(b",") + b"}") if match else {}
    if not isinstance(header.get("id"), int):
        return None
    return Chat(header["id"], str(header.get("type") or ""), str(header.get("name") or ""))


def _loaded(text: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found


def _form_of(path: Path) -> tuple[str, bytes]:
    """Which form the export has: does the file begin with the first chat? Raises ImportRefused when there is none."""
    try:
        with path.open("rb") as file:
            start = b""
            for part, begins, _ in _parts(file):
                start = (start + part)[: HEADER_LIMIT + 1]
                if begins:
                    return _ONE_CHAT if _HEADER.fullmatch(start.strip()) else _WHOLE_ACCOUNT
    except OSError as error:
        raise ImportRefused(f"{path}: {error.strerror}; give the result.json of an export") from None
    raise ImportRefused(
        f"{path}: no chat with messages in it; give the result.json that Telegram Desktop exports as JSON"
    )
