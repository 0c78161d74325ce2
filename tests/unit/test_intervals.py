"""Intervals of differences looked at once: held against published cases, and by how often they hold the truth."""

from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, strategies as st

from community.insight.intervals import Sample, _t, alike, newcombe, welch, wilson
from community.insight.statistics import Part


def test_wilson_of_a_published_case() -> None:
    """Newcombe 1998, two-sided intervals for the single proportion, table I: 81 of 263."""
    assert wilson(Part(263, 81)) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(Part(0, 0)) == (0.0, 1.0)


def test_newcombe_of_published_cases() -> None:
    """Newcombe 1998, interval estimation for the difference of independent proportions, table II, method 10."""
    assert newcombe(Part(80, 48), Part(70, 56)) == pytest.approx((0.0524, 0.2, 0.3339), abs=5e-5)
    assert newcombe(Part(10, 3), Part(10, 9)) == pytest.approx((0.1705, 0.6, 0.8090), abs=5e-5)
    assert newcombe(Part(0, 0), Part(70, 56)) == (-1.0, 0.0, 1.0)


def test_students_t() -> None:
    """Quantiles of 97.5 % as any table has them."""
    for freedom, quantile in ((6, 2.4469), (10, 2.2281), (30, 2.0423), (1e9, 1.9600)):
        assert _t(0.05, freedom) == pytest.approx(quantile, abs=2e-3)


def sample(*amounts: float) -> Sample:
    return Sample(len(amounts), sum(amounts), sum(amount**2 for amount in amounts))


def test_welch_by_hand() -> None:
    """Means 3 and 5, variances 2.5 and 10 of five each: error sqrt(2.5), freedom 2.5² / ((0.5² + 2²) / 4) = 5.882."""
    found = welch(sample(1, 2, 3, 4, 5), sample(1, 3, 5, 7, 9))
    assert found is not None
    assert found.middle == pytest.approx(2)
    assert found.high - 2 == pytest.approx(2.459 * 2.5**0.5, abs=2e-2)
    assert welch(sample(1), sample(1, 2)) is None
    assert welch(sample(4, 4), sample(4, 4)) == (0, 0, 0)


@given(st.integers(1, 500), st.integers(1, 500), st.data())
def test_newcombe_holds_what_was_seen(base: int, other: int, data: st.DataObject) -> None:
    parts = [Part(people, data.draw(st.integers(0, people))) for people in (base, other)]
    low, middle, high = newcombe(*parts)
    assert -1 - 1e-9 <= low <= middle <= high <= 1 + 1e-9
    back = newcombe(parts[1], parts[0])
    assert (back.low, back.high) == pytest.approx((-high, -low))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """2,000 worlds in which 6 and 9 of a hundred buy for 50 each."""
    draw, shares, amounts = np.random.default_rng(11), [], []
    for _ in range(2_000):
        held, treated = (Part(n, int(draw.binomial(n, p))) for n, p in ((300, 0.06), (2_000, 0.09)))
        low, _, high = newcombe(held, treated)
        shares.append(low <= 0.03 <= high)
        money = welch(*(Sample(p.people, 50 * p.hits, 2500 * p.hits) for p in (held, treated)))
        assert money is not None
        amounts.append(money.low <= 1.5 <= money.high)
    assert 0.94 <= fmean(shares) <= 0.97
    assert 0.93 <= fmean(amounts) <= 0.97


def test_like_is_compared_with_like() -> None:
    """Each step is as good as before; only the better one is sent less: no difference. Alone, it is their own."""
    mixed = [(Part(100, 50), Part(900, 450)), (Part(900, 90), Part(100, 10))]
    found = alike(mixed)
    assert found is not None
    assert found.middle == pytest.approx(0)
    one = alike([(Part(80, 48), Part(70, 56)), (Part(0, 0), Part(10, 0))])
    assert one is not None
    assert one.interval() == pytest.approx(newcombe(Part(80, 48), Part(70, 56)), abs=0.02)
    assert alike([(Part(0, 0), Part(10, 1))]) is None
