"""Which charts a report has: its figures over the last days, weeks or months; of a day first what was found."""

from collections.abc import Iterator
from datetime import date

from community.insight.charts import Chart, Series, Shape
from community.insight.diagnosis import Finding
from community.insight.figures import SPANS, Figure, Report
from community.insight.said import Words
from community.insight.windows import Span, Window
from community.kpis import KPIS
from community.playbook_types import minor_digits

WEEKLY: tuple[tuple[Shape, tuple[str, ...]], ...] = (
    ("bars", ("new_members", "leaves")),
    ("lines", ("active_rate", "speaking_rate", "first_week")),
    ("lines", ("free_to_paid", "trial_to_paid", "live_to_paid")),
    ("stack", ("mrr_movements",)),
    ("lines", ("engaged_24h", "click_through")),
)
MONTHLY: tuple[tuple[Shape, tuple[str, ...]], ...] = (
    ("bars", ("mrr",)),
    ("stack", ("mrr_movements",)),
    ("bars", ("new_members", "leaves")),
    ("lines", ("renewal", "churn")),
    ("lines", ("free_to_paid", "trial_to_paid", "live_to_paid")),
)
DAILY: tuple[tuple[Shape, tuple[str, ...]], ...] = (
    ("bars", ("new_members", "leaves")),
    ("lines", ("active", "speakers")),
    ("lines", ("engaged_24h", "click_through")),
)
DRAWN = {"daily": DAILY, "weekly": WEEKLY, "monthly": MONTHLY}
MOST_FOUND = 6
"""Findings that are drawn; the new ones first."""
POSTED = 2
"""Charts in the picture of the Telegram post."""


def charts_of(report: Report, words: Words) -> list[Chart]:
    """Those of which anything is known, in the words of a locale."""
    return list(_charts(report, words))


def _charts(report: Report, words: Words) -> Iterator[Chart]:
    yield from _found(report, words)
    ticks = _ticks(report)
    for shape, names in DRAWN[report.kind]:
        figures = [f for name in names for f in _drawn(report, name) if any(number is not None for number in f.trend)]
        if not figures:
            continue
        currency = figures[0].currency
        of_one = [figure for figure in figures if figure.currency == currency]
        parted = any(figure.part for figure in of_one)
        title = " · ".join([words.kpi(name) for name in names if any(f.name == name for f in of_one)])
        series = [Series(_label(report, words, figure, parted), _scaled(figure)) for figure in of_one]
        percent = figures[0].unit == "share"
        target = of_one[0].target if len(of_one) == 1 else None
        yield Chart(f"{title} ({currency})" if currency else title, ticks, series, shape, percent, target)


def _found(report: Report, words: Words) -> Iterator[Chart]:
    """How each finding came about, and where its threshold is."""
    both = list(zip(report.findings, report.courses, strict=False))  # those of weeks and months have none
    both.sort(key=lambda pair: pair[0].subject not in report.new)
    for found, course in both[:MOST_FOUND]:
        by = _units(found)
        numbers = [None if number is None else number / by for number in course.numbers]
        name = words.found(found, report.labels)
        ticks = [_tick(found.span, day) for day in course.since]
        title = f"{name} ┄ {words.threshold(found)}"
        yield Chart(title, ticks, [Series(name, numbers)], "lines", _unit(found) == "share", found.threshold / by)


def _unit(found: Finding) -> str:
    return KPIS[found.kpi].unit


def _units(found: Finding) -> float:
    """Money is drawn in whole units, time in hours."""
    return {"money": 10.0 ** minor_digits(found.currency), "seconds": 3600.0}.get(_unit(found), 1.0)


def _drawn(report: Report, name: str) -> list[Figure]:
    """The figures of that name; of movements their parts."""
    found = [f for section in report.sections for f in section.figures if f.name == name]
    parts = [f for f in found if f.part]
    return parts if name == "mrr_movements" else [f for f in found if not f.part]


def _label(report: Report, words: Words, figure: Figure, parted: bool) -> str:
    name = words.name(report, figure)
    return name.rpartition(" · ")[2] if parted else name


def _scaled(figure: Figure) -> list[float | None]:
    """Money in whole units."""
    by = 10 ** minor_digits(figure.currency) if figure.unit == "money" else 1
    return [number if number is None else number / by for number in figure.trend]


def _ticks(report: Report) -> list[str]:
    windows: list[Window] = [report.window]
    longest = max((len(f.trend) for section in report.sections for f in section.figures), default=1)
    while len(windows) < longest:
        windows.append(windows[-1].before())
    return [_tick(SPANS[report.kind], each.since) for each in reversed(windows)]


def _tick(span: Span, day: date) -> str:
    return f"{day:%Y-%m}" if span is Span.month else f"{day:%m-%d}"
