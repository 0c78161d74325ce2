"""Figures as a page shows them: a KPI's number, its target, and what has changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from community.insight import numbers
from community.insight.numbers import number_text
from community.insight.values import Value
from community.kpis import KPIS, Better
from community.playbook_types import Goal


@dataclass(frozen=True, slots=True)
class Change:
    """From one window to the next: in words, and whether that is good (None: neither)."""

    text: str
    good: bool | None


def figure(value: Value, words: Mapping[str, str]) -> str:
    """The number of a KPI's value."""
    return number_of(value.kpi, value.number, value.currency, words)


def number_of(kpi: str, number: float | None, currency: str, words: Mapping[str, str]) -> str:
    """A number that could be that KPI's."""
    return number_text(KPIS[kpi].unit, number, currency, words)


def target(kpi: str, goal: Goal, words: Mapping[str, str]) -> str:
    """A target, and which side of it is good."""
    return f"{'≤' if KPIS[kpi].better is Better.less else '≥'} {goal_text(goal, words)}"


def goal_text(goal: Goal, words: Mapping[str, str]) -> str:
    """A target."""
    return number_text(goal.kind, goal.number, goal.currency, words)


def meets(goal: Goal, value: Value) -> bool | None:
    """Whether the value reaches its target; None: there is nothing to compare."""
    if value.number is None or goal.currency != value.currency:
        return None
    return KPIS[value.kpi].better.meets(value.number, goal.number)


def change(now: Value, before: Value, words: Mapping[str, str]) -> Change | None:
    """What changed since the window before; None: it cannot be said."""
    kpi = KPIS[now.kpi]
    changed = numbers.change(kpi.unit, now.number, before.number)
    if changed is None:
        return None
    text = numbers.change_text(kpi.unit, changed, words)
    undecided = not any(digit in text for digit in "123456789") or kpi.better is Better.neither
    return Change(text, None if undecided else (changed > 0) == (kpi.better is Better.more))
