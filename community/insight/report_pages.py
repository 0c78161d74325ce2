"""A report as a page of its own, as Markdown, and as what a chat reads: all from one report, in a locale's words."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import FileSystemLoader
from markupsafe import Markup

from community.insight.addresses import address_of, rows_of
from community.insight.charts import svg
from community.insight.figures import Column, Figure, Kind, Report, Table
from community.insight.report_charts import charts_of
from community.insight.said import Words, spark
from community.page_templates import PageTemplates
from community.telegram_html import showable
from community.wording import PLAIN

FOLDER = "reports"
PAGE, MARKDOWN = "report.html.j2", "report.md.j2"
FINDINGS: dict[Kind, str] = {"daily": "todo", "weekly": "findings", "monthly": "next"}
"""What the words call the findings."""
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\|<>*_[]`~#"} | {"\n": " ", "\r": " "})
"""What Markdown would take for its own."""


class ReportPages:
    """The templates and words of a playbook's folder, else those shipped. `dashboard`: where it is reached, or None."""

    def __init__(self, playbook_dir: Path, dashboard: str | None = None) -> None:
        self._pages = PageTemplates(playbook_dir, FOLDER)
        self._plain = PLAIN.overlay(loader=FileSystemLoader(self._pages.folders), auto_reload=True)
        self._dashboard = dashboard

    def words(self, locale: str, default: str) -> Words:
        """The words of a locale."""
        return Words(self._pages.words_of(locale, default), locale, default)

    def html(self, report: Report, locale: str) -> str:
        """A page that needs nothing else: no scripts, no fonts, no pictures from elsewhere."""
        words = self.words(locale, report.locale)
        drawn = [(chart, svg(chart, f"c{at}")) for at, chart in enumerate(charts_of(report, words))]
        context = {"charts": drawn, "line": _line, **self._context(report, words)}
        return self._pages.render(PAGE, locale, report.locale, context)

    def markdown(self, report: Report, locale: str, picture: bytes | None = None) -> str:
        """What Prefect shows of it; with a picture of its charts inside."""
        words = self.words(locale, report.locale)
        shown = b64encode(picture).decode() if picture else ""
        told = "; ".join(chart.told for chart in charts_of(report, words)) if picture else ""
        context = {"text": marked, "spark": spark, "picture": shown, "pictured": told, **self._context(report, words)}
        return self._plain.get_template(MARKDOWN).render({**context, "words": words.of})

    def _context(self, report: Report, words: Words) -> Mapping[str, Any]:
        return {
            "report": report,
            "say": words,
            "command": rows_command(report),
            "name": partial(words.name, report),
            "cells": partial(words.cells, report),
            "address": partial(self._address, report),
            "cell_address": partial(self._cell_address, report),
            "dashboard": self._dashboard,
            "findings_title": FINDINGS[report.kind],
            "found_command": rows_of,
            "found_address": address_of,
        }

    def _address(self, report: Report, figure: Figure) -> str | None:
        """Where the rows of a figure are; None: it has none, or nobody could get there."""
        known = figure.rows and figure.number is not None
        return self._rows(report, figure.name, part=figure.part) if known else None

    def _cell_address(self, report: Report, table: Table, row: int, column: Column) -> str | None:
        key = table.keys[row] if row < len(table.keys) else ""
        if not key or table.rows[row][table.columns.index(column)] is None:
            return None
        if column.listed:
            return self._listed(report, column, key)
        if not (column.kpi and table.of):
            return None
        # A stage is no part of a figure, its steps are: they stand on the figure's page.
        return self._rows(report, column.kpi, **({} if table.of == "stage" else {table.of: key}))

    def _listed(self, report: Report, column: Column, key: str) -> str | None:
        """Where the dashboard lists what is behind a number that is no KPI."""
        if self._dashboard is None:
            return None
        asked = report.window.before(column.back)
        days = {"from": asked.since, "to": asked.until - timedelta(days=1), "span": asked.span or ""}
        return f"{self._dashboard}/{column.listed}/{quote(key, safe='')}/rows?{urlencode({'of': column.of, **days})}"

    def _rows(self, report: Report, kpi: str, **of: str) -> str | None:
        if self._dashboard is None:
            return None
        asked = {"from": report.since, "to": report.last, "span": report.window.span, **of}
        kept = {name: str(value) for name, value in asked.items() if value}
        return f"{self._dashboard}/kpi/{quote(kpi)}{'/rows' if of.get('part') else ''}?{urlencode(kept)}"


def report_html(report: Report, locale: str, playbook_dir: Path, dashboard: str | None = None) -> str:
    """The report as a page; `dashboard`: the address (`https://…/dashboard`) that its numbers lead to."""
    return ReportPages(playbook_dir, dashboard).html(report, locale)


def rows_command(report: Report) -> str:
    """How the rows behind a number are listed."""
    return f"sop kpi NAME --{report.window.span} {report.since} --rows"


def marked(text: object) -> str:
    """Text as Markdown shows it, whatever is in it."""
    return showable(str(text)).translate(_MARKS)


def _line(numbers: Sequence[float | None]) -> Markup:
    """A trend as a small line, for a page."""
    known = [number for number in numbers if number is not None]
    if len(known) < 2:
        return Markup("")
    low, spread = min(known), max(known) - min(known) or 1.0
    step = 96 / (len(numbers) - 1)
    points = " ".join(
        f"{2 + at * step:.1f},{20 - 16 * (number - low) / spread:.1f}"
        for at, number in enumerate(numbers)
        if number is not None
    )
    shape = f'<polyline points="{points}" fill="none" stroke="var(--c1)" stroke-width="2"/>'
    return Markup(f'<svg class="line" viewBox="0 0 100 24" aria-hidden="true">{shape}</svg>')  # noqa: S704  numbers
