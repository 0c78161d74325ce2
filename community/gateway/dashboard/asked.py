"""What a page of the dashboard is asked for: from when to when, in which steps, of which group or source."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Self
from urllib.parse import urlencode

from community.insight.windows import Span, Window, window

PRESETS = ("this_week", "last_week", "4_weeks", "12_weeks")
USUAL = "12_weeks"
MOST_WINDOWS = 400
SHOWN = 12
"""Windows that a line shows at least: what came before those asked for is added."""
LONGEST_SOURCE = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters as they are in force, whatever the address said."""

    span: Span
    since: date
    until: date
    """The day after the last."""
    zone: str
    today: date
    group_id: int = 0
    source: str = ""
    preset: str = ""
    """Empty: two days were asked for."""
    notice: str = ""
    """Which of the words say what could not be done as asked."""

    @classmethod
    def of(cls, given: Mapping[str, str], today: date, zone: str) -> Self:
        """By an address: what is wrong in it is left out."""
        span = Span(given["span"]) if given.get("span") in list(Span) else Span.week
        notice, preset = "", given.get("preset", "")
        first, last = _day(given.get("from", "")), _day(given.get("to", ""))
        if preset not in PRESETS:
            preset = "" if first or last else USUAL
        if preset:
            first, end = _preset(preset, today)
        else:
            if (given.get("from") and not first) or (given.get("to") and not last):
                notice = "bad_dates"
            last = min(last or today, today)
            first = min(first or last, last)
            end = last + timedelta(days=1)
        asked = cls(span, first or today, end, zone, today, preset=preset, notice=notice)
        return asked._of(given)._bounded()

    def _of(self, given: Mapping[str, str]) -> Self:
        """Of a group or a source: a figure is counted by one of them at a time."""
        number, source = given.get("group", ""), given.get("source", "")[:LONGEST_SOURCE].replace("\0", "")
        group_id = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
        if group_id and source:
            return replace(self, group_id=group_id, notice="one_at_a_time")
        return replace(self, group_id=group_id, source=source)

    def _bounded(self) -> Self:
        days = {Span.day: 1, Span.week: 7, Span.month: 28}[self.span]
        earliest = self.until - timedelta(days=days * MOST_WINDOWS)
        return self if self.since >= earliest else replace(self, since=earliest, notice=self.notice or "too_long")

    @property
    def last(self) -> Window:
        """The newest window asked for: what a tile shows."""
        return window(self.span, self.until - timedelta(days=1), self.zone)

    @property
    def first(self) -> Window:
        """The oldest window asked for."""
        return window(self.span, self.since, self.zone)

    @property
    def going_on(self) -> bool:
        """Whether the newest window is not over yet."""
        return self.last.until > self.today

    @property
    def shown_to(self) -> date:
        """The last day asked for."""
        return self.until - timedelta(days=1)

    @property
    def windows(self) -> list[Window]:
        """Those that a line shows, the oldest first."""
        found = [self.last]
        while found[-1].since > self.first.since or len(found) < SHOWN:
            found.append(found[-1].before())
        return found[::-1]

    def address(self, path: str, **changes: Any) -> str:
        """The address of a page with the same filters, but for the changes."""
        days = {"from": self.since.isoformat(), "to": self.shown_to.isoformat()}
        said: dict[str, Any] = {
            **({"preset": self.preset} if self.preset else days),
            "span": "" if self.span is Span.week else self.span.value,
            "group": self.group_id or "",
            "source": self.source,
            **changes,
        }
        if said.get("preset") == USUAL:
            del said["preset"]
        kept = {name: value for name, value in said.items() if value not in ("", None)}
        return f"{path}?{urlencode(kept)}" if kept else path


def _preset(name: str, today: date) -> tuple[date, date]:
    monday = today - timedelta(days=today.weekday())
    match name:
        case "this_week":
            return monday, today + timedelta(days=1)
        case "last_week":
            return monday - timedelta(days=7), monday
        case "4_weeks":
            return monday - timedelta(weeks=4), monday
        case _:
            return monday - timedelta(weeks=12), monday


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date(2000, 1, 1) <= found < date(2200, 1, 1) else None
