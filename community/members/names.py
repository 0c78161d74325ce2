"""How a member is called on screen."""

import re
from unicodedata import category

from community.telegram_html import showable

NAME_LIMIT = 64
"""Longest name shown, in characters. Telegram allows 64 + 64."""
NAMELESS = "👤"
"""Stands for a name that has nothing to show in it, in any language."""

_INVISIBLE = dict.fromkeys(map(ord, "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"), " ")


_LINKS = (
    (re.compile(r"(?<=\w)\.(?=\w\w)"), "\u2024"),
    (re.compile(r"://"), "\u2236//"),
    (re.compile(r"@(?=\w)"), "\uff20"),
    (re.compile(r"(?<![\w/])/(?=\w)"), "\u2215"),
)
"""What Telegram would make an address, a mention or a command of, and the sign that looks the same and is none."""


def clean_name(name: str | None) -> str:
    """One line of at most 64 showable characters without links, empty when nothing of `name` can be seen."""
    shown = " ".join(showable((name or "").translate(_INVISIBLE)).split())
    if all(category(char)[0] in "CMZ" for char in shown):  # controls, marks without a letter, spaces
        return ""
    for link, harmless in _LINKS:
        shown = link.sub(harmless, shown)
    return shown if len(shown) <= NAME_LIMIT else shown[: NAME_LIMIT - 1].rstrip() + "…"


def display_name(first: str | None, last: str | None, username: str | None) -> str:
    """What a member is called: first and last name, else @username, else 👤. Never empty; not HTML-escaped."""
    handle = clean_name(username)
    return clean_name(f"{first or ''} {last or ''}") or (f"@{handle}" if handle else NAMELESS)


def short_name(first: str | None, last: str | None, username: str | None) -> str:
    """How a member is greeted: the first name where there is one to see, else as `display_name`."""
    return clean_name(first) or display_name(first, last, username)
