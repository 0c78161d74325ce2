"""What `parse_mode` MarkdownV2 and the older Markdown say (Bot API, Formatting options). Offsets are UTF-16 units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from community.sandbox.errors import ApiError
from community.sandbox.reader import JSON, Reader, utf16, wrong

RESERVED = frozenset("_*[]()~`>#+-=|{}.!\n")
VERBATIM = ("code", "pre")
MARKS = {
    "bold": "*", "italic": "_", "underline": "__", "strikethrough": "~", "spoiler": "||", "code": "`", "pre": "```",
    "text_link": "]", "custom_emoji": "]",
}  # fmt: skip
SPOKEN = {"text_link": "TextUrl", "custom_emoji": "CustomEmoji", "blockquote": "BlockQuote"}
"""Telegram's names in errors, where they are not the type's own in a capital."""
_RUN = re.compile(r"[^\\_*\[\]()~`>#+\-=|{}.!\n]+")
_VERBATIM_RUN = re.compile(r"[^\\`]+")
_LANGUAGE = re.compile(r"([^\s`]+)(?=\s)")
_NEW_LINE = re.compile(r"\r\n|\n\r|[\r\n]")
_EMOJI = re.compile(r"tg://emoji\?id=(\d{1,20})")
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*:|[^\s/]+\.)\S", re.I)


def linked(url: str) -> bool:
    """Whether a link of this address is kept; other texts lose the link, as in Telegram."""
    return _ADDRESS.match(url) is not None


@dataclass(slots=True)
class _Open:
    """An entity whose end is still to come. `at`: in the source; `offset`: in the text; `part`: in its pieces."""

    type: str
    at: int
    offset: int
    part: int
    language: str = ""


class _Reader(Reader):
    """What both kinds of Markdown share."""

    def _next(self, ahead: int = 1) -> str:
        return self.source[self.at + ahead : self.at + ahead + 1]

    def _pre_head(self) -> str:
        """Behind three backticks: the language, if one is named, and the first line's end are skipped."""
        language = _LANGUAGE.match(self.source, self.at)
        if language:
            self.at = language.end()
        if line := _NEW_LINE.match(self.source, self.at):
            self.at = line.end()
        return language[1] if language else ""


