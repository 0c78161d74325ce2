"""Figures as a page shows them: with separators, units in the reader's language, and what has changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from community.insight.values import Value
from community.kpis import KPIS, Better, Measure
from community.playbook_types import Amount, Goal, minor_digits

NOTHING = "–"
CLEAR = 3.0
"""So many standard deviations apart, a number or a share has changed by more than chance would."""
LARGE = 0.3
"""By so much, money or a time has changed notably."""
TO_SEE = 0.1
"""What changed by less is not called notable, however many it is of."""


@dataclass(frozen=True, slots=True)
class Change:
    """From one window to the next: in words, whether that is good (None: neither), and whether it is notable."""

    text: str
    good: bool | None
    notable: bool


def figure(value: Value, words: Mapping[str, str]) -> str:
    """The number of a KPI's value."""
    return number_text(KPIS[value.kpi].measure, value.number, value.currency, words)


def number_text(measure: Measure, number: float | None, currency: str, words: Mapping[str, str]) -> str:
    """A number of that measure."""
    if number is None:
        return NOTHING
    match measure:
        case Measure.share:
            return percent(number)
        case Measure.money | Measure.money_each:
            return money(round(number), currency)
        case Measure.seconds:
            return duration(number, words)
        case Measure.number | Measure.total:
            return f"{number:,.0f}"


def number_of(kpi: str, number: float, currency: str, words: Mapping[str, str]) -> str:
    """A number that could be that KPI's."""
    return number_text(KPIS[kpi].measure, number, currency, words)


def is_less(kpi: str) -> bool:
    """Whether less is better."""
    return KPIS[kpi].better is Better.less


def percent(share: float) -> str:
    """`42%`, and of little `4.2%`."""
    return f"{100 * share:.1f}%" if abs(share) < 0.1 else f"{100 * share:.0f}%"


def money(minor: int, currency: str) -> str:
    """`12,345.60 CNY`."""
    digits = minor_digits(currency)
    text = f"{minor / 10**digits:,.{digits}f}" if abs(minor) < 2**50 else str(Amount(minor=minor, currency="")).strip()
    return f"{text} {currency}".strip()


def duration(seconds: float, words: Mapping[str, str]) -> str:
    """`45 s`, `12 min`, `3.5 h`, `2.1 d`."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size * (1 if unit == "minute" else 2 if unit == "day" else 1):
            count = seconds / size
            return f"{count:.0f} {words[unit]}" if unit == "minute" else f"{count:.1f} {words[unit]}"
    return f"{seconds:.0f} {words['second']}"


def goal_text(goal: Goal, words: Mapping[str, str]) -> str:
    """A target."""
    return number_text(Measure(goal.kind), goal.number, goal.currency, words)


def meets(goal: Goal, value: Value) -> bool | None:
    """Whether the value reaches its target; None: there is nothing to compare."""
    number = value.number
    if number is None or goal.currency != value.currency:
        return None
    return number <= goal.number if KPIS[value.kpi].better is Better.less else number >= goal.number


def change(now: Value, before: Value | None, words: Mapping[str, str]) -> Change | None:
    """What changed since the window before; None: it cannot be said."""
    if before is None or now.number is None or before.number is None:
        return None
    kpi, difference = KPIS[now.kpi], now.number - before.number
    if kpi.measure is Measure.share:
        text = f"{100 * difference:+.1f} {words['points']}"
    elif before.number:
        text = f"{100 * difference / abs(before.number):+.0f}%"
    else:
        return None
    undecided = not any(digit in text for digit in "123456789") or kpi.better is Better.neither
    good = None if undecided else (difference > 0) == (kpi.better is Better.more)
    return Change(text.replace("-", "−"), good, _notable(kpi.measure, now, before))


def _notable(measure: Measure, now: Value, before: Value) -> bool:
    assert now.number is not None
    assert before.number is not None
    difference, most = abs(now.number - before.number), max(abs(now.number), abs(before.number))
    if most == 0 or now.small or before.small or difference < TO_SEE * most:
        return False
    match measure:
        case Measure.number:
            return difference >= CLEAR * sqrt(now.hits + before.hits)
        case Measure.share:
            pooled = (now.hits + before.hits) / (now.base + before.base)
            spread = sqrt(max(pooled * (1 - pooled), 1e-9) * (1 / now.base + 1 / before.base))
            return difference >= CLEAR * spread
        case _:
            return difference >= LARGE * most
