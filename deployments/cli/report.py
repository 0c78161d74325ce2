"""`sop report`."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from community.database.installation import sop_now
from community.errors import ExportRefused, SopError
from community.insight.addresses import rows_of
from community.insight.figures import Figure, Kind, Report, Table
from community.insight.report import make, window_for
from community.insight.report_pages import FINDINGS, ReportPages, report_html, rows_command
from community.insight.said import Words, spark
from community.insight.sheets import workbook
from community.insight.windows import day_of
from community.playbook import CommunitySettings
from deployments.cli.output import console, print_table
from deployments.cli.session import calendar_day, session


@dataclass(frozen=True, slots=True)
class Asked:
    """Which report, and what it is written into."""

    kind: Kind
    as_of: str | None
    html: Path | None
    xlsx: Path | None
    locale: str | None


def show(asked: Asked) -> None:
    """Make a report, print it, write it where asked. Raises SopError naming what is wrong."""
    asyncio.run(_show(asked))


async def _show(asked: Asked) -> None:
    day = calendar_day("--as-of", asked.as_of) if asked.as_of else None
    async with session() as s:
        bundle, at = await s.bundle(), await sop_now(s.conn)
        community = bundle.playbook.community
        locale = _locale(asked.locale, community)
        wanted = window_for(asked.kind, day or day_of(at, community.zone), community.zone)
        report = await make(s.conn, bundle, asked.kind, wanted, at)
    folder, dashboard = s.settings.playbook_dir, s.settings.dashboard_url
    words = ReportPages(folder).words(locale, community.locale)
    _print(report, words)
    if asked.html:
        _write(asked.html, report_html(report, locale, folder, dashboard).encode())
    if asked.xlsx:
        _write(asked.xlsx, workbook(report, words))


def _locale(text: str | None, community: CommunitySettings) -> str:
    if text is not None and text not in community.locales:
        raise SopError(f"--locale: {text} is not offered; the playbook has {', '.join(community.locales)}")
    return text or community.locale


def _write(file: Path, content: bytes) -> None:
    """All of it, or nothing."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError as error:
        raise ExportRefused(f"{file}: {error.strerror}; give a file that can be written") from None
    print(f"Written: {file}")


def _print(report: Report, words: Words) -> None:
    out = console()
    out.print(f"{report.community} · {words.title(report)}", style="bold")
    if not report.whole:
        out.print(words["not_whole"])
    for title, lines in _sentences(report, words):
        out.print(f"\n{title}", style="bold")
        for line in lines:
            out.print(f"· {line}", soft_wrap=True)
    head = (words["figure"], *(words[f"{name}_{report.kind}"] for name in ("now", "before", "change")),
            words["target"], words["trend"], "KPI")  # fmt: skip
    for section in report.sections:
        rows = [_figure(report, figure, words) for figure in section.figures]
        print_table(out, words[f"section_{section.name}"], head, rows)
        for table in section.tables:
            print_table(out, words[f"table_{table.name}"], *_table(report, table, words))
    out.print(f"\n{words['small_note']}\n{words.say('rows_note', command=rows_command(report))}", soft_wrap=True)


def _sentences(report: Report, words: Words) -> Iterator[tuple[str, list[str]]]:
    notable = [words.notable(report, each) for each in report.notable] or [words["nothing_notable"]]
    found = [
        f"{words.finding(f, report.labels, report.zone)} {words.remedy(f)} {rows_of(f)}" for f in report.findings
    ] or [words["no_findings"]]
    said = [(words["notable"], notable), (words[FINDINGS[report.kind]], found)]
    yield from reversed(said) if report.kind == "daily" else said


def _figure(report: Report, figure: Figure, words: Words) -> Sequence[str]:
    of = words.of_how_many(figure)
    small = f" [{words['small']}]" if figure.small else ""
    number = f"{words.figure(figure)}{f' ({of})' if of else ''}{small}"
    target = words.target(figure)
    if figure.met is not None:
        target += f" {'✓' if figure.met else '✗'} {words['met' if figure.met else 'missed']}"
    before = words.number(figure.unit, figure.before, figure.currency)
    return [words.name(report, figure), number, before, words.change(figure), target, spark(figure.trend), figure.name]


def _table(report: Report, table: Table, words: Words) -> tuple[list[str], list[list[str]]]:
    return words.head(table), [words.cells(report, table, at) for at in range(len(table.rows))]
