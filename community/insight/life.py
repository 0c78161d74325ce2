"""How each group does: its stage of life with what is asked of it there (SOP 2.22), and its health (SOP 3.12)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from statistics import fmean

from community.database.pool import Connection
from community.database.queries import load
from community.insight.definitions import parameters
from community.insight.values import Value
from community.insight.windows import Window
from community.kpis import KPIS, Better
from community.playbook import Playbook
from community.playbook_types import Goal

queries = load(__file__, "life.sql")

HEALTH = ("speakers", "speaking_rate", "active", "active_rate", "messages", "joins", "leaves")
"""KPIs that a group's week is compared by."""
WEEKS = 4
"""Its own weeks before, with which it is compared."""


class Stage(StrEnum):
    """Stages of a group's life; `spread` goes on beside the others."""

    start = "start"
    growth = "growth"
    conversion = "conversion"
    maturity = "maturity"
    spread = "spread"


ENDS = {Stage.start: 7, Stage.growth: 30, Stage.conversion: 90}
"""The age in days at which a stage is over."""
SPREADS_FROM = 30


@dataclass(frozen=True, slots=True)
class Metric:
    """What is asked of a group in a stage. `value` None: not counted, or there is nothing it could be of."""

    kpi: str
    stage: Stage
    value: Value | None
    goal: Goal

    @property
    def met(self) -> bool | None:
        """Whether it reaches its goal; None: not known, or of too few to say."""
        if self.value is None or self.value.number is None or self.value.small:
            return None
        return KPIS[self.kpi].better.meets(self.value.number, self.goal.number)

    @property
    def advice(self) -> str | None:
        """Key of what to do, `<stage>.<kpi>`; None: nothing needs to be done."""
        return f"{self.stage}.{self.kpi}" if self.met is False else None


@dataclass(frozen=True, slots=True)
class Health:
    """A KPI of a group's week beside the mean of its own weeks before; `usual` None: it has none."""

    kpi: str
    value: Value
    usual: float | None
    worse: bool
    """By more than the playbook's `falls`; never of too few to say."""

    @property
    def change(self) -> float | None:
        """By which part of the usual it is more (0.1) or less (-0.1)."""
        number = self.value.number
        return number / self.usual - 1 if self.usual and number is not None else None


@dataclass(frozen=True, slots=True)
class GroupLife:
    """A group in a week."""

    group_id: int
    title: str
    age_days: int
    """At the end of the week."""
    stage: Stage
    metrics: tuple[Metric, ...]
    """Of its stage, then of spreading."""
    health: tuple[Health, ...]

    @property
    def advice(self) -> list[str]:
        """Keys of what to do."""
        return [metric.advice for metric in self.metrics if metric.advice]


def stage_of(age_days: int) -> Stage:
    """The stage of a group that is so many days old."""
    return next((stage for stage, end in ENDS.items() if age_days < end), Stage.maturity)


def goals_of(playbook: Playbook, stage: Stage) -> Mapping[str, Goal]:
    """What the playbook asks of a group in that stage: KPI → goal."""
    goals: Mapping[str, Goal] = getattr(playbook.insight.life, stage)
    return goals


async def lives(conn: Connection, playbook: Playbook, week: Window) -> list[GroupLife]:
    """Every group in that week, by what is counted."""
    values = parameters(playbook, week)
    asked = {kpi for stage in Stage for kpi in goals_of(playbook, stage)} | set(HEALTH)
    weeks = {"kpis": sorted(asked), "earliest": week.since - timedelta(weeks=WEEKS)}
    found: dict[tuple[int, str], list[Value]] = defaultdict(list)
    for row in await (await conn.execute(queries.weeks, {**values, **weeks})).fetchall():
        found[row["group_id"], row["kpi"]].append(Value(**row))
    groups = await (await conn.execute(queries.groups, values)).fetchall()
    return [_life(playbook, week.since, found, **row) for row in groups]


def _life(
    playbook: Playbook,
    since: date,
    found: Mapping[tuple[int, str], Sequence[Value]],
    id: int,
    title: str,
    age_days: int,
) -> GroupLife:
    stage = stage_of(age_days)
    stages = [stage, Stage.spread] if age_days >= SPREADS_FROM else [stage]
    metrics = [
        Metric(kpi, each, _in_week(found.get((id, kpi), ()), since, goal.currency), goal)
        for each in stages
        for kpi, goal in goals_of(playbook, each).items()
    ]
    health = [_health(kpi, found.get((id, kpi), ()), since, age_days, playbook.insight.falls) for kpi in HEALTH]
    return GroupLife(id, title, age_days, stage, tuple(metrics), tuple(health))


def _in_week(values: Sequence[Value], since: date, currency: str = "") -> Value | None:
    return next((value for value in values if value.since == since and value.currency == currency), None)


def _health(kpi: str, values: Sequence[Value], since: date, age_days: int, falls: float) -> Health:
    """A week before in which nothing was counted had nothing, if the group was there then."""
    now = _in_week(values, since) or Value(kpi, since)
    lived = min(WEEKS, max(0, (age_days - 7) // 7))
    counted = [_in_week(values, since - timedelta(weeks=n + 1)) or Value(kpi, since) for n in range(lived)]
    numbers = [value.number for value in counted if value.number is not None]
    usual = fmean(numbers) if numbers else None
    return Health(kpi, now, usual, _worse(now, usual, KPIS[kpi].better, falls / 100))


def _worse(value: Value, usual: float | None, better: Better, falls: float) -> bool:
    number = value.number
    if number is None or usual is None or value.small:
        return False
    return number > usual * (1 + falls) if better is Better.less else number < usual * (1 - falls)
