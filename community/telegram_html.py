"""Telegram's HTML: what it accepts, how it counts, what may be shown.

Rules: https://core.telegram.org/bots/api#html-style
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MESSAGE_LIMIT = 4096
"""Longest text of a message, after entity parsing, in UTF-16 units."""
CAPTION_LIMIT = 1024
"""Longest caption under a picture or file, after entity parsing, in UTF-16 units."""

_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9-]*)"
    r"(?P<attributes>(?:\s+[a-zA-Z-]+(?:\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[A-Za-z0-9.-]+))?)*)\s*>|<"
)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9.-]+)))?")
_ENTITY = re.compile(r"&(#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]*);")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}

# Attributes each tag takes; None stands for "no attribute".
_ALLOWED: dict[str, tuple[str | None, ...]] = {
    **dict.fromkeys(("b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "pre", "tg-spoiler"), (None,)),
    "a": ("href",),
    "code": (None, "class"),
    "span": ("class",),
    "blockquote": (None, "expandable"),
    "tg-emoji": ("emoji-id",),
}

# Controls, lone surrogates, line separators, and everything that can turn the reading direction of what follows.
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"
)

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")


@dataclass(frozen=True, slots=True)
class HtmlProblem:
    """Something Telegram would refuse or drop. `offset` is its place in the text, in code points."""

    offset: int
    message: str


def showable(text: str) -> str:
    """Remove what must never be shown: controls (tab and newline stay), lone surrogates, direction overrides."""
    return text if text.isprintable() else _UNSHOWABLE.sub("", text)


def isolated(text: str) -> str:
    """Text in which something reads from right to left, set apart from what stands around it; other text as it is."""
    return f"\u2068{text}\u2069" if _RIGHT_TO_LEFT.search(text) else text


def utf16_length(text: str) -> int:
    """Length as Telegram counts it: UTF-16 units, so that an emoji counts two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def plain_text(html: str) -> str:
    """The text a reader sees: tags removed, the entities Telegram knows decoded."""
    return _ENTITY.sub(lambda match: _decoded(match) or match[0], _TAG.sub("", html))


def problems(html: str) -> list[str]:
    """Everything Telegram would refuse or silently drop in `html`; empty when it is valid."""
    return [problem.message for problem in find_problems(html)]


def find_problems(html: str) -> list[HtmlProblem]:
    """As `problems`, each with its place in the text."""
    found = [*_tag_problems(html), *_entity_problems(html)]
    return sorted(found, key=lambda problem: problem.offset)


def _decoded(match: re.Match[str]) -> str | None:
    name = match[1]
    if not name.startswith("#"):
        return _NAMED.get(name)
    code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else None


def _entity_problems(html: str) -> Iterator[HtmlProblem]:
    for match in _ENTITY.finditer(html):
        if _decoded(match) is None:
            advice = "Telegram knows only &lt; &gt; &amp; &quot; and numbers; write the character itself"
            yield HtmlProblem(match.start(), f"{match[0]} would be shown as typed; {advice}")


def _tag_problems(html: str) -> Iterator[HtmlProblem]:
    opened: list[tuple[str, int]] = []
    for match in _TAG.finditer(html):
        name = (match["name"] or "").lower()
        if not name:
            yield HtmlProblem(match.start(), "a bare '<' is refused; write &lt;")
        elif name not in _ALLOWED:
            yield HtmlProblem(match.start(), f"<{name}> is not a tag Telegram accepts; remove it")
        elif match["end"]:
            yield from _closing_problems(name, match.start(), opened)
        else:
            yield from _opening_problems(name, match, opened)
            opened.append((name, match.start()))
    yield from (HtmlProblem(offset, f"<{name}> is never closed; add </{name}>") for name, offset in opened)


def _closing_problems(name: str, offset: int, opened: list[tuple[str, int]]) -> Iterator[HtmlProblem]:
    if not any(name == other for other, _ in opened):
        yield HtmlProblem(offset, f"</{name}> closes nothing; remove it")
        return
    while (last := opened.pop())[0] != name:
        yield HtmlProblem(last[1], f"<{last[0]}> must be closed before </{name}>")


def _opening_problems(name: str, match: re.Match[str], opened: list[tuple[str, int]]) -> Iterator[HtmlProblem]:
    attributes = {key.lower(): "".join(values) for key, *values in _ATTRIBUTE.findall(match["attributes"])}
    if why := _attribute_problem(name, attributes):
        yield HtmlProblem(match.start(), why)
    outer = [other for other, _ in opened]
    if name == "blockquote" and "blockquote" in outer:
        yield HtmlProblem(match.start(), "<blockquote> cannot be inside another; close the outer one first")
    if {"code", "pre"} & set(outer) and not (name == "code" and outer[-1] == "pre"):
        yield HtmlProblem(match.start(), f"<{name}> has no effect inside <{outer[-1]}>; move it out")


def _attribute_problem(name: str, attributes: dict[str, str]) -> str | None:
    allowed = _ALLOWED[name]
    if len(attributes) > 1 or next(iter(attributes), None) not in allowed:
        wanted = " or ".join(f"{key}=…" if key else "none" for key in allowed)
        return f"<{name}> has wrong attributes; it takes {wanted}"
    if name == "span" and attributes["class"] != "tg-spoiler":
        return '<span> must be <span class="tg-spoiler">'
    if name == "a" and not attributes["href"].strip():
        return "<a> has an empty href; give an address"
    return None
