"""A KPI as a tile: its number in the newest window, the one before, a small line, its target."""

from dataclasses import dataclass
from datetime import date

from community.gateway.dashboard import charts, shown
from community.gateway.dashboard.look import Look, Series
from community.insight.values import Value
from community.insight.windows import Span, Window
from community.kpis import KPIS, Better, Derived, Kpi, Measure


@dataclass(frozen=True, slots=True)
class Line:
    """One number of a tile: of money, one for each currency."""

    number: str
    before: str
    change: shown.Change | None
    spark: charts.Chart | None
    small: bool
    target: str
    meets: bool | None


@dataclass(frozen=True, slots=True)
class Tile:
    """A KPI with its numbers; without lines, there are none yet."""

    name: str
    label: str
    about: str
    address: str
    lines: list[Line]
    monthly: bool = False

    @property
    def notable(self) -> bool:
        """Whether something changed by more than chance, or misses its target."""
        return any((line.change and line.change.notable) or line.meets is False for line in self.lines)


def tile(look: Look, kpi: Kpi, series: Series, windows: list[Window]) -> Tile:
    """The tile of a KPI that is counted."""
    of_kpi = series.get(kpi.name, {})
    latest = windows[-1].since
    # Of many currencies those that most is in now.
    by_size = sorted(of_kpi, key=lambda currency: -abs(_at(of_kpi, currency, latest, kpi).number or 0))
    lines = [_line(look, kpi, of_kpi, currency, windows) for currency in by_size[:3]]
    about = look.words.get(f"about_{kpi.name}", "")
    return Tile(kpi.name, look.kpi(kpi.name), about, look.kpi_address(kpi.name), lines)


def derived_tile(look: Look, kpi: Derived, series: Series, windows: list[Window]) -> Tile:
    """The tile of a KPI that is one number divided by another, by months."""
    money = KPIS[kpi.above].measure is Measure.money_each and KPIS[kpi.below].measure is not Measure.money_each
    above, below = series.get(kpi.above, {}), series.get(kpi.below, {})
    lines = []
    for currency in sorted(above):
        divisors = below.get(currency) or below.get("") or {}
        numbers = [_ratio(above[currency].get(each.since), divisors.get(each.since)) for each in windows]
        if all(number is None for number in numbers):
            continue
        measure = Measure.money if money else Measure.number
        texts = [
            f"{number:,.1f}" if number is not None and not money
            else shown.number_text(measure, number, currency, look.words)
            for number in numbers
        ]  # fmt: skip
        small = any(v is not None and v.small for v in (above[currency].get(windows[-1].since),))
        lines.append(Line(texts[-1], texts[-2], None, charts.spark(numbers), small, "", None))
    address = look.kpi_address(kpi.above, span="month")
    return Tile(kpi.name, look.kpi(kpi.name), look.words.get(f"about_{kpi.name}", ""), address, lines[:3], monthly=True)


def months(windows: list[Window]) -> list[Window]:
    """The last whole months before the end of the windows: what money per member is divided by needs a month."""
    last = windows[-1]
    newest = Window(Span.month, last.until.replace(day=1), last.until, last.zone).before()
    found = [newest]
    while len(found) < len(windows) and len(found) < 24:
        found.append(found[-1].before())
    return found[::-1]


def _line(look: Look, kpi: Kpi, of_kpi: dict[str, dict[date, Value]], currency: str, windows: list[Window]) -> Line:
    values = [_at(of_kpi, currency, each.since, kpi) for each in windows]
    now, before = values[-1], values[-2]
    goal = look.bundle.playbook.insight.targets.get(kpi.name)
    aimed = goal is not None and look.asked.span is Span.week and goal.currency in ("", currency)
    return Line(
        number=shown.figure(now, look.words),
        before=shown.figure(before, look.words),
        change=None if look.asked.going_on and _adds_up(kpi) else shown.change(now, before, look.words),
        spark=charts.spark([value.number for value in values]),
        small=now.small and now.number is not None,
        target=f"{'≤' if kpi.better is Better.less else '≥'} {shown.goal_text(goal, look.words)}"
        if aimed and goal
        else "",
        meets=shown.meets(goal, now) if aimed and goal and not look.asked.going_on and not now.small else None,
    )


def _adds_up(kpi: Kpi) -> bool:
    """Whether a window that is not over yet has less of it than one that is."""
    return kpi.measure in (Measure.number, Measure.total, Measure.money)


def _at(of_kpi: dict[str, dict[date, Value]], currency: str, since: date, kpi: Kpi) -> Value:
    return of_kpi[currency].get(since) or Value(kpi.name, since, currency=currency)


def _ratio(above: Value | None, below: Value | None) -> float | None:
    if above is None or below is None or above.number is None or not below.number:
        return None
    return above.number / below.number
