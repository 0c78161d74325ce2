"""Figures in words: with separators, units in the reader's language, and what changed as a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from community.insight.diagnosis import Finding
from community.insight.figures import Cell, Figure, Notable, Report, Table, Unit
from community.insight.numbers import NOTHING, change_text, duration, number_text
from community.insight.windows import Span, start_of
from community.kpis import KPIS
from community.moments import day_text, moment_text

SPARKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one locale, from templates/reports/words.yaml."""

    of: Mapping[str, str]
    locale: str
    default: str = ""
    """The locale of what it lacks."""

    def __getitem__(self, key: str) -> str:
        return self.of.get(key, key.replace("_", " "))

    def say(self, key: str, **values: object) -> str:
        """A sentence with its names in braces filled in; nothing in it is run."""
        text = self[key]
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def kpi(self, name: str) -> str:
        """What a KPI is called."""
        return self.of.get(f"kpi_{name}", name.replace("_", " "))

    def part(self, report: Report, key: str) -> str:
        """What a plan, a stage, a session or a group is called: `kind:key`."""
        return self._part(report.labels, report.locale, key)

    def _part(self, labels: Mapping[str, Mapping[str, str]], default: str, key: str) -> str:
        kind, _, name = key.partition(":")
        titles = labels.get(key, {})
        title = titles.get(self.locale) or titles.get(default) or titles.get("")
        return title or self.of.get(f"{kind}_{name}") or (f"#{name}" if kind in ("live", "group") else name)

    def name(self, report: Report, figure: Figure) -> str:
        """What a figure is called, with the part it is about."""
        if not figure.part:
            return self.kpi(figure.name)
        label = self.of.get(f"part_{figure.part}") or self.part(report, f"plan:{figure.part}")
        return f"{self.kpi(figure.name)} · {label}"

    def number(self, unit: Unit, number: float | None, currency: str = "") -> str:
        """A number of that unit."""
        return number_text(unit, number, currency, self)

    def figure(self, figure: Figure) -> str:
        """Its number."""
        return self.number(figure.unit, figure.number, figure.currency)

    def change(self, figure: Figure) -> str:
        """What changed since the window before; empty: it cannot be said."""
        return "" if figure.change is None else change_text(figure.unit, figure.change, self)

    def target(self, figure: Figure) -> str:
        """Its target, and which side of it is good; empty: it has none."""
        if figure.target is None:
            return ""
        return f"{'≤' if figure.better == 'less' else '≥'} {self.number(figure.unit, figure.target, figure.currency)}"

    def of_how_many(self, figure: Figure) -> str:
        """Of what a share is; the spread of times."""
        if figure.unit == "share" and figure.base:
            return self.say("of_people", hits=f"{figure.hits:,}", base=f"{figure.base:,}")
        return self.say("high", high=duration(figure.high, self)) if figure.high is not None else ""

    def day(self, day: date, zone: str) -> str:
        """A day, with its year."""
        text = day_text(start_of(day, zone), zone, self.locale)
        return f"{day.year}年{text}" if self.locale.startswith("zh") else f"{text} {day.year}"

    def head(self, table: Table) -> list[str]:
        """What the columns of a table are called."""
        return [self.kpi(c.name) if f"kpi_{c.name}" in self.of else self[f"column_{c.name}"] for c in table.columns]

    def cells(self, report: Report, table: Table, row: int) -> list[str]:
        """A row of a table."""
        currency = table.currencies[row] if table.currencies else ""
        pairs = zip(table.columns, table.rows[row], strict=True)
        return [self.cell(report, column.unit, cell, currency) for column, cell in pairs]

    def cell(self, report: Report, unit: Unit, cell: Cell, currency: str = "") -> str:
        """A cell of a table."""
        if cell is None:
            return NOTHING
        if isinstance(cell, str):
            return self._text(report, unit, cell)
        return self.number(unit, cell, currency)

    def _text(self, report: Report, unit: Unit, cell: str) -> str:
        match unit:
            case "moment":
                return moment_text(datetime.fromisoformat(cell), report.zone, self.locale)
            case "word":
                return self.of.get(f"word_{cell}", cell)
            case "part":
                return self.part(report, cell)
            case _:
                return cell

    # Sentences.

    def title(self, report: Report) -> str:
        """What the report is, and from when to when."""
        return self.say("post_title", kind=self[report.kind], period=self.period(report))

    def period(self, report: Report) -> str:
        """From when to when."""
        first, last = self.day(report.since, report.zone), self.day(report.last, report.zone)
        return first if first == last else self.say("period", first=first, last=last)

    def notable(self, report: Report, found: Notable) -> str:
        """Why a figure is worth a sentence."""
        figure = found.figure
        few = self.say("small_said", small=self["small"]) if figure.small else ""
        told = {"name": self.name(report, figure), "number": self.figure(figure) + few}
        if found.why == "missed":
            low = figure.better != "less"
            target = self.number(figure.unit, figure.target, figure.currency)
            return self.say("missed_low" if low else "missed_high", **told, target=target)
        before = self.number(figure.unit, figure.before, figure.currency)
        change = self.change(figure) or NOTHING
        return self.say("rose" if _rose(figure) else "fell", **told, before=before, change=change)

    def finding(self, found: Finding, labels: Mapping[str, Mapping[str, str]], zone: str) -> str:
        """What was found: the number, and what it is held against."""
        unit: Unit = KPIS[found.kpi].unit  # type: ignore[assignment]
        told = {
            "name": self.found(found, labels),
            "number": self.number(unit, found.number, found.currency),
            "threshold": self.threshold(found),
            "window": self._window(found, zone),
            "of": f"{found.of:,}",
        }
        text = self.say("finding_low" if found.low else "finding_high", **told)
        if found.usual is None:
            return text
        space = "" if self.locale.startswith("zh") else " "
        return text + space + self.say("finding_usual", usual=self.number(unit, found.usual, found.currency))

    def remedy(self, found: Finding) -> str:
        """What the SOP says to do."""
        return self[f"remedy_{found.remedy}"]

    def threshold(self, found: Finding) -> str:
        """What it is held against."""
        return self.number(KPIS[found.kpi].unit, found.threshold, found.currency)  # type: ignore[arg-type]

    def found(self, found: Finding, labels: Mapping[str, Mapping[str, str]]) -> str:
        """What a finding is about."""
        if not found.part and not found.group_id:
            return self.kpi(found.kpi)
        keys = [f"group:{found.group_id}"] if found.group_id else [f"live:{found.part}", f"plan:{found.part}"]
        key = next((each for each in keys if each in labels), keys[-1])
        return f"{self.kpi(found.kpi)} · {self._part(labels, self.default, key)}"

    def _window(self, found: Finding, zone: str) -> str:
        if found.span is Span.month:
            return f"{found.since:%Y-%m}"
        first = day_text(start_of(found.since, zone), zone, self.locale)
        if found.span is Span.day:
            return first
        return f"{first} – {day_text(start_of(found.since + timedelta(days=6), zone), zone, self.locale)}"


def spark(numbers: list[float | None]) -> str:
    """The trend in one line of blocks."""
    known = [number for number in numbers if number is not None]
    if len(known) < 2:
        return ""
    low, spread = min(known), max(known) - min(known)
    height = len(SPARKS) - 1
    return "".join(
        " " if number is None else SPARKS[round((number - low) / spread * height) if spread else 0]
        for number in numbers
    )


def _rose(figure: Figure) -> bool:
    return (figure.number or 0) > (figure.before or 0)
