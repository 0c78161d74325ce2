"""Days, weeks from Monday, and months of the community's zone: over what a KPI looks."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


class Span(StrEnum):
    """How long a window is."""

    day = "day"
    week = "week"
    month = "month"


class Window(NamedTuple):
    """From the beginning of `since` to the beginning of `until`, in the days of `zone`."""

    span: Span | None
    """None: as long as somebody asked for."""
    since: date
    until: date
    zone: str

    @property
    def since_at(self) -> datetime:
        """Its first moment."""
        return start_of(self.since, self.zone)

    @property
    def until_at(self) -> datetime:
        """The first moment after it."""
        return start_of(self.until, self.zone)

    @property
    def days(self) -> list[date]:
        """Its days, in their order."""
        return [self.since + n * _DAY for n in range((self.until - self.since).days)]

    @property
    def longer(self) -> float:
        """How many times as long as the window before it: months are of different lengths."""
        before = self.before()
        return (self.until - self.since) / (before.until - before.since)

    def before(self, number: int = 1) -> "Window":
        """The window of the same span so many before this one."""
        return self if number == 0 else window(self.span or Span.day, self.since - _DAY, self.zone).before(number - 1)


def trend(asked: Window) -> list[Window]:
    """The windows of which a course is shown, up to this one, the oldest first: 14 days, or 12 weeks or months."""
    found = [asked]
    while len(found) < (14 if asked.span is Span.day else 12):
        found.append(found[-1].before())
    return found[::-1]


def start_of(day: date, zone: str) -> datetime:
    """The day's first moment."""
    return datetime.combine(day, time(), ZoneInfo(zone))


def day_of(at: datetime, zone: str) -> date:
    """The day in which the moment lies."""
    return at.astimezone(ZoneInfo(zone)).date()


def window(span: Span, day: date, zone: str) -> Window:
    """The window of that span in which the day lies."""
    match span:
        case Span.day:
            return Window(span, day, day + _DAY, zone)
        case Span.week:
            monday = day - timedelta(days=day.weekday())
            return Window(span, monday, monday + timedelta(days=7), zone)
        case Span.month:
            first = day.replace(day=1)
            return Window(span, first, (first + timedelta(days=31)).replace(day=1), zone)


def touched(span: Span, day: date, looks_back: int, until: date, zone: str) -> Iterator[Window]:
    """The windows up to the day `until` whose number what happened on `day` can change."""
    found = window(span, day, zone)
    last = min(day + timedelta(days=looks_back), until)
    while found.since <= last:
        yield found
        found = window(span, found.until, zone)
