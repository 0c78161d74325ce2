"""Whom Telegram is asked about: each kind has its share, and everyone their turn."""

from hypothesis import given, strategies as st

from community.payments.inquiry import Inquiry, in_turn


def people(number: int, kind: int = 0) -> list[Inquiry]:
    return [Inquiry(each, each, kind, kind, present=True) for each in range(number)]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=5), st.integers(0, 100), st.integers(0, 800_000))
def test_as_many_as_may_be_and_nobody_twice(sizes: list[int], most: int, day: int) -> None:
    kinds = [people(size, kind) for kind, size in enumerate(sizes)]
    chosen = in_turn(kinds, most, day)
    assert len(chosen) == len(set(chosen)) == min(most, sum(sizes))


def test_a_long_kind_starves_no_other() -> None:
    chosen = in_turn([people(1000, 0), people(20, 1), people(1000, 2)], 300, 0)
    assert [sum(each.group_id == kind for each in chosen) for kind in range(3)] == [140, 20, 140]


@given(st.integers(1, 500), st.integers(1, 100), st.integers(0, 800_000))
def test_everyone_has_their_turn(size: int, most: int, day: int) -> None:
    days = range(day, day + size // most + 2)
    assert {each for now in days for each in in_turn([people(size)], most, now)} == set(people(size))
