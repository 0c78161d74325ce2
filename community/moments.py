"""Moments as members read them."""

from datetime import datetime
from zoneinfo import ZoneInfo

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_text(at: datetime | str, zone: str, locale: str) -> str:
    """The day in that zone: `3 Dec`, `12月3日`. A moment may be given as ISO text."""
    local = _local(at, zone)
    return f"{local.month}月{local.day}日" if locale.startswith("zh") else f"{local.day} {_MONTHS[local.month - 1]}"


def moment_text(at: datetime | str, zone: str, locale: str) -> str:
    """Day and time in that zone: `3 Dec, 20:00`, `12月3日 20:00`."""
    between = " " if locale.startswith("zh") else ", "
    return f"{day_text(at, zone, locale)}{between}{_local(at, zone):%H:%M}"


def _local(at: datetime | str, zone: str) -> datetime:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(ZoneInfo(zone))
