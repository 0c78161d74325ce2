"""A report as a workbook: a sheet for each section, numbers as numbers. What people wrote stays text."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from community.insight.addresses import rows_of
from community.insight.figures import Cell, Figure, Report, Section, Table, Unit
from community.insight.report_pages import FINDINGS, rows_command
from community.insight.said import Words
from community.members.clean import FORMULA
from community.playbook_types import minor_digits
from community.telegram_html import showable

_NO_SHEET = re.compile(r"[\[\]:*?/\\']")
LONGEST_SHEET = 31
WIDEST = 60
_FORMATS: dict[str, str] = {
    "number": "#,##0",
    "share": "0.0%",
    "points": "+0.0%;-0.0%;0.0%",
    "ratio": "0.0",
    "seconds": "[h]:mm:ss",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A value, and how a spreadsheet shows it."""

    value: str | int | float | datetime | None
    shown: str = "General"


def workbook(report: Report, words: Words) -> bytes:
    """The workbook as a file."""
    book = Workbook()
    book.properties.created = book.properties.modified = report.made_at.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
    book.properties.creator = report.community
    first = book.active
    assert isinstance(first, Worksheet)
    _summary(first, report, words)
    for section in report.sections:
        _section(book.create_sheet(_sheet_name(words[f"section_{section.name}"])), report, section, words)
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _summary(sheet: Worksheet, report: Report, words: Words) -> None:
    sheet.title = _sheet_name(words[report.kind])
    _row(sheet, [report.community], bold=True)
    _row(sheet, [words.title(report)])
    _row(sheet, [])
    first, second = (_findings, _notable) if report.kind == "daily" else (_notable, _findings)
    for part in (first, second):
        part(sheet, report, words)
        _row(sheet, [])
    _lines(sheet, [words["small_note"], words.say("rows_note", command=rows_command(report))])
    _widths(sheet)


def _notable(sheet: Worksheet, report: Report, words: Words) -> None:
    _row(sheet, [words["notable"]], bold=True)
    _lines(sheet, [words.notable(report, each) for each in report.notable] or [words["nothing_notable"]])


def _findings(sheet: Worksheet, report: Report, words: Words) -> None:
    _row(sheet, [words[FINDINGS[report.kind]]], bold=True)
    for found in report.findings:
        new = words["new"] if found.subject in report.new else None
        _row(sheet, [words.finding(found, report.labels, report.zone), words.remedy(found), rows_of(found), new])
    if not report.findings:
        _row(sheet, [words["no_findings"]])
    if report.over:
        _row(sheet, [words["over"]], bold=True)
        _lines(sheet, [words.finding(each, report.labels, report.zone) for each in report.over])


def _section(sheet: Worksheet, report: Report, section: Section, words: Words) -> None:
    if section.figures:
        kind = report.kind
        head = ("figure", f"now_{kind}", f"before_{kind}", f"change_{kind}", "target", "of", "small")
        _row(sheet, [*(words[key] for key in head), "KPI"], bold=True)
        for figure in section.figures:
            _row(sheet, _figure(report, figure, words))
    for table in section.tables:
        _row(sheet, [])
        _row(sheet, [words[f"table_{table.name}"]], bold=True)
        _table(sheet, report, table, words)
    sheet.freeze_panes = "B2" if section.figures else None
    _widths(sheet)


def _figure(report: Report, figure: Figure, words: Words) -> Sequence[Any]:
    unit, currency = figure.unit, figure.currency
    change = Written(figure.change, "+0.0%;-0.0%") if unit != "share" else Written(figure.change, "+0.0%;-0.0%;0.0%")
    numbers = [_number(unit, number, currency) for number in (figure.number, figure.before)]
    small = words["small"] if figure.small else None
    base = Written(figure.base, _FORMATS["number"]) if unit in ("share", "seconds") else None
    target = _number(unit, figure.target, currency)
    return [words.name(report, figure), *numbers, change, target, base, small, figure.name]


def _table(sheet: Worksheet, report: Report, table: Table, words: Words) -> None:
    money = bool(table.currencies)
    _row(sheet, [*words.head(table), *([""] if money else [])], bold=True)
    for at, row in enumerate(table.rows):
        currency = table.currencies[at] if money else ""
        cells = [_cell(report, column.unit, cell, currency, words)
                 for column, cell in zip(table.columns, row, strict=True)]  # fmt: skip
        _row(sheet, [*cells, *([currency] if money else [])])


def _cell(report: Report, unit: Unit, cell: Cell, currency: str, words: Words) -> Any:
    if isinstance(cell, str) and unit == "moment":
        local = datetime.fromisoformat(cell).astimezone(ZoneInfo(report.zone)).replace(tzinfo=None)
        return Written(local, "yyyy-mm-dd hh:mm")
    if isinstance(cell, str):
        return words.cell(report, unit, cell)
    return _number(unit, cell, currency)


def _number(unit: Unit, number: float | None, currency: str) -> Written:
    """Money in whole units, times as parts of a day: as spreadsheets have them."""
    if number is None:
        return Written(None)
    match unit:
        case "money":
            digits = minor_digits(currency)
            form = f"#,##0{'.' + '0' * digits if digits else ''}"
            return Written(number / 10**digits, f'{form} "{currency}"' if currency.isalpha() else form)
        case "seconds":
            return Written(number / 86_400, _FORMATS[unit])
        case _:
            return Written(number, _FORMATS.get(unit, "General"))


def _lines(sheet: Worksheet, texts: Iterable[str]) -> None:
    for text in texts:
        _row(sheet, [text])


def _row(sheet: Worksheet, values: Sequence[Any], *, bold: bool = False) -> None:
    row = (sheet.max_row if sheet.max_row > 1 or sheet["A1"].value is not None else 0) + 1
    if not values:
        sheet.cell(row=row, column=1, value=" ")
    for column, value in enumerate(values, 1):
        cell = sheet.cell(row=row, column=column)
        assert isinstance(cell, SheetCell)
        _write(cell, value)
        if bold:
            cell.font = Font(bold=True)


def _write(cell: SheetCell, value: Any) -> None:
    if isinstance(value, Written):
        cell.value, cell.number_format = value.value, value.shown
        return
    cell.value = showable(str(value)) if value is not None else None
    if isinstance(cell.value, str):
        cell.data_type = "s"
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.quotePrefix = cell.value.startswith(FORMULA)


def _widths(sheet: Worksheet) -> None:
    """Wide enough for what stands there; Chinese takes twice the room."""
    for at, column in enumerate(sheet.columns, 1):
        longest = max((_width(cell.value) for cell in column), default=8)
        sheet.column_dimensions[get_column_letter(at)].width = min(WIDEST, max(10, longest + 2))


def _width(value: object) -> int:
    text = f"{value:,.2f}" if isinstance(value, float) else str(value or "")
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def _sheet_name(title: str) -> str:
    return _NO_SHEET.sub(" ", title)[:LONGEST_SHEET]
