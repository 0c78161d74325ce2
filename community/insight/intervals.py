"""Intervals of differences, looked at once: of shares (Newcombe), of means (Welch), of shares by strata.

Every formula, with its source, is in docs/learning.md. For what is looked at again and again see statistics.py.
"""

import math
from collections.abc import Iterable
from statistics import NormalDist
from typing import NamedTuple

from community.insight.statistics import Interval, Part, variance

LEVEL = 0.05
"""The truth is outside of that many intervals of a hundred."""


class Sample(NamedTuple):
    """Amounts by what they add up to: how many, their sum, the sum of their squares."""

    number: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        """What one of them is."""
        return self.total / self.number if self.number else 0.0

    @property
    def error(self) -> float:
        """The squared standard error of the mean."""
        if self.number < 2:
            return math.inf
        return max(0.0, self.squares - self.total * self.mean) / (self.number - 1) / self.number


def wilson(part: Part, level: float = LEVEL) -> tuple[float, float]:
    """Between what the share lies (Wilson's score interval)."""
    if not part.people:
        return 0.0, 1.0
    z2 = _z(level) ** 2
    middle = part.share + z2 / (2 * part.people)
    reach = math.sqrt(z2 * (part.share * (1 - part.share) + z2 / (4 * part.people)) / part.people)
    whole = 1 + z2 / part.people
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)


def newcombe(base: Part, other: Part, level: float = LEVEL) -> Interval:
    """`other`'s share less `base`'s (Newcombe's hybrid score interval)."""
    if not base.people or not other.people:
        return Interval(-1.0, 0.0, 1.0)
    (base_low, base_high), (low, high) = wilson(base, level), wilson(other, level)
    middle = other.share - base.share
    below = math.hypot(other.share - low, base_high - base.share)
    above = math.hypot(high - other.share, base.share - base_low)
    return Interval(middle - below, middle, middle + above)


def welch(base: Sample, other: Sample, level: float = LEVEL) -> Interval | None:
    """`other`'s mean less `base`'s, of variances that differ (Welch); None: of fewer than two there is none."""
    if base.number < 2 or other.number < 2:
        return None
    middle, variance = other.mean - base.mean, base.error + other.error
    if not variance:
        return Interval(middle, middle, middle)
    freedom = variance**2 / (base.error**2 / (base.number - 1) + other.error**2 / (other.number - 1))
    half = _t(level, freedom) * math.sqrt(variance)
    return Interval(middle - half, middle, middle + half)


class Alike(NamedTuple):
    """The difference of shares between parts that are alike, put together, and its standard error."""

    middle: float
    error: float

    def interval(self, level: float = LEVEL) -> Interval:
        """At one look."""
        half = _z(level) * self.error
        return Interval(max(-1.0, self.middle - half), self.middle, min(1.0, self.middle + half))


def alike(pairs: Iterable[tuple[Part, Part]]) -> Alike | None:
    """The second share less the first, each pair by its weight (Mantel and Haenszel); None: no pair has both."""
    both = [(base, other) for base, other in pairs if base.people and other.people]
    weights = [base.people * other.people / (base.people + other.people) for base, other in both]
    whole = sum(weights)
    if not whole:
        return None
    middle = sum(w * (other.share - base.share) for w, (base, other) in zip(weights, both, strict=True)) / whole
    spread = sum(w**2 * (variance(base) + variance(other)) for w, (base, other) in zip(weights, both, strict=True))
    return Alike(middle, math.sqrt(spread) / whole)


def _z(level: float) -> float:
    return NormalDist().inv_cdf(1 - level / 2)


def _t(level: float, freedom: float) -> float:
    """The quantile of Student's t, by its expansion around the normal's (Cornish and Fisher)."""
    z = _z(level)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
