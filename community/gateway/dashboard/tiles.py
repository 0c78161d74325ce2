"""A KPI as a tile: its number in the newest window, the one before, a small line, its target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from community.gateway.dashboard import charts, shown
from community.gateway.dashboard.look import Look, Series
from community.insight.chance import CROWDED, LEAST, beyond_chance, is_apart, p_of_change, size
from community.insight.numbers import NOTHING, number_text
from community.insight.values import Value, quotient
from community.insight.windows import Span, Window, window
from community.kpis import KPIS, Derived, Kpi, Measure


@dataclass(frozen=True, slots=True)
class Line:
    """One number of a tile: of money, one for each currency."""

    number: str
    before: str
    spark: charts.Chart | None
    small: bool
    change: shown.Change | None = None
    target: str = ""
    meets: bool | None = None
    missed: bool = False
    """It does not meet its target, for certain."""
    chance: float | None = None
    """How likely chance alone makes the change; None: it cannot be said."""
    size: float = 0.0
    """How large the change is, against what it was."""
    notable: bool = False
    """By more than chance explains of all that are looked at together (`judged`)."""


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
        return any(line.notable or line.missed for line in self.lines)


def judged(families: Mapping[str, Sequence[Tile]]) -> dict[str, list[Tile]]:
    """The tiles with what changed by more than chance explains, by the rule of reports (docs/reports.md)."""
    lines = [line for tiles in families.values() for tile in tiles for line in tile.lines]
    sure = iter(beyond_chance([line.chance for line in lines]))

    def looked_at(line: Line) -> Line:
        return replace(line, notable=next(sure) and line.size >= LEAST)

    return {
        family: [replace(tile, lines=[looked_at(line) for line in tile.lines]) for tile in tiles]
        for family, tiles in families.items()
    }


def tile(look: Look, kpi: Kpi, series: Series, windows: list[Window], begun: date) -> Tile:
    """The tile of a KPI that is counted, since `begun`."""
    of_kpi = series.get(kpi.name, {})
    latest = windows[-1].since
    # Of many currencies those that most is in now.
    by_size = sorted(of_kpi, key=lambda currency: -abs(_at(of_kpi, currency, latest, kpi).number or 0))
    lines = [_line(look, kpi, of_kpi, currency, windows, begun) for currency in by_size[:3]]
    about = look.words.get(f"about_{kpi.name}", "")
    return Tile(kpi.name, look.kpi(kpi.name), about, look.kpi_address(kpi.name), lines)


def derived_tile(look: Look, kpi: Derived, series: Series, windows: list[Window]) -> Tile:
    """The tile of a KPI that is one number divided by another, by months."""
    unit = "ratio" if KPIS[kpi.below].unit == "money" else "money"
    above, below = series.get(kpi.above, {}), series.get(kpi.below, {})
    lines = []
    for currency in sorted(above):
        divisors = below.get(currency) or below.get("") or {}
        both = [(above[currency].get(each.since), divisors.get(each.since)) for each in windows]
        numbers = [quotient(*pair) for pair in both]
        if all(number is None for number in numbers):
            continue
        texts = [number_text(unit, number, currency, look.words) for number in numbers]
        small = numbers[-1] is not None and any(value and value.small for value in both[-1])
        lines.append(Line(texts[-1], texts[-2], charts.spark(numbers), small))
    address = look.kpi_address(kpi.above, span="month")
    return Tile(kpi.name, look.kpi(kpi.name), look.words.get(f"about_{kpi.name}", ""), address, lines[:3], monthly=True)


def months(windows: list[Window], today: date) -> list[Window]:
    """The last months that are over as the windows end, and today: money per member is divided by whole ones."""
    last = windows[-1]
    newest = window(Span.month, min(last.until, today), last.zone).before()
    found = [newest]
    while len(found) < len(windows) and len(found) < 24:
        found.append(found[-1].before())
    return found[::-1]


def _line(
    look: Look, kpi: Kpi, of_kpi: dict[str, dict[date, Value]], currency: str, windows: list[Window], begun: date
) -> Line:
    values = [_at(of_kpi, currency, each.since, kpi) for each in windows]
    now, before = values[-1], values[-2]
    goal = look.bundle.playbook.insight.targets.get(kpi.name)
    aimed = goal is not None and look.asked.span is Span.week and goal.currency in ("", currency)
    known = windows[-2].since >= begun
    compared = known and not (look.asked.going_on and _adds_up(kpi))
    meets = shown.meets(goal, now) if aimed and goal and not look.asked.going_on and not now.small else None
    certain = goal is None or goal.kind != "share" or is_apart(goal.number, now.hits, now.base)
    return Line(
        number=shown.figure(now, look.words),
        before=shown.figure(before, look.words) if known else NOTHING,
        spark=charts.spark([value.number if value.since >= begun else None for value in values]),
        small=now.small,
        change=shown.change(now, before, look.words) if compared else None,
        target=shown.target(kpi.name, goal, look.words) if aimed and goal else "",
        meets=meets,
        missed=meets is False and certain,
        chance=p_of_change(now, before, windows[-1].longer) if compared and kpi.name not in CROWDED else None,
        size=size(now.number, before.number) if known else 0.0,
    )


def _adds_up(kpi: Kpi) -> bool:
    """Whether a window that is not over yet has less of it than one that is."""
    return kpi.measure in (Measure.number, Measure.total, Measure.money)


def _at(of_kpi: dict[str, dict[date, Value]], currency: str, since: date, kpi: Kpi) -> Value:
    return of_kpi[currency].get(since) or Value(kpi.name, since, currency=currency)
