"""Behind a KPI: how it went, of what it is made, and the rows that it counts."""

import asyncio
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from psycopg import AsyncCursor

from community.gateway.dashboard import charts, shown
from community.gateway.dashboard.look import Context, Look, queries
from community.gateway.dashboard.parts import parts_of
from community.history.datasets import cell
from community.insight.definitions import defined
from community.insight.numbers import duration, money
from community.insight.values import Value, behind, by
from community.insight.windows import Span, Window
from community.kpis import KPIS, Kpi, Measure
from community.members.names import display_name
from community.playbook_types import Goal, minor_digits

A_PAGE = 50
MOST_PAGES = 1_000
MOST_ROWS = 50_000
"""Rows in a CSV file."""
A_BATCH = 2_000
"""Rows that are made into its lines at once, beside what else the service does."""
MOST_BARS = 40
COLUMNS = ("key", "member", "name", "group", "part", "at", "hit", "minor", "currency", "seconds")


async def show(look: Look) -> Context:
    """A KPI by windows, and its newest one by part, group and source."""
    kpi = KPIS[look.path["kpi"]]
    begun, last = await look.begun(), look.asked.last
    windows = [each for each in look.asked.windows if each.since >= begun] or [last]
    series = (await look.values([kpi.name], look.asked.span, windows[0].since, last.until)).get(kpi.name, {})
    goal = look.bundle.playbook.insight.targets.get(kpi.name) if look.asked.span is Span.week else None
    titles = {row["id"]: row["title"] for row in await look.all(queries.groups)}
    counted = {name: await by(look.conn, kpi.name, last, name) for name in _dimensions(look, kpi)}
    called = await parts_of(look, kpi.name, (value.part for values in counted.values() for value in values))
    return {
        "kpi": kpi,
        "label": look.kpi(kpi.name),
        "about": look.words.get(f"about_{kpi.name}", ""),
        "lines": [_line(look, kpi, currency, series[currency], windows, goal) for currency in sorted(series)],
        "target": shown.goal_text(goal, look.words) if goal else "",
        "by": {name: _bars(look, values, titles, called) for name, values in counted.items()},
        "now": look.window(last),
        "rows_address": look.kpi_address(f"{kpi.name}/rows") if kpi.name in defined() else "",
        "csv_address": look.kpi_address(f"{kpi.name}/rows.csv") if kpi.name in defined() else "",
    }


def _dimensions(look: Look, kpi: Kpi) -> list[str]:
    """By what else the KPI is counted, of everything."""
    if look.asked.group_id or look.asked.source:
        return []
    return [*(["part"] if kpi.parts else []), "group_id", "source"]


def _line(
    look: Look, kpi: Kpi, currency: str, values: dict[Any, Value], windows: list[Window], goal: Goal | None
) -> dict[str, Any]:
    """A chart, and its numbers as a table, the newest first."""
    found = [values.get(each.since) or Value(kpi.name, each.since, currency=currency) for each in windows]
    aim = goal.number if goal and goal.currency in ("", currency) else None
    chart = charts.line([value.number for value in found], aim)
    return {
        "currency": currency,
        "chart": chart,
        "ticks": [(_scale(kpi, number, currency, look), y) for number, y in chart.ticks],
        "marks": _marks(look, windows, chart),
        "numbers": [
            {"window": look.window(each), "number": shown.figure(value, look.words), "hits": value.hits,
             "base": value.base, "small": value.small, "high": value.high_s}
            for each, value in zip(windows, found, strict=True)
        ][::-1],
        "texts": [f"{look.window(e)}: {shown.figure(v, look.words)}" for e, v in zip(windows, found, strict=True)],
    }  # fmt: skip


def _scale(kpi: Kpi, number: float, currency: str, look: Look) -> str:
    """A number at the side of a chart, short."""
    match kpi.measure:
        case Measure.money | Measure.money_each:
            return _short(number / 10 ** minor_digits(currency))
        case Measure.number | Measure.total:
            return _short(number)
        case _:
            return shown.number_of(kpi.name, number, currency, look.words)


def _short(number: float) -> str:
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:g}{sign}"
    return f"{number:g}"


