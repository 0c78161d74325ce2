"""When terms end: calendar months in the community's zone, hours by the clock; nothing is lost by following on."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from community.access.calendar import anchor_of, end_of, plus_months
from community.playbook_types import Months

ZONES = (
    "UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Beirut",
    "America/Scoresbysund", "Africa/Casablanca", "Asia/Kathmandu",
)  # fmt: skip
SHANGHAI = "Asia/Shanghai"

zones = st.sampled_from(ZONES)
moments = st.integers(946_684_800, 2_840_140_800).map(lambda second: datetime.fromtimestamp(second, UTC))
"""From 2000 to 2060."""
lengths = st.integers(1, 30)


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(SHANGHAI))


def months(number: int) -> Months:
    return Months(months=number)


@pytest.mark.parametrize(
    ("start", "counted_from", "number", "end"),
    [
        ("2026-01-15T20:00", "2026-01-15T20:00", 1, "2026-02-15T20:00"),
        ("2026-01-31T20:00", "2026-01-31T20:00", 1, "2026-02-28T20:00"),
        ("2026-02-28T20:00", "2026-01-31T20:00", 1, "2026-03-31T20:00"),
        ("2026-02-28T20:00", "2026-02-28T20:00", 1, "2026-03-28T20:00"),
        ("2026-03-31T20:00", "2026-01-31T20:00", 1, "2026-04-30T20:00"),
        ("2028-01-31T20:00", "2028-01-31T20:00", 1, "2028-02-29T20:00"),
        ("2028-02-29T20:00", "2028-02-29T20:00", 12, "2029-02-28T20:00"),
        ("2029-02-28T20:00", "2028-02-29T20:00", 36, "2032-02-29T20:00"),
        ("2026-11-30T00:00", "2026-11-30T00:00", 3, "2027-02-28T00:00"),
        ("2026-02-27T20:00", "2026-01-31T20:00", 1, "2026-03-27T20:00"),  # off the calendar: counted from its start
        ("2026-02-28T21:00", "2026-01-31T20:00", 1, "2026-03-28T21:00"),
        ("2025-12-31T20:00", "2026-01-31T20:00", 1, "2026-01-31T20:00"),
    ],
)
def test_ends_of_months(start: str, counted_from: str, number: int, end: str) -> None:
    assert end_of(shanghai(start), shanghai(counted_from), months(number), SHANGHAI) == shanghai(end)


def test_the_day_is_the_communitys_not_utcs() -> None:
    start = datetime(2026, 1, 31, 17, tzinfo=UTC)  # 1 February, 01:00 in Shanghai
    assert end_of(start, start, months(1), SHANGHAI) == datetime(2026, 2, 28, 17, tzinfo=UTC)
    assert end_of(start, start, months(1), "UTC") == datetime(2026, 2, 28, 17, tzinfo=UTC)
    start = datetime(2026, 3, 31, 17, tzinfo=UTC)  # 1 April there, 31 March here
    assert end_of(start, start, months(1), SHANGHAI) == datetime(2026, 4, 30, 17, tzinfo=UTC)
    assert end_of(start, start, months(1), "UTC") == datetime(2026, 4, 30, 17, tzinfo=UTC)


def test_months_keep_the_time_of_day_over_a_change_of_clocks_and_hours_do_not() -> None:
    start = datetime(2026, 3, 1, 20, tzinfo=ZoneInfo("Europe/Berlin"))
    assert end_of(start, start, months(1), "Europe/Berlin") == datetime(
        2026, 4, 1, 20, tzinfo=ZoneInfo("Europe/Berlin")
    )
    assert end_of(start, start, Months(hours=24 * 31), "Europe/Berlin") == datetime(2026, 4, 1, 19, tzinfo=UTC)


def test_a_time_of_day_that_the_clocks_skip_is_later_by_as_much_and_back_the_month_after() -> None:
    start = datetime(2026, 1, 29, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    skipped = end_of(start, start, months(2), "Europe/Berlin")
    assert skipped == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 3:30
    assert end_of(skipped, start, months(1), "Europe/Berlin") == datetime(2026, 4, 29, 0, 30, tzinfo=UTC)  # 2:30


def test_for_life_has_no_end() -> None:
    assert end_of(shanghai("2026-01-01"), shanghai("2026-01-01"), None, SHANGHAI) is None


@given(moments, zones, lengths)
def test_a_term_ends_after_it_begins_on_the_same_day_or_the_months_last(at: datetime, zone: str, number: int) -> None:
    end = end_of(at, at, months(number), zone)
    assert end is not None
    assert end > at
    local, begun = end.astimezone(ZoneInfo(zone)), at.astimezone(ZoneInfo(zone))
    if (local.hour, local.minute) == (begun.hour, begun.minute):  # not skipped by the clocks
        assert local.day == begun.day or (local.day < begun.day and (local + timedelta(days=1)).day == 1)
    assert (local.year - begun.year) * 12 + local.month - begun.month == number


@given(moments, zones, st.lists(lengths, min_size=1, max_size=8))
def test_following_on_loses_no_day_however_it_is_cut(at: datetime, zone: str, numbers: list[int]) -> None:
    end, anchor = at, at
    for number in numbers:
        anchor = anchor_of(end, anchor, zone)
        later = end_of(end, anchor, months(number), zone)
        assert later is not None
        end = later
    assert end == end_of(at, at, months(sum(numbers)), zone)


@given(moments, zones, st.lists(st.integers(1, 24 * 60), max_size=5))
def test_hours_are_hours(at: datetime, zone: str, numbers: list[int]) -> None:
    end = at
    for hours in numbers:
        later = end_of(end, at, Months(hours=hours), zone)
        assert later is not None
        end = later
    assert end - at == timedelta(hours=sum(numbers))


@given(moments, moments, zones, lengths)
def test_a_start_off_the_calendar_is_its_own_beginning(at: datetime, other: datetime, zone: str, number: int) -> None:
    anchor = anchor_of(at, other, zone)
    assert anchor in (at, other)
    assert end_of(at, other, months(number), zone) == end_of(at, anchor, months(number), zone)
    assert end_of(at, anchor, months(number), zone) > at  # type: ignore[operator]


@given(moments, zones)
def test_each_month_is_later_than_the_last(at: datetime, zone: str) -> None:
    ends = [plus_months(at, number, zone) for number in range(40)]
    assert ends[0] == at
    assert all(earlier < later for earlier, later in pairwise(ends))
