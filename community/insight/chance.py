"""Whether two numbers differ by more than chance explains.

Of a share each is a draw (two proportions); of a number how many come is Poisson; of money, means and medians, the
logarithm of their ratio scatters as amounts do that vary as much as their mean. How it is meant: docs/reports.md.
"""

from collections.abc import Sequence
from math import comb, erfc, log, sqrt

from community.insight.values import Value
from community.kpis import KPIS

LEVEL = 0.05
"""Of all that is called a change, the share that chance may have made."""
LEAST = 0.1
"""A change of less than a tenth of what it was is none to speak of, however sure it is."""
EXACT = 200
"""Up to so many in both, counts are compared exactly."""
Z = 1.96
"""Standard deviations of an interval that holds 95 times of 100."""
SCATTER = {"money": 2.0, "money_each": 1.0, "seconds": 2.08}
"""By measure: the variance of the logarithm of one amount. A sum of n has that of n too; a median that of 1/ln²2."""


def p_of_change(now: Value, before: Value, longer: float = 1.0) -> float | None:
    """How likely chance alone makes such a difference; None: it cannot be said.

    `longer`: of how many windows `before` the later one has the length (months differ).
    """
    if now.number is None or before.number is None:
        return None
    match KPIS[now.kpi].measure.value:
        case "share":
            return p_of_shares(now.hits, now.base, before.hits, before.base)
        case "number":
            return p_of_counts(now.hits, before.hits, longer)
        case "money" | "money_each" | "seconds" as measure:
            of = (now.base, before.base) if measure == "seconds" else (now.hits, before.hits)
            usual = before.number * longer if measure == "money" else before.number
            return p_of_ratio(now.number, usual, *of, measure)
        case _:
            return None


def p_of_shares(hits: int, base: int, hits_before: int, base_before: int) -> float | None:
    """By the pooled two-proportion test."""
    if not base or not base_before:
        return None
    pooled = (hits + hits_before) / (base + base_before)
    spread = sqrt(pooled * (1 - pooled) * (1 / base + 1 / base_before))
    return _two_sided((hits / base - hits_before / base_before) / spread) if spread else 1.0


def p_of_counts(number: int, before: int, longer: float = 1.0) -> float:
    """Of two Poisson counts: given their sum, one of them is binomial. Exact while they are few."""
    total, share = number + before, longer / (1 + longer)
    if not total:
        return 1.0
    if total > EXACT:
        return _two_sided((number - total * share) / sqrt(total * share * (1 - share)))
    chances = [comb(total, n) * share**n * (1 - share) ** (total - n) for n in range(total + 1)]
    return min(1.0, sum(each for each in chances if each <= chances[number] * (1 + 1e-9)))


def p_of_ratio(number: float, before: float, of: int, of_before: int, measure: str) -> float | None:
    """Of two sums, means or medians of so many amounts."""
    if min(number, before) <= 0 or not of or not of_before:
        return None
    return _two_sided(log(number / before) / sqrt(SCATTER[measure] * (1 / of + 1 / of_before)))


def beyond_chance(chances: Sequence[float | None], level: float = LEVEL) -> list[bool]:
    """Which are changes, when so many are looked at at once (Benjamini and Hochberg)."""
    known = sorted(p for p in chances if p is not None)
    passed = [p for place, p in enumerate(known, 1) if p <= level * place / len(known)]
    most = passed[-1] if passed else -1.0
    return [p is not None and p <= most for p in chances]


def interval(hits: int, base: int) -> tuple[float, float]:
    """Between which a share lies 95 times of 100 (Wilson)."""
    if not base:
        return 0.0, 1.0
    share, spread = hits / base, Z * Z / base
    middle = share + spread / 2
    reach = Z * sqrt(share * (1 - share) / base + spread / (4 * base))
    return max(0.0, (middle - reach) / (1 + spread)), min(1.0, (middle + reach) / (1 + spread))


def _two_sided(z: float) -> float:
    return erfc(abs(z) / sqrt(2))
