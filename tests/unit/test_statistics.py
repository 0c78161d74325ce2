"""Statistics of experiments: what an interval promises, and what must hold of it for any numbers."""

import math
import random
from itertools import accumulate
from statistics import NormalDist

import pytest
from hypothesis import given, strategies as st

from community.insight.statistics import Part, difference, half_width, mismatch, needed, power


@st.composite
def parts(draw: st.DrawFn) -> Part:
    people = draw(st.integers(1, 10**6))
    return Part(people, draw(st.integers(0, people)))


levels = st.floats(0.001, 0.2)
effects = st.floats(0.001, 0.5)


@given(parts(), parts(), levels, effects)
def test_which_is_called_first_does_not_matter(a: Part, b: Part, level: float, effect: float) -> None:
    one, other = difference(a, b, level, effect), difference(b, a, level, effect)
    assert one == pytest.approx((-other.high, -other.middle, -other.low))


@given(parts(), parts(), levels, effects)
def test_it_lies_around_the_difference_and_within_what_is_possible(
    a: Part, b: Part, level: float, effect: float
) -> None:
    low, middle, high = difference(a, b, level, effect)
    assert middle == b.hits / b.people - a.hits / a.people
    assert -1 <= low <= middle <= high <= 1


@given(parts(), parts(), levels, effects, st.integers(2, 50))
def test_more_people_make_it_narrower(a: Part, b: Part, level: float, effect: float, times: int) -> None:
    few = difference(a, b, level, effect)
    many = difference(Part(a.people * times, a.hits * times), Part(b.people * times, b.hits * times), level, effect)
    assert many.high - many.low <= few.high - few.low + 1e-12


@given(st.floats(1e-5, 0.3), effects, st.floats(0.001, 0.1), st.floats(0.0001, 0.0009))
def test_who_wants_to_be_surer_gets_a_wider_one(error: float, effect: float, level: float, less: float) -> None:
    assert half_width(error, level - less, effect) > half_width(error, level, effect)


@given(st.floats(1e-5, 0.3), effects, levels)
def test_it_costs_more_than_a_single_look(error: float, effect: float, level: float) -> None:
    """Always wider than what holds at one look alone, by which nobody may look every day."""
    assert half_width(error, level, effect) > NormalDist().inv_cdf(1 - level / 2) * error


@given(st.floats(0.01, 0.9), st.floats(0.005, 0.2), levels)
def test_what_is_needed_is_what_gives_the_power(share: float, effect: float, level: float) -> None:
    people = needed(share, 0.5, 0.5, level, effect)
    assert power(share, people, 0.5, 0.5, level, effect) >= 0.8 - 1e-9
    if people > 2:
        assert power(share, people // 2, 0.5, 0.5, level, effect) < 0.8


@given(st.floats(0.01, 0.45), st.floats(0.005, 0.05))
def test_smaller_effects_and_uneven_shares_need_more(share: float, effect: float) -> None:
    even = needed(share, 0.5, 0.5, 0.05, effect)
    assert needed(share, 0.5, 0.5, 0.05, effect / 2) > 2 * even
    assert needed(share, 0.9, 0.1, 0.05, effect) > even


def test_known_needs() -> None:
    """Beside the textbook's 2,748 for one look (30 % to 35 %, 5 %, 80 %): looking whenever one likes doubles it."""
    one_look = 2 * math.ceil((1.96 + 0.8416) ** 2 * (0.3 * 0.7 + 0.35 * 0.65) / 0.05**2)
    assert one_look == 2748
    assert 1.7 * one_look < needed(0.3, 0.5, 0.5, 0.05, 0.05) < 2.2 * one_look


@pytest.mark.parametrize(
    ("people", "shares", "expected"),
    [
        ([50, 50], [0.5, 0.5], 1.0),
        ([60, 40], [0.5, 0.5], 0.0455003),
        ([900, 100], [0.9, 0.1], 1.0),
        ([30, 30, 40], [1, 1, 1], 0.3678794),
        ([10, 20, 30, 40], [0.25] * 4, 0.0001698),
        ([0, 0], [0.5, 0.5], 1.0),
        # One of a variant that gets one of a hundred: of 0.03 expected, chi² would have called it impossible.
        ([2, 1], [0.99, 0.01], 1.0),
        ([0, 9], [0.5, 0.5], 1.0),
        ([0, 10], [0.5, 0.5], 0.0015654),
    ],
)
def test_known_mismatches(people: list[int], shares: list[float], expected: float) -> None:
    assert mismatch(people, shares) == pytest.approx(expected, abs=1e-6)


def test_looking_every_day_for_two_months_keeps_the_promise() -> None:
    """A quick one of 300; the benchmark `experiments` takes 2,000, with lifts and other rates."""
    draws, days, each, wrong = random.Random(7), 60, 40, 0
    for _ in range(300):
        hits = [accumulate(sum(draws.random() < 0.3 for _ in range(each)) for _ in range(days)) for _ in range(2)]
        looks = zip(range(each, each * days + 1, each), *hits, strict=True)
        found = [difference(Part(n, a), Part(n, b), 0.05, 0.05) for n, a, b in looks if n >= 100]
        wrong += any(low > 0 or high < 0 for low, _, high in found)
    assert wrong / 300 <= 0.05


def test_of_nobody_nothing_is_known() -> None:
    assert difference(Part(0, 0), Part(10, 3), 0.05, 0.05) == (-1, 0, 1)
