"""Which charts a report has: its figures over the last weeks or months."""

from collections.abc import Iterator
from datetime import date

from community.insight.charts import Chart, Series, Shape
from community.insight.figures import Figure, Report
from community.insight.said import Words
from community.insight.windows import Window
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
POSTED = 2
"""Charts in the picture of the Telegram post."""


def charts_of(report: Report, words: Words) -> list[Chart]:
    """Those of which anything is known, in the words of a locale."""
    return list(_charts(report, words))


def _charts(report: Report, words: Words) -> Iterator[Chart]:
    ticks = _ticks(report)
    for shape, names in WEEKLY if report.kind == "weekly" else MONTHLY:
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
    return [_tick(report, each.since) for each in reversed(windows)]


def _tick(report: Report, day: date) -> str:
    return f"{day:%m-%d}" if report.kind == "weekly" else f"{day:%Y-%m}"
