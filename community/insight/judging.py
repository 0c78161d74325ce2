"""What the numbers of an experiment say: a winner, nothing that matters, harm, or that it is too early to tell."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Self

from community.insight.statistics import Interval, Part, difference, mismatch, needed, power

PAID = "paid"
"""What a page is judged by: visitors who paid for what they ordered there."""
FEWEST = 100
"""People of each variant before whom nothing is said: intervals of fewer are not what they claim."""
FEWEST_HITS = 20
"""Of all together: so many did what is counted, and so many did not."""
UNBALANCED = 0.001
"""A spread of people that is less likely than this is no chance: something is wrong with the comparison itself."""


class Verdict(StrEnum):
    """What an experiment's numbers say."""

    waiting = "waiting"
    better = "better"
    same = "same"
    """No difference as large as what is looked for."""
    harmful = "harmful"
    """A variant makes more people block or leave than the margin allows."""
    unbalanced = "unbalanced"
    """The variants did not get the shares of people that they were to get."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What is compared, by what: as it was when the experiment began. Shares are of 1; levels and effects too."""

    metric: str
    within: timedelta
    effect: float
    level: float
    margin: float
    variants: tuple[Mapping[str, Any], ...]
    """`name`, `share`, and how it comes: `template`, `at`, `offer`. The first is what the others are held to."""

    @property
    def names(self) -> list[str]:
        """Of its variants, in order."""
        return [each["name"] for each in self.variants]

    @property
    def guarded(self) -> bool:
        """Whether it is held against how many block or leave: a page drives nobody out of a group."""
        return self.metric != PAID

    @property
    def level_each(self) -> float:
        """Of one comparison with the first: the level is divided by their number (Bonferroni)."""
        return self.level / (len(self.variants) - 1)

    def to_json(self) -> dict[str, Any]:
        """For storage."""
        return {**asdict(self), "within": self.within.total_seconds(), "variants": [*map(dict, self.variants)]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """As it was stored."""
        within = timedelta(seconds=stored["within"])
        return cls(**{**stored, "within": within, "variants": tuple(stored["variants"])})


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of a variant. `people` and what of them are counted only once their time is over."""

    variant: str
    reached: int = 0
    """Members who had a message of it, their time over or not; of a page, whoever saw it."""
    people: int = 0
    hits: int = 0
    block_people: int = 0
    blocks: int = 0
    leave_people: int = 0
    leaves: int = 0
    lately: int = 0
    """Of `people`, those of the last two weeks."""

    @property
    def part(self) -> Part:
        """By what it is judged."""
        return Part(self.people, self.hits)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A variant less the first one. `blocks`, `leaves`: None when they are not told."""

    variant: str
    difference: Interval
    blocks: Interval | None = None
    leaves: Interval | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A look at an experiment. Without `comparisons` nothing may be concluded."""

    verdict: Verdict
    counted: tuple[Counted, ...]
    mismatch: float
    """How likely people would be spread so unevenly by chance."""
    comparisons: tuple[Comparison, ...] = ()
    winner: str | None = None
    against: str | None = None
    """Which other variant `low` and `high` compare with the winner; of harm, the variant that does it."""
    low: float | None = None
    high: float | None = None
    power: float = 0.0
    """How likely a difference of the size looked for would be seen with these people, at one look."""
    needed: int = 0
    """People in all by whom it is seen four times of five."""
    days: int | None = None
    """Until then at the pace of the last two weeks; None: no pace, or they are there already."""
    doubts: tuple[str, ...] = field(default=())
    """Why a better variant is not proposed yet: `blocks` or `leaves` may still be worse than the margin."""

    def to_json(self) -> dict[str, Any]:
        """For storage."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """As it was stored."""
        return cls(
            **{
                **stored,
                "verdict": Verdict(stored["verdict"]),
                "counted": tuple(Counted(**each) for each in stored["counted"]),
                "comparisons": tuple(_comparison(each) for each in stored["comparisons"]),
                "doubts": tuple(stored["doubts"]),
            }
        )


def judge(definition: Definition, counted: Sequence[Counted], lately_days: float) -> Result:
    """Judge what was counted; the people of `lately` came in so many days."""
    found = tuple(counted)
    spread = mismatch([each.people for each in found], [each["share"] for each in definition.variants])
    if spread < UNBALANCED:
        return Result(Verdict.unbalanced, found, spread)
    compared = tuple(_compare(definition, found[0], each) for each in found[1:])
    sample = _sample(definition, found, lately_days)
    if harm := _harm(definition, compared):
        return Result(Verdict.harmful, found, spread, compared, **harm, **sample)
    if _too_few(found):
        return Result(Verdict.waiting, found, spread, **sample)
    return Result(counted=found, mismatch=spread, comparisons=compared, **_concluded(definition, compared), **sample)


def _compare(definition: Definition, base: Counted, other: Counted) -> Comparison:
    """Each at its share of the level. Of blocks and leaves, by an interval tuned to the margin."""
    level = definition.level_each

    def guard(first: Part, second: Part) -> Interval | None:
        enough = min(first.people, second.people) >= FEWEST
        return difference(first, second, level, definition.margin) if enough else None

    return Comparison(
        other.variant,
        difference(base.part, other.part, level, definition.effect),
        guard(Part(base.block_people, base.blocks), Part(other.block_people, other.blocks)),
        guard(Part(base.leave_people, base.leaves), Part(other.leave_people, other.leaves)),
    )


def _harm(definition: Definition, compared: Sequence[Comparison]) -> dict[str, Any]:
    """The variant that surely makes more people go than the first, and as it looks by more than the margin."""
    for each in compared:
        for guard in (each.blocks, each.leaves):
            if guard and guard.low > 0 and guard.middle > definition.margin:
                return {"against": each.variant, "low": guard.low, "high": guard.high}
    return {}


def _too_few(found: Sequence[Counted]) -> bool:
    people, hits = sum(each.people for each in found), sum(each.hits for each in found)
    return min(each.people for each in found) < FEWEST or min(hits, people - hits) < FEWEST_HITS


def _concluded(definition: Definition, compared: Sequence[Comparison]) -> dict[str, Any]:
    first = definition.names[0]
    best = max(compared, key=lambda each: each.difference.middle)
    low, _, high = best.difference
    if low > 0:
        doubts = _doubts(definition, best)
        verdict = Verdict.waiting if doubts else Verdict.better
        return {
            "verdict": verdict,
            "winner": best.variant,
            "against": first,
            "low": low,
            "high": high,
            "doubts": doubts,
        }
    if high < 0 and all(each.difference.high < 0 for each in compared):
        return {"verdict": Verdict.better, "winner": first, "against": best.variant, "low": -high, "high": -low}
    near = all(
        -definition.effect < each.difference.low and each.difference.high < definition.effect for each in compared
    )
    return {"verdict": Verdict.same if near else Verdict.waiting}


def _doubts(definition: Definition, best: Comparison) -> tuple[str, ...]:
    if not definition.guarded:
        return ()
    guards = {"blocks": best.blocks, "leaves": best.leaves}
    return tuple(name for name, guard in guards.items() if guard is None or guard.high >= definition.margin)


def _sample(definition: Definition, found: Sequence[Counted], lately_days: float) -> dict[str, Any]:
    """How far it is: by the first variant's share, and the smallest of the others."""
    of_base, *others = (each["share"] for each in definition.variants)
    share = (found[0].hits + 1) / (found[0].people + 2)
    shape = (of_base, min(others), definition.level_each, definition.effect)
    people = sum(each.people for each in found)
    wanted = needed(share, *shape)
    pace = sum(each.lately for each in found) / max(lately_days, 1)
    left = wanted - people
    return {
        "power": power(share, people, *shape) if people else 0.0,
        "needed": wanted,
        "days": math.ceil(left / pace) if left > 0 and pace else None,
    }


def _comparison(stored: Mapping[str, Any]) -> Comparison:
    intervals = {name: stored[name] and Interval(*stored[name]) for name in ("difference", "blocks", "leaves")}
    return Comparison(stored["variant"], **intervals)
