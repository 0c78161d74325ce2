"""The database's clock on ours, and what an answer's delay tells about a message's arrival."""

import pytest
from hypothesis import given, strategies as st

from community.outbox.pace import ABSORBED_S, DatabaseClock, RoundTrip

AHEAD = 1_790_000_000.0
delays = st.floats(0, 0.2)


@given(st.lists(st.tuples(delays, delays), min_size=1, max_size=20))
def test_the_database_clock_is_known_as_closely_as_the_quickest_exchange(exchanges: list[tuple[float, float]]) -> None:
    clock = DatabaseClock()
    for number, (there, back) in enumerate(exchanges):
        read = number * 0.01
        clock.observe(read - there, AHEAD + read, read + back)
    best = min((there + back) / 2 for there, back in exchanges)
    assert abs(clock.monotonic(AHEAD + 7) - 7) <= best + 2e-4


def test_a_database_clock_that_was_set_is_followed_at_once() -> None:
    clock = DatabaseClock()
    clock.observe(0.0, AHEAD, 0.001)
    clock.observe(1.0, AHEAD + 61, 1.01)
    assert clock.monotonic(AHEAD + 62) == pytest.approx(2, abs=0.01)


def test_an_old_reading_gives_way_to_a_vaguer_new_one() -> None:
    clock = DatabaseClock()
    clock.observe(0.0, AHEAD, 0.0)
    clock.observe(100.0, AHEAD + 100.04, 100.02)
    assert clock.monotonic(AHEAD + 200.03) == pytest.approx(200, abs=0.001)


def test_a_hitch_on_the_way_shows_whatever_the_usual_round_trip_is() -> None:
    for usual in (0.002, 0.06, 0.3):
        calls = RoundTrip()
        assert not any(calls.late_s(slot, slot, slot + usual) for slot in range(30))
        assert calls.late_s(30, 30, 30 + usual + 0.1) == pytest.approx(0.1 - ABSORBED_S)
        assert calls.late_s(31, 31 + 0.05, 31 + 0.05 + usual) == pytest.approx(0.05 - ABSORBED_S), "sent late"
        assert calls.late_s(32, 32, 32 + usual) == 0


def test_a_network_that_has_become_slower_is_usual_soon() -> None:
    calls = RoundTrip()
    late = [calls.late_s(slot, slot, slot + (0.05 if slot < 50 else 0.15)) > 0 for slot in range(150)]
    assert sum(late) < 40
    assert not any(late[100:])
