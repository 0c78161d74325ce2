"""What a report is made of: figures, tables, findings. Plain data that JSON keeps whole, without words."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import TypeAdapter

from community.insight.diagnosis import Course, Finding
from community.insight.numbers import change
from community.insight.windows import Span, Window
from community.kpis import Better

Unit = Literal["number", "share", "points", "money", "seconds", "ratio", "text", "word", "part", "moment", "day"]
"""How a number or a cell is shown. `points`: a difference of shares; `word`: its key in the words; `part`: a plan, a
stage, as it is called."""
Cell = str | int | float | None
Kind = Literal["daily", "weekly", "monthly"]
SPANS: dict[Kind, Span] = {"weekly": Span.week, "monthly": Span.month, "daily": Span.day}
"""What each kind of report is about."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, and what it is held against."""

    name: str
    """A KPI, or what the words call `kpi_<name>`."""
    unit: Unit
    number: float | None
    before: float | None = None
    hits: int = 0
    base: int = 0
    currency: str = ""
    part: str = ""
    high: float | None = None
    """Of seconds: what 95 of 100 stay below."""
    target: float | None = None
    met: bool | None = None
    better: Better = Better.neither
    small: bool = False
    rows: bool = False
    """A KPI of which `sop kpi` shows the rows."""
    chance: float | None = None
    """How likely chance alone makes the change; None: it cannot be said."""
    trend: list[float | None] = field(default_factory=list)
    """Its last windows, the newest at the end."""

    @property
    def change(self) -> float | None:
        """Since the window before: of shares the difference, else the part by which it grew."""
        return change(self.unit, self.number, self.before)

    @property
    def good(self) -> bool | None:
        """Whether it changed to the good; None: not at all, or there is no good way."""
        if not self.change or self.better is Better.neither:
            return None
        return (self.change > 0) is (self.better is Better.more)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. Its numbers lead to their rows: those of a KPI, or of a list of the dashboard."""

    name: str
    unit: Unit
    kpi: str = ""
    listed: str = ""
    """The list of the dashboard whose rows they are; `of`: which of its rows."""
    of: str = ""
    back: int = 0
    """So many windows before the report's."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of the same kind; the first column says of what."""

    name: str
    columns: list[Column]
    rows: list[list[Cell]]
    currencies: list[str] = field(default_factory=list)
    """Of each row that has money: its currency."""
    keys: list[str] = field(default_factory=list)
    """Of each row the part, stage, group or source that it is about; empty: none."""
    of: Literal["", "part", "stage", "group", "source"] = ""
    small: list[tuple[int, int]] = field(default_factory=list)
    """Row and column of numbers of very few."""
    more: int = 0
    """Rows that were left out."""


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs together."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Notable:
    """A figure worth a sentence: it changed beyond chance, or misses its target."""

    why: Literal["changed", "missed"]
    figure: Figure


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report says, in no language yet."""

    kind: Kind
    since: date
    until: date
    """The day after the last."""
    zone: str
    community: str
    locale: str
    """The community's."""
    made_at: datetime
    whole: bool
    """Its window was over when it was made."""
    notable: list[Notable]
    findings: list[Finding]
    sections: list[Section]
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    """What parts and groups are called, by locale; under "" in any."""
    courses: list[Course] = field(default_factory=list)
    """How each finding came about, in their order; of a day alone."""
    new: list[str] = field(default_factory=list)
    """Subjects of the findings that the look before did not find; of a day alone."""
    over: list[Finding] = field(default_factory=list)
    """What the look before found, and is so no more; of a day alone."""

    @property
    def window(self) -> Window:
        """What it is about."""
        return Window(SPANS[self.kind], self.since, self.until, self.zone)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.until - timedelta(days=1)

    @property
    def new_findings(self) -> list[Finding]:
        """What the look before did not find."""
        return [each for each in self.findings if each.subject in self.new]

    def section(self, name: str) -> Section:
        """The section of that name."""
        return next(section for section in self.sections if section.name == name)

    def figures(self, names: Iterable[str]) -> list[Figure]:
        """What there is to say of these names, in their order; of money in each currency."""
        known = [f for section in self.sections for f in section.figures if not f.part and f.number is not None]
        return [figure for name in names for figure in known if figure.name == name]

    def to_json(self) -> dict[str, Any]:
        """For storage."""
        stored: dict[str, Any] = _REPORTS.dump_python(self, mode="json")
        return stored

    @staticmethod
    def from_json(stored: dict[str, Any]) -> "Report":
        """As it was stored."""
        return _REPORTS.validate_python(stored)


_REPORTS = TypeAdapter(Report)
