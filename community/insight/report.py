"""The report of a day, a week or a month: its numbers from what is counted, the notable ones first (SOP 1.37, 1.38).

Guide, and the rules of what is called notable: docs/reports.md.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from psycopg.types.json import Jsonb

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.chance import CROWDED, LEAST, beyond_chance, is_apart, size
from community.insight.counted_figures import counted, held_against, is_counted
from community.insight.counting import count_window
from community.insight.diagnosis import course, diagnose, last_whole
from community.insight.figures import SPANS, Figure, Kind, Notable, Report, Section
from community.insight.report_tables import Facts, labels, sections
from community.insight.windows import Span, Window

queries = load(__file__, "report.sql")

MOST_NOTABLE = 6
LOOKED_AT = {"daily": tuple(Span), "weekly": (Span.week, Span.month), "monthly": (Span.week, Span.month)}
"""Which of the playbook's watches a report holds its figures against."""


def window_for(kind: Kind, day: date, zone: str) -> Window:
    """What a report made on that day is about: the last whole day, week, or month."""
    return last_whole(SPANS[kind], day, zone)


async def make(conn: Connection, bundle: Bundle, kind: Kind, asked: Window, now_at: datetime) -> Report:
    """Count the window, unless it is counted for good, and put its report together. Writes nothing else."""
    playbook = bundle.playbook
    for each in (held_against(asked), asked):
        if each == asked or not await is_counted(conn, each):
            await count_window(conn, playbook, each, now_at)
    facts = Facts(conn, playbook, asked, await counted(conn, asked, playbook.insight.targets))
    found = await sections(facts, kind)
    findings = await diagnose(conn, playbook, asked.until, LOOKED_AT[kind])
    return Report(
        kind=kind,
        since=asked.since,
        until=asked.until,
        zone=asked.zone,
        community=playbook.community.name,
        locale=playbook.community.locale,
        made_at=now_at,
        whole=asked.until_at <= now_at,
        notable=notable(found),
        findings=findings,
        sections=found,
        labels=await labels(facts, found, findings),
        courses=[await course(conn, asked.zone, each) for each in findings] if kind == "daily" else [],
    )


async def store(conn: Connection, report: Report) -> int:
    """Keep the report whole; returns its number. The newest of a window is the one shown."""
    values = {"kind": report.kind, "since": report.since, "made_at": report.made_at}
    async with transaction(conn):
        row = await (await conn.execute(queries.store, {**values, "content": Jsonb(report.to_json())})).fetchone()
    return int(row["id"]) if row else 0


async def stored(conn: Connection, kind: Kind, since: date | None = None) -> Report | None:
    """The newest report of that kind, or of the window that begins then; None: none was made."""
    row = await (await conn.execute(queries.newest, {"kind": kind, "since": since})).fetchone()
    return Report.from_json(row["content"]) if row else None


async def kept(conn: Connection, most: int) -> list[dict[str, Any]]:
    """Which reports there are, so many of each kind, the newest first: the first day of each, when it was made last."""
    return await (await conn.execute(queries.kept, {"kinds": list(SPANS), "most": most})).fetchall()


def notable(found: Iterable[Section]) -> list[Notable]:
    """What missed its target for certain, the worst first; then what changed beyond chance, the most first."""
    figures = [figure for section in found for figure in section.figures]
    missed = sorted(filter(_missed, figures), key=_gap, reverse=True)
    compared = [figure for figure in figures if not figure.part and figure.name not in CROWDED]
    sure = beyond_chance([figure.chance for figure in compared])
    changed = [figure for figure, is_sure in zip(compared, sure, strict=True) if is_sure and _size(figure) >= LEAST]
    changed.sort(key=_size, reverse=True)
    return list(_in_turn(missed, changed))[:MOST_NOTABLE]


def _in_turn(missed: list[Figure], changed: list[Figure]) -> Iterator[Notable]:
    """Each figure once; half of the room is for what changed, if so much did."""
    of_missed = missed[: max(MOST_NOTABLE // 2, MOST_NOTABLE - len(changed))]
    yield from (Notable("missed", figure) for figure in of_missed)
    yield from (Notable("changed", figure) for figure in changed if figure not in of_missed)


def _missed(figure: Figure) -> bool:
    """Whether it misses its target by more than chance explains, of enough to say so."""
    if figure.met is not False or figure.small or figure.target is None or figure.number is None:
        return False
    if figure.unit != "share":
        return True
    return is_apart(figure.target, figure.hits, figure.base)


def _size(figure: Figure) -> float:
    return size(figure.number, figure.before)


def _gap(figure: Figure) -> float:
    """By which part of its target it misses it."""
    assert figure.number is not None
    assert figure.target is not None
    return abs(figure.number - figure.target) / abs(figure.target or 1)