def _marks(look: Look, windows: list[Window], chart: charts.Chart) -> list[tuple[str, float, str]]:
    """The first, middle and last of the windows, along the bottom: text, where, how it is set."""
    left, right = 56.0, float(chart.width - 8)
    last = len(windows) - 1
    places = [(at, left + (right - left) * at / max(last, 1)) for at in sorted({0, last // 2, last})]
    anchors = {0: "start", last: "end"} if last else {0: "start"}
    return [(_first_day(look, windows[at]), x, anchors.get(at, "middle")) for at, x in places]


def _first_day(look: Look, window: Window) -> str:
    return look.window(window) if window.span is Span.month else f"{window.since:%m-%d}"


def _bars(look: Look, values: list[Value], titles: dict[int, str], called: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each beside the largest of its currency: of different ones no bar says which is more."""
    most: dict[str, float] = {}
    for value in values:
        most[value.currency] = max(abs(value.number or 0), most.get(value.currency, 0))
    bars = []
    for value in sorted(values[:MOST_BARS], key=lambda value: value.currency):
        bars.append(
            {
                "label": _label(look, value, titles, called),
                "width": round(100 * abs(value.number or 0) / (most[value.currency] or 1), 1),
                "number": shown.figure(value, look.words),
                "of": value.base,
                "small": value.small,
                "address": _behind(look, value),
            }
        )
    return bars


def _label(look: Look, value: Value, titles: dict[int, str], called: Mapping[str, str]) -> str:
    if value.part:
        return called[value.part]
    if value.source:
        return look.word("source", value.source)
    return titles.get(value.group_id, f"#{value.group_id}")


def _behind(look: Look, value: Value) -> str:
    """Where a bar leads: to the figure of its group or source, or the rows of its part."""
    if value.group_id:
        return look.kpi_address(value.kpi, group=value.group_id)
    if value.source:
        return look.kpi_address(value.kpi, source=value.source)
    return look.kpi_address(f"{value.kpi}/rows", part=value.part) if value.kpi in defined() else ""


# The rows.


async def show_rows(look: Look) -> Context:
    """A page of the rows that the newest window counts. Names appear here, behind the sign-in."""
    kpi = KPIS[look.path["kpi"]]
    page, part = page_of(look), _part(look)
    found = await (await _asked(look, A_PAGE + 1, (page - 1) * A_PAGE)).fetchall()
    called = await parts_of(look, kpi.name, {part, *(row["part"] or "" for row in found)})
    path = f"{kpi.name}/rows"
    pages = {
        "earlier": look.kpi_address(path, part=part, page=page - 1) if page > 1 else "",
        "later": look.kpi_address(path, part=part, page=page + 1) if len(found) > A_PAGE and page < MOST_PAGES else "",
    }
    return {
        "kpi": kpi,
        "label": look.kpi(kpi.name),
        "about": look.words.get(f"about_{kpi.name}", ""),
        "now": look.window(look.asked.last),
        "part": called.get(part, part),
        "rows": [_row(look, row, called) for row in found[:A_PAGE]],
        "page": page,
        **pages,
        "kpi_address": look.kpi_address(kpi.name),
        "csv_address": look.kpi_address(f"{kpi.name}/rows.csv", part=part),
    }


async def csv_of(look: Look) -> str:
    """The rows as a CSV file that a spreadsheet can open without running anything that a member wrote."""
    return await csv_text(await _asked(look, MOST_ROWS, 0), COLUMNS, _lines)


async def csv_text(
    found: AsyncCursor[dict[str, Any]],
    columns: Sequence[str],
    lines: Callable[[list[dict[str, Any]]], Iterable[Iterable[Any]]],
) -> str:
    """What was found as a CSV file, made in batches beside what else the service does."""
    texts = [_csv([columns])]
    while batch := await found.fetchmany(A_BATCH):
        texts.append(await asyncio.to_thread(_csv, lines(batch)))
    return "\ufeff" + "".join(texts)


def page_of(look: Look) -> int:
    """Which page of the rows is asked for; the first one where the address says none."""
    typed = look.given.get("page", "")
    return min(max(int(typed), 1), MOST_PAGES) if typed.isascii() and typed.isdecimal() and len(typed) < 6 else 1


def _csv(lines: Iterable[Iterable[Any]]) -> str:
    file = StringIO()
    csv.writer(file).writerows([cell(value) for value in line] for line in lines)
    return file.getvalue()


def _lines(found: list[dict[str, Any]]) -> Iterator[list[Any]]:
    for row in found:
        name = display_name(row["first_name"], row["last_name"], row["username"]) if row["member_id"] else ""
        kept = ("part", "at", "hit", "minor", "currency", "seconds")
        yield [row["key"], row["member_id"], name, row["title"], *(row.get(column) for column in kept)]


async def _asked(look: Look, limit: int, offset: int) -> AsyncCursor[dict[str, Any]]:
    asked = look.asked
    return await behind(
        look.conn, look.bundle.playbook, look.path["kpi"], asked.last, part=_part(look), group_id=asked.group_id,
        source=asked.source, limit=limit, offset=offset, now_at=look.at,
    )  # fmt: skip


def _part(look: Look) -> str:
    return look.given.get("part", "")[:200].replace("\0", "")


def _row(look: Look, row: dict[str, Any], called: Mapping[str, str]) -> dict[str, Any]:
    name = display_name(row["first_name"], row["last_name"], row["username"]) if row["member_id"] else ""
    amount, seconds = row.get("minor"), row.get("seconds")
    return {
        **row,
        "name": name,
        "part": called[row["part"] or ""],
        "moment": look.moment(row["at"]) if row["at"] else "",
        "amount": money(amount, row["currency"] or "") if amount is not None else "",
        "time": duration(seconds, look.words) if seconds is not None else "",
    }
