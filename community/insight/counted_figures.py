"""From what is counted to the figures of a report: with the window before, the target, how likely by chance."""

from dataclasses import dataclass, field
from datetime import date

from community.database.pool import Connection
from community.database.queries import load
from community.insight.chance import p_of_change
from community.insight.definitions import defined
from community.insight.figures import Figure, Unit
from community.insight.values import Value, quotient
from community.insight.windows import Span, Window, trend
from community.kpis import DERIVED, KPIS
from community.playbook_types import Goal

queries = load(__file__, "report.sql")

Series = dict[date, Value]


@dataclass
class Counted:
    """What is counted of the last windows, of everything and by part."""

    asked: Window
    targets: dict[str, Goal]
    series: dict[tuple[str, str, str], Series] = field(default_factory=dict)
    """By KPI, part and currency."""
    known: set[date] = field(default_factory=set)
    """Windows that were counted at all."""

    @property
    def windows(self) -> list[date]:
        """First days of the trend's windows, the oldest first."""
        return [each.since for each in trend(self.asked)]

    @property
    def before(self) -> date:
        """The first day of what the window is held against."""
        return held_against(self.asked).since

    def figures(self, name: str, *, parts: bool = False) -> list[Figure]:
        """Those of a KPI: one, or of money one for each currency; with `parts`, of each part instead."""
        if name in DERIVED:
            return [] if parts else self._derived(name)
        of = [(part, currency) for kpi, part, currency in self.series if kpi == name and bool(part) is parts]
        if not of and not parts:
            of = [("", "")]
        return [self._figure(name, part, currency) for part, currency in sorted(of)]

    def value(self, name: str, since: date, part: str = "", currency: str = "") -> Value | None:
        """What was counted then; None: nothing was counted then, or there is none of that money."""
        found = self.series.get((name, part, currency), {}).get(since)
        if found is None and since in self.known and (KPIS[name].unit != "money" or currency):
            return Value(name, since, currency=currency, part=part)
        return found

    def _figure(self, name: str, part: str, currency: str) -> Figure:
        now = self.value(name, self.asked.since, part, currency)
        before = self.value(name, self.before, part, currency)
        numbers = [self._number(name, each, part, currency) for each in self.windows]
        target = None if part else self._target(name, currency)
        number = now.number if now else None
        kpi = KPIS[name]
        return Figure(
            name=name,
            unit=unit_of(name),
            number=number,
            before=before.number if before else None,
            hits=now.hits if now else 0,
            base=now.base if now else 0,
            currency=currency,
            part=part,
            high=now.high_s if now else None,
            target=target,
            met=None if target is None or number is None else kpi.better.meets(number, target),
            better=kpi.better,
            small=bool(now and now.small),
            rows=name in defined(),
            chance=p_of_change(now, before, self.asked.longer) if now and before else None,
            trend=numbers,
        )

    def _number(self, name: str, since: date, part: str, currency: str) -> float | None:
        value = self.value(name, since, part, currency)
        return value.number if value else None

    def _target(self, name: str, currency: str) -> float | None:
        goal = self.targets.get(name) if self.asked.span is Span.week else None
        return goal.number if goal and goal.currency == currency else None

    def _derived(self, name: str) -> list[Figure]:
        """One number divided by another, in each currency that has both."""
        kpi = DERIVED[name]
        unit: Unit = "ratio" if "money" in unit_of(kpi.below) else "money"
        found = []
        for currency in sorted({currency for above, part, currency in self.series if above == kpi.above and not part}):
            both = [self._both(name, since, currency) for since in self.windows]
            numbers = [quotient(above, below) for above, below in both]
            small = numbers[-1] is not None and any(value and value.small for value in both[-1])
            before = numbers[self.windows.index(self.before)]
            found.append(Figure(name, unit, numbers[-1], before, currency=currency, better=kpi.better,
                                small=small, trend=numbers))  # fmt: skip
        return found

    def _both(self, name: str, since: date, currency: str) -> tuple[Value | None, Value | None]:
        kpi = DERIVED[name]
        below = currency if unit_of(kpi.below) == "money" else ""
        return self.value(kpi.above, since, "", currency), self.value(kpi.below, since, "", below)


def held_against(asked: Window) -> Window:
    """What a window is held against: the one before; a day against the same weekday, as weeks have their rhythm."""
    return asked.before(7 if asked.span is Span.day else 1)


async def counted(conn: Connection, asked: Window, targets: dict[str, Goal]) -> Counted:
    """All that is counted of the window and those before it."""
    found = Counted(asked, targets)
    values = {"kpis": list(KPIS), "span": asked.span, "since": found.windows[0], "until": asked.until}
    for row in await (await conn.execute(queries.trends, values)).fetchall():
        value = Value(**row)
        found.series.setdefault((value.kpi, value.part, value.currency), {})[value.since] = value
        found.known.add(value.since)
    return found


async def is_counted(conn: Connection, asked: Window) -> bool:
    """Whether anything is counted of the window."""
    values = {"kpis": list(KPIS), "span": asked.span, "since": asked.since}
    row = await (await conn.execute(queries.counted, values)).fetchone()
    return bool(row and row["counted"])


def unit_of(name: str) -> Unit:
    """How its number is shown."""
    unit: Unit = KPIS[name].unit  # type: ignore[assignment]
    return unit
