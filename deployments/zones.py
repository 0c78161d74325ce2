"""Prefect 3.8 reads the names of all time zones from disk for every schedule that it meets, client or server."""

import zoneinfo
from functools import cache

available_timezones = cache(zoneinfo.available_timezones)


def remember_zones() -> None:
    """Let Prefect read them once in this process."""
    from prefect.types import _datetime

    _datetime.available_timezones = available_timezones  # type: ignore[attr-defined]