class MarkdownV2Reader(_Reader):
    """One pass; entities still open wait on a stack. `_fresh`: a quotation may begin here."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.open: list[_Open] = []
        self._quoting = False
        self._fresh = True

    def read(self) -> tuple[str, list[JSON]]:
        while self.at < len(self.source):
            character = self.source[self.at]
            verbatim = bool(self.open) and self.open[-1].type in VERBATIM
            if character == "\\" and "\0" < self._next() <= "~":
                self._escaped()
            elif character != "`" if verbatim else character not in RESERVED:
                self._plain(_VERBATIM_RUN if verbatim else _RUN)
            elif self._ends(character):
                self._end(character)
            else:
                self._begin(character)
        self._finish()
        return "".join(self.text), self.entities

    def _escaped(self) -> None:
        character = self._next()
        self._append(character)
        self.at += 2
        if character != "\r":
            self._fresh = character == "\n"

    def _plain(self, run: re.Pattern[str]) -> None:
        match = run.match(self.source, self.at)
        text = match[0] if match else self.source[self.at]
        self._append(text)
        self.at += len(text)
        if text.strip("\r"):
            self._fresh = False

    def _ends(self, character: str) -> bool:
        if not self.open:
            return False
        if self._quoting and character == "\n" and self._next() != ">":
            return True
        kind = self.open[-1].type
        if kind == "italic" and self._next() == "_":
            return False
        return kind != "blockquote" and self.source.startswith(MARKS[kind], self.at)

    def _begin(self, character: str) -> None:
        begin, doubled = self.at, self._next() == character
        match character:
            case "\n":
                self._append("\n")
                self._fresh = True
                self.at += 1
            case ">" if self._fresh and self._quoting:
                self.at += 1
            case ">" if self._fresh:
                self._quoting = True
                self._push("blockquote", begin, 1)
            case "_":
                self._push("underline" if doubled else "italic", begin, 2 if doubled else 1)
            case "|" if doubled:
                self._push("spoiler", begin, 2)
            case "!" if self._next() == "[":
                self._push("custom_emoji", begin, 2)
            case "`" if doubled and self._next(2) == "`":
                self.at += 3
                self._push("pre", begin, 0, self._pre_head())
            case "*" | "~" | "[" | "`":
                kind = {"*": "bold", "~": "strikethrough", "[": "text_link", "`": "code"}[character]
                self._push(kind, begin, 1)
            case _:
                raise wrong(f"Character '{character}' is reserved and must be escaped with the preceding '\\'")

    def _push(self, kind: str, begin: int, marks: int, language: str = "") -> None:
        self.open.append(_Open(kind, begin, self.length, len(self.text), language))
        self.at += marks

    def _end(self, character: str) -> None:
        kind = self._quotation() if character == "\n" else self.open[-1].type
        opened = self.open.pop()
        if character == "\n":
            self._quoting, self._fresh = False, True
            self._append("\n")
            self.at += 1
            self._keep(opened, kind)
            return
        self.at += len(MARKS[kind])
        if kind == "text_link":
            self._end_link(opened)
        elif kind == "custom_emoji":
            self._end_emoji(opened)
        else:
            self._keep(opened, kind, **({"language": opened.language} if opened.language else {}))

    def _quotation(self) -> str:
        """A line ends a quotation; two bars right before it make the quotation expandable."""
        top = self.open[-1]
        if top.type == "blockquote":
            return "blockquote"
        between = self.source[top.at + 2 : self.at]
        if top.type != "spoiler" or between not in ("", "\r"):
            raise self._endless(top)
        self.open.pop()
        if self.open[-1].type != "blockquote":
            raise self._endless(self.open[-1])
        return "expandable_blockquote"

    def _end_link(self, opened: _Open) -> None:
        url = self._address() if self.source.startswith("(", self.at) else "".join(self.text[opened.part :])
        if linked(url):
            self._keep(opened, "text_link", url=url)

    def _end_emoji(self, opened: _Open) -> None:
        if not self.source.startswith("(", self.at):
            raise wrong("The entity must contain a tg://emoji or tg://time URL")
        emoji = _EMOJI.fullmatch(self._address())
        if emoji is None:
            raise wrong("Invalid tg://emoji or tg://time URL specified")
        self._keep(opened, "custom_emoji", custom_emoji_id=emoji[1])

    def _address(self) -> str:
        """What stands in round brackets."""
        self.at += 1
        begin, url = self.at, []
        while (character := self._next(0)) and character != ")":
            if character == "\\" and "\0" < self._next() <= "~":
                self.at += 1
            url.append(self._next(0))
            self.at += 1
        if not character:
            raise wrong(f"Can't find end of a URL at byte offset {self._bytes(begin)}")
        self.at += 1
        return "".join(url)

    def _keep(self, opened: _Open, kind: str, **more: Any) -> None:
        length = self.length - opened.offset
        if length:
            self.entities.append({"type": kind, "offset": opened.offset, "length": length} | more)

    def _finish(self) -> None:
        if self._quoting:
            top = self.open[-1]
            kind = "blockquote"
            if top.type == "spoiler" and top.at == len(self.source) - 2:
                self.open.pop()
                kind = "expandable_blockquote"
            if self.open[-1].type == "blockquote":
                self._keep(self.open.pop(), kind)
        if self.open:
            raise self._endless(self.open[-1])

    def _endless(self, opened: _Open) -> ApiError:
        spoken = "PreCode" if opened.language else SPOKEN.get(opened.type, opened.type.capitalize())
        return wrong(f"Can't find end of {spoken} entity at byte offset {self._bytes(opened.at)}")


class MarkdownReader(_Reader):
    """The older Markdown: entities do not nest, and only ``_ * ` [`` can be escaped."""

    TYPES: dict[str, str] = {"_": "italic", "*": "bold", "`": "code", "[": "text_link"}  # noqa: RUF012 - a constant
    _RUN = re.compile(r"[^\\_*`\[]+")

    def read(self) -> tuple[str, list[JSON]]:
        while self.at < len(self.source):
            character = self.source[self.at]
            if character == "\\" and self._next() in (*self.TYPES,):
                self._append(self._next())
                self.at += 2
            elif character in self.TYPES:
                self._entity(character)
            else:
                match = self._RUN.match(self.source, self.at)
                text = match[0] if match else character
                self._append(text)
                self.at += len(text)
        return "".join(self.text), self.entities

    def _entity(self, character: str) -> None:
        begin, kind, language = self.at, self.TYPES[character], ""
        mark = "]" if character == "[" else character
        if self.source.startswith("```", begin):
            kind, mark = "pre", "```"
        self.at += len(mark)
        if kind == "pre":
            language = self._pre_head()
        end = self.source.find(mark, self.at)
        if end < 0:
            raise wrong(f"Can't find end of the entity starting at byte offset {self._bytes(begin)}")
        inside, self.at = self.source[self.at : end], end + len(mark)
        self._keep(kind, inside, language)

    def _keep(self, kind: str, inside: str, language: str) -> None:
        entity: JSON = {"type": kind, "offset": self.length, "length": utf16(inside)}
        if kind == "text_link":
            entity["url"] = self._address() if self.source.startswith("(", self.at) else inside
        if language:
            entity["language"] = language
        self._append(inside)
        if inside and (kind != "text_link" or linked(entity["url"])):
            self.entities.append(entity)

    def _address(self) -> str:
        begin = self.at + 1
        end = self.source.find(")", begin)
        self.at = end + 1 if end >= 0 else len(self.source)
        return self.source[begin:end] if end >= 0 else self.source[begin:]
