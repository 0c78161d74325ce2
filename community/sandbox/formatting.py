"""Text and its entities: what `parse_mode` says, and what Telegram finds by itself. Offsets are UTF-16 units."""

from __future__ import annotations

import html
import re
from typing import Any

from community.sandbox.errors import bad_request
from community.sandbox.markdown import MarkdownReader, MarkdownV2Reader
from community.sandbox.reader import JSON, Reader, utf16, wrong

TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "span": "spoiler", "a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}  # fmt: skip
_ESCAPE = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
_TAG_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE = re.compile(r"""\s*([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")
_FOUND = re.compile(
    r"(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?)(?![\w/])"
    r"|(?P<url>https?://[^\s<>\"]+[^\s<>\".,!?;:)\]]|(?<![\w@./-])t\.me/[\w/+?=-]+)"
    r"|(?P<email>[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?<!\w)(?P<mention>@[A-Za-z][A-Za-z0-9_]{3,31})\b"
    r"|(?<!\w)(?P<hashtag>\#\w*[^\W\d]\w*)"
)
_HINT = re.compile(r"[/@#.]")


def formatted(text: str, parse_mode: str, entities: list[Any] | None) -> tuple[str, list[JSON]]:
    """Text as it will be shown, with its entities in order; errors as Telegram words them."""
    if parse_mode:
        reader = READERS.get(parse_mode.lower())
        if reader is None:
            raise bad_request("unsupported parse_mode")
        text, given = reader(text).read()
    else:
        given = checked(entities)
    text, given = _trimmed(text, given)
    return text, sorted(given + found(text, given), key=lambda entity: (entity["offset"], -entity["length"]))


def checked(entities: list[Any] | None) -> list[JSON]:
    """Entities that the caller gave; each must say type, offset and length."""
    for entity in entities or []:
        if not isinstance(entity, dict) or not isinstance(entity.get("type"), str):
            raise bad_request("can't parse MessageEntity: expected an Object")
        if not all(type(entity.get(key)) is int and 0 <= entity[key] < 2**31 for key in ("offset", "length")):
            raise bad_request("can't parse MessageEntity: offset and length must be numbers")
    return list(entities or [])


def found(text: str, given: list[JSON] | None = None) -> list[JSON]:
    """Commands, addresses, mentions and hashtags that nobody marked; not inside code or links."""
    if not _HINT.search(text):
        return []
    taken = [(entity["offset"], entity["offset"] + entity["length"]) for entity in given or [] if _closed(entity)]
    matches = []
    for match in _FOUND.finditer(text):
        start, length = utf16(text[: match.start()]), utf16(match[0])
        if not any(start < end and begin < start + length for begin, end in taken):
            matches.append({"type": match.lastgroup, "offset": start, "length": length})
    return matches


def _closed(entity: JSON) -> bool:
    return entity["type"] in ("code", "pre", "text_link", "text_mention")


def _trimmed(text: str, entities: list[JSON]) -> tuple[str, list[JSON]]:
    """Without white space at both ends; entities shift and shrink with it."""
    trimmed = text.strip()
    if len(trimmed) == len(text):
        return text, entities
    shift, end = utf16(text[: len(text) - len(text.lstrip())]), utf16(trimmed)
    moved = []
    for entity in entities:
        start = max(entity["offset"] - shift, 0)
        stop = min(entity["offset"] + entity["length"] - shift, end)
        if stop > start:
            moved.append(entity | {"offset": start, "length": stop - start})
    return trimmed, moved


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda escape: html.unescape(escape[0]), text)


class _HtmlReader(Reader):
    """One pass over the source; tags still open wait on a stack."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.open: list[tuple[str, JSON]] = []

    def read(self) -> tuple[str, list[JSON]]:
        while (tag := self.source.find("<", self.at)) >= 0:
            self._append(_unescaped(self.source[self.at : tag]))
            self.at = tag
            if self.source.startswith("</", tag):
                self._end_tag()
            else:
                self._start_tag()
        self._append(_unescaped(self.source[self.at :]))
        if self.open:
            raise wrong(f'Can\'t find end tag corresponding to start tag "{self.open[-1][0]}"')
        return "".join(self.text), self.entities

    def _start_tag(self) -> None:
        begin = self.at
        name = self._name(begin + 1)
        if name not in TAGS:
            raise wrong(f'Unsupported start tag "{name}" at byte offset {self._bytes(begin)}')
        attributes = self._attributes(begin)
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise wrong(f'Tag "span" must have class "tg-spoiler" at byte offset {self._bytes(begin)}')
        self.open.append((name, self._entity(name, attributes)))

    def _name(self, at: int) -> str:
        match = _TAG_NAME.match(self.source, at)
        self.at = match.end() if match else at
        return match[0].lower() if match else ""

    def _attributes(self, begin: int) -> dict[str, str]:
        attributes: dict[str, str] = {}
        while attribute := _ATTRIBUTE.match(self.source, self.at):
            attributes[attribute[1].lower()] = html.unescape(attribute[2] or attribute[3] or attribute[4] or "")
            self.at = attribute.end()
        end = re.compile(r"\s*>").match(self.source, self.at)
        if end is None:
            raise wrong(f"Unclosed start tag at byte offset {self._bytes(begin)}")
        self.at = end.end()
        return attributes

    def _entity(self, name: str, attributes: dict[str, str]) -> JSON:
        entity: JSON = {"type": TAGS[name], "offset": self.length}
        if name == "a":
            entity["url"] = attributes.get("href", "")
        elif name == "code" and attributes.get("class", "").startswith("language-"):
            entity["language"] = attributes["class"][9:]
        elif name == "blockquote" and "expandable" in attributes:
            entity["type"] = "expandable_blockquote"
        elif name == "tg-emoji":
            entity["custom_emoji_id"] = attributes.get("emoji-id", "")
        return entity

    def _end_tag(self) -> None:
        begin = self.at
        name = self._name(begin + 2)
        close = self.source.find(">", self.at)
        if close < 0 or self.source[self.at : close].strip():
            raise wrong(f"Unclosed end tag at byte offset {self._bytes(begin)}")
        self.at = close + 1
        if not self.open:
            raise wrong(f"Unexpected end tag at byte offset {self._bytes(begin)}")
        expected, entity = self.open.pop()
        if name and name != expected:
            where = self._bytes(begin)
            raise wrong(f'Unmatched end tag at byte offset {where}, expected "</{expected}>", found "</{name}>"')
        self._close(expected, entity)

    def _close(self, name: str, entity: JSON) -> None:
        entity["length"] = self.length - entity["offset"]
        if not entity["length"]:
            return
        if name == "a" and not entity["url"]:
            entity["url"] = "".join(self.text)[-entity["length"] :]
        if name == "code" and self.open and self.open[-1][0] == "pre" and "language" in entity:
            self.open[-1][1]["language"] = entity["language"]
            return
        entity.pop("language", None) if name == "code" else None
        self.entities.append(entity)


READERS: dict[str, type[_HtmlReader | MarkdownReader | MarkdownV2Reader]] = {
    "html": _HtmlReader,
    "markdown": MarkdownReader,
    "markdownv2": MarkdownV2Reader,
}
