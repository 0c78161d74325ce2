"""What the playbook says of feedback (SOP 4.6): by which words it is known, how soon staff answer, how much opens."""

import re
import unicodedata
from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator

from community.playbook_types import Duration, Entry, Locale, Text

Told = Literal["suggestion", "complaint"]
"""What a member says of the community; who says nothing is known by what they do."""


class Feedback(Entry):
    """The four quadrants: suggestion, complaint, silent leaving, active."""

    suggestion: dict[Locale, tuple[Text, ...]] = Field(default_factory=dict)
    """Tags (`#…`), by language; each counts whoever writes it, in groups and in private."""
    complaint: dict[Locale, tuple[Text, ...]] = Field(default_factory=dict)
    """Tags, as above; and words, which count in private where a message begins with them."""
    suggestion_within: Duration = timedelta(days=7)
    complaint_within: Duration = timedelta(hours=24)
    leaving_within: Duration = timedelta(days=3)
    thanks_within: Duration = timedelta(days=7)
    per_day: int = Field(3, ge=1, le=20)
    """Most that one member opens within 24 hours."""
    active_days: int = Field(3, ge=1, le=7)
    """Who shows a sign of being there on so many days of a week is active."""
    leavers_per_day: int = Field(10, ge=0, le=100)
    """Most tasks about silent leavers within 24 hours; all are counted."""
    thanks_per_week: int = Field(5, ge=0, le=100)
    """Most active members whom staff are to thank for a week."""

    @field_validator("suggestion")
    @classmethod
    def _tags_only(cls, by_locale: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if plain := [word for words in by_locale.values() for word in words if not _folded(word).startswith("#")]:
            raise ValueError(f"{', '.join(plain)}: a suggestion's tag begins with #, or any message would be one")
        return by_locale

    @field_validator("suggestion", "complaint")
    @classmethod
    def _something(cls, by_locale: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if empty := [word for words in by_locale.values() for word in words if not _folded(word).strip("# ")]:
            raise ValueError(f"{', '.join(empty)}: write what comes after the #")
        return by_locale

    def told(self, text: str, *, private: bool) -> Told | None:
        """What a message is by its words; a complaint goes first. None: neither. Pure."""
        folded = _folded(text).strip()
        if _has(folded, self.complaint, words=private):
            return "complaint"
        return "suggestion" if _has(folded, self.suggestion, words=False) else None


def _has(folded: str, by_locale: dict[str, tuple[str, ...]], *, words: bool) -> bool:
    known = [_folded(word).strip() for each in by_locale.values() for word in each]
    return any(_tagged(folded, word) if word.startswith("#") else words and _begins(folded, word) for word in known)


def _tagged(folded: str, tag: str) -> bool:
    """Chinese has no spaces: there, what follows a tag may go on at once."""
    return re.search(rf"(?<![\w#]){re.escape(tag)}{_end(tag)}", folded) is not None


def _begins(folded: str, word: str) -> bool:
    return re.match(rf"{re.escape(word)}{_end(word)}", folded) is not None


def _end(word: str) -> str:
    return r"(?!\w)" if word.isascii() else ""


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
