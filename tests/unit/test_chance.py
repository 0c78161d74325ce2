"""What is called a change: known answers of the tests, and that chance alone is not."""

import random

import pytest
from hypothesis import given, strategies as st

from community.insight.chance import beyond_chance, interval, p_of_counts, p_of_ratio, p_of_shares

counts = st.integers(0, 10_000)


def test_known_answers() -> None:
    # 15 of 100 against 30 of 100: z = 2.539, by the textbook's formula.
    assert p_of_shares(15, 100, 30, 100) == pytest.approx(0.01112, abs=1e-4)
    # 3 against 12: twice the binomial tail of 15 coins up to 3, (1 + 15 + 105 + 455) / 2**15 * 2.
    assert p_of_counts(3, 12) == pytest.approx(2 * 576 / 2**15)
    # A month of 31 days after one of 28 has by itself 31/28 of it.
    assert p_of_counts(310_000, 280_000, 31 / 28) == pytest.approx(1.0)
    assert interval(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert interval(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_what_cannot_be_said_is_not_said() -> None:
    assert p_of_shares(0, 0, 3, 10) is None
    assert p_of_ratio(10, 0, 3, 3, "money") is None
    assert p_of_ratio(10, 5, 0, 3, "seconds") is None


@given(counts, counts)
def test_the_same_is_no_change_and_the_order_does_not_matter(a: int, b: int) -> None:
    assert p_of_counts(a, a) == pytest.approx(1.0)
    assert p_of_counts(a, b) == pytest.approx(p_of_counts(b, a))
    hits, base = min(a, b), max(a, b)
    lowest, highest = interval(hits, base)
    assert lowest - 1e-9 <= (hits / base if base else 0) <= highest + 1e-9


@given(st.lists(st.none() | st.floats(0, 1)))
def test_fewer_are_called_a_change_than_alone_would_be(chances: list[float | None]) -> None:
    called = beyond_chance(chances)
    alone = [p is not None and p <= 0.05 for p in chances]
    assert all(one or not many for many, one in zip(called, alone, strict=True))
    single = [p for p in chances if p is not None]
    if len(single) == 1:
        assert called == alone


def test_chance_alone_is_seldom_called_a_change() -> None:
    """In 400 weeks of 40 figures of which none changed, about one week in twenty has a "change"."""
    dice = random.Random(7)
    weeks = 0
    for _ in range(400):
        pairs = [(sum(dice.random() < 0.1 for _ in range(100)), sum(dice.random() < 0.1 for _ in range(100)))
                 for _ in range(40)]  # fmt: skip
        weeks += any(beyond_chance([p_of_shares(a, 100, b, 100) for a, b in pairs]))
    assert weeks <= 400 * 0.05 * 1.6
