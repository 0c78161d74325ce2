"""Statistics of experiments: intervals that hold however often one looks, needed sample, and whether shares are kept.

Every formula, with its source, is in docs/experiments.md.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

POWER = 0.8
"""How likely a difference of the size looked for is to be seen with the sample that is called needed."""
_Z = NormalDist().inv_cdf(POWER)
_NORMAL = NormalDist()
FEWEST_EXPECTED = 5
"""People expected of each variant before whom the chi² of their shares means nothing (Cochran's rule)."""
MOST = 2**40
"""People beyond whom nobody counts."""


class Interval(NamedTuple):
    """A difference of two shares, and between what it lies at the level asked for; 0.05 is five points."""

    low: float
    middle: float
    high: float


class Part(NamedTuple):
    """Of `people`, `hits` did what is counted."""

    people: int
    hits: int

    @property
    def share(self) -> float:
        """How many of them."""
        return self.hits / self.people if self.people else 0.0


def difference(base: Part, other: Part, level: float, effect: float) -> Interval:
    """`other`'s share less `base`'s: an asymptotic confidence sequence, tuned to be narrowest at a width of `effect`.

    The true difference lies in it at all looks together with probability 1 - `level`.
    """
    if not base.people or not other.people:
        return Interval(-1.0, 0.0, 1.0)
    middle = other.share - base.share
    half = half_width(_error(base, other), level, effect)
    return Interval(max(middle - half, -1.0), middle, min(middle + half, 1.0))


def half_width(error: float, level: float, effect: float) -> float:
    """Half of the interval, where the difference has that standard error: the boundary of the normal mixture."""
    ratio = _spread(level, effect) / error**2
    return error * math.sqrt((1 + 1 / ratio) * (math.log1p(ratio) - 2 * math.log(level)))


def power(share: float, people: float, of_base: float, of_other: float, level: float, effect: float) -> float:
    """How likely a difference of `effect` is to be outside the interval with so many people, at that single look."""
    error = _expected_error(share, people, of_base, of_other, effect)
    return _NORMAL.cdf((effect - half_width(error, level, effect)) / error)


def needed(share: float, of_base: float, of_other: float, level: float, effect: float) -> int:
    """People of the whole experiment by whom a difference of `effect` is seen with a probability of `POWER`.

    `share`: what the base's is; `of_base` and `of_other`: the shares of people that the two get.
    """

    def enough(people: int) -> bool:
        error = _expected_error(share, people, of_base, of_other, effect)
        return half_width(error, level, effect) + _Z * error <= effect

    high = 1
    while not enough(high) and high < MOST:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def mismatch(people: Sequence[int], shares: Sequence[float]) -> float:
    """How likely people would be spread so unevenly, or more so, if each got their variant by these shares (chi²).

    1.0 while too few are expected of one of them: of such, chi² says more than it knows.
    """
    total, whole = sum(people), sum(shares)
    expected = [total * share / whole for share in shares]
    if min(expected) < FEWEST_EXPECTED:
        return 1.0
    chi2 = sum((seen - wanted) ** 2 / wanted for seen, wanted in zip(people, expected, strict=True))
    return _chi2_tail(chi2, len(shares) - 1)


def _spread(level: float, effect: float) -> float:
    """Variance of the normal that differences are mixed by: the best where the interval reaches `effect` each way."""
    ratio = _best_ratio(level)
    return ratio * effect**2 / ((1 + 1 / ratio) * (math.log1p(ratio) - 2 * math.log(level)))


def _best_ratio(level: float) -> float:
    return -2 * math.log(level) + math.log1p(-2 * math.log(level))


def _error(base: Part, other: Part) -> float:
    return math.sqrt(variance(base) + variance(other))


def variance(part: Part) -> float:
    """Of a share; one more hit and one more miss keep it above nothing."""
    share = (part.hits + 1) / (part.people + 2)
    return share * (1 - share) / part.people


def _expected_error(share: float, people: float, of_base: float, of_other: float, effect: float) -> float:
    lifted = share + effect if share + effect < 1 else share - effect
    parts = ((share, of_base), (lifted, of_other))
    return math.sqrt(sum(max(p * (1 - p), 1e-6) / (people * of) for p, of in parts))


def _chi2_tail(chi2: float, freedom: int) -> float:
    """P(X >= chi2), by the recurrence of the incomplete gamma function."""
    half = chi2 / 2
    tail, at = (math.exp(-half), 1.0) if freedom % 2 == 0 else (math.erfc(math.sqrt(half)), 0.5)
    while at < freedom / 2 - 0.25:
        tail += math.exp(at * math.log(half) - half - math.lgamma(at + 1)) if half else 0.0
        at += 1
    return min(tail, 1.0)
