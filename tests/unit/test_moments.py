"""Moments as members read them: in their zone, in their language's way."""

from datetime import UTC, datetime

import pytest

from community.moments import day_text, moment_text

AT = datetime(2026, 12, 3, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "locale", "day", "moment"),
    [
        ("Asia/Shanghai", "zh-Hans", "12月4日", "12月4日 00:30"),
        ("Asia/Shanghai", "zh-Hant", "12月4日", "12月4日 00:30"),
        ("America/New_York", "en", "3 Dec", "3 Dec, 11:30"),
        ("UTC", "en", "3 Dec", "3 Dec, 16:30"),
    ],
)
def test_a_moment_is_told_in_zone_and_language(zone: str, locale: str, day: str, moment: str) -> None:
    assert day_text(AT, zone, locale) == day
    assert moment_text(AT.isoformat(), zone, locale) == moment
