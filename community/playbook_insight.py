"""What the playbook says of figures: which money recurs, what they should reach, what is watched."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from community.kpis import KPIS, Kpi
from community.playbook_types import Entry, Goal, Key, Percent, Target


def _known(name: str) -> Kpi:
    if name not in KPIS:
        raise ValueError(f"{name}: no such KPI; known: {', '.join(sorted(KPIS))}")
    return KPIS[name]


def _of_its_kind(kpi: Kpi, goal: Goal) -> None:
    if goal.kind != kpi.unit:
        raise ValueError(f"{kpi.name}: its target is a {kpi.unit}, as in docs/kpis.md")


def _of_their_kind(targets: dict[str, Goal]) -> dict[str, Goal]:
    for name, goal in targets.items():
        _of_its_kind(_known(name), goal)
    return targets


Targets = Annotated[dict[Key, Target], AfterValidator(_of_their_kind)]
"""KPI → what it should reach in a week, or stay below."""


def _goals(**shares: float) -> dict[str, Goal]:
    return {kpi: Goal(kind="share", number=share) for kpi, share in shares.items()}


class Life(Entry):
    """What a group is looked at for in each stage of its life, and what it should reach there (SOP 2.22)."""

    start: Targets = _goals(entry_rate=0.6, told_interest=0.3, first_week=0.5)
    """Its first 7 days."""
    growth: Targets = _goals(speaking_rate=0.2, active_rate=0.4, engaged_24h=0.15)
    """Until it is 30 days old."""
    conversion: Targets = _goals(free_to_paid=0.1, coupon_use=0.2)
    """Until it is 90 days old."""
    maturity: Targets = _goals(active_rate=0.25, renewal=0.6, churn=0.08)
    """Older."""
    spread: Targets = _goals(invite_conversion=0.3, koc_share=0.02)
    """Beside the others, from 30 days on."""


def _parse_rise(text: object) -> object:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?%?", str(text).strip())
    if not match or isinstance(text, bool):
        raise ValueError(f"{text!r} is no rise; write it as 50% or 200%")
    return float(match[1])


Rise = Annotated[float, BeforeValidator(_parse_rise), PlainSerializer(lambda percent: f"{percent:g}%")]
"""By how many percent something grows, written `200%`."""


class Watch(Entry):
    """A figure that is watched (SOP 1.39, 2.12): from where on it is trouble, and what then helps."""

    kpi: Key
    over: Literal["day", "week", "month"] = "week"
    """The last whole one is looked at."""
    below: Target | None = None
    above: Target | None = None
    falls: Percent | None = None
    """By so much, held against the median of its last four windows; of days, of the same weekday."""
    rises: Rise | None = Field(None, gt=0, le=10_000)
    """The same; may be more than 100 %."""
    least: int = Field(30, ge=1)
    """Of fewer it says nothing: what a share or a median is of, or the number itself."""
    each: Literal["all", "group", "part"] = "all"
    """Of everything, or of each group, or each part (a stage's step, a live session, a plan)."""
    remedy: Key
    """Which of the remedies in `templates/reports/words.yaml` (`remedy_<key>`) is told."""

    @property
    def threshold(self) -> Goal | None:
        """The one it is held against, if it is not its own past."""
        return self.below or self.above

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if sum(limit is not None for limit in (self.below, self.above, self.falls, self.rises)) != 1:
            raise ValueError("a watch needs exactly one of below, above, falls, rises")
        kpi = _known(self.kpi)
        if self.threshold:
            _of_its_kind(kpi, self.threshold)
        if self.each == "part" and not kpi.parts:
            raise ValueError(f"{self.kpi} has no parts; leave each: all, or take group")
        return self


class Insight(Entry):
    """What the figures are held against (SOP 1.12, 1.21, 2.12)."""

    recurring: tuple[Key, ...] = ("membership",)
    """Lines of plans whose money comes again and again (MRR); others are bought once."""
    targets: Targets = Field(default_factory=dict)
    life: Life = Life()
    falls: Percent = 25.0
    """A group's week that is worse than its own four weeks before by so much is told."""
    watch: dict[Key, Watch] = Field(default_factory=dict)
    """What is looked at every day, and told to staff when it is trouble."""
    task_minutes: int = Field(10, ge=0, le=480)
    """Minutes that a task done by hand takes, for the load of operators in the weekly report."""
