"""The daily watch: what is not as it should be is told to staff once, and again only after it was over."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.addresses import rows_of
from community.insight.diagnosis import Finding
from community.insight.figures import Report
from community.insight.report import make, store, window_for
from community.insight.report_pages import ReportPages
from community.insight.report_post import post
from community.insight.report_tables import titles
from community.outbox.alerts import Alert, alert, note

queries = load(__file__, "report.sql")

LOOK = "watch"
"""As what the findings of a look are kept, beside its report: the next one is held against them."""
_FINDINGS = TypeAdapter(list[Finding])


@dataclass(frozen=True, slots=True)
class Staff:
    """Whom a look tells, and how. Without a chat it is counted among the alerts, which `sop status` shows."""

    bot_id: int
    chat_id: int | None
    pages: ReportPages
    locale: str
    full: str
    """Where all of it is."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The report of the day before, and whether it was posted."""

    report: Report
    posted: bool = False


async def watch(conn: Connection, bundle: Bundle, day: date, at: datetime, staff: Staff | None) -> Watched:
    """Look as the day begins: make the report of the day before, and keep it.

    What is new is told to `staff`, in the transaction in which the look is kept: again, it tells nothing. Without them
    nobody is told, and the next look does not know of this one: for a day that is long over.
    """
    made = await make(conn, bundle, "daily", window_for("daily", day, bundle.playbook.community.zone), at)
    async with transaction(conn):
        await conn.execute(queries.one_watch)
        report = await _beside_the_last(conn, bundle, made, day if staff else day - timedelta(days=1))
        await store(conn, report)
        posted = staff is not None and await _told(conn, bundle, report, staff, await _keep(conn, report, day), at)
    return Watched(report, posted)


async def _beside_the_last(conn: Connection, bundle: Bundle, made: Report, day: date) -> Report:
    """With what is new in it, and what is over, since the last look up to that day."""
    row = await (await conn.execute(queries.up_to, {"kind": LOOK, "day": day})).fetchone()
    before = _FINDINGS.validate_python(row["content"]["findings"]) if row else []
    known, now = {each.subject for each in before}, {each.subject for each in made.findings}
    over = [each for each in before if each.subject not in now]
    labels = made.labels | await titles(conn, bundle.playbook, over)
    return replace(made, new=[subject for subject in now if subject not in known], over=over, labels=labels)


async def _keep(conn: Connection, report: Report, day: date) -> int:
    """Keep what was found; returns the number of the look."""
    content: dict[str, Any] = {"findings": _FINDINGS.dump_python(report.findings, mode="json")}
    values = {"kind": LOOK, "since": day, "made_at": report.made_at, "content": Jsonb(content)}
    row = await (await conn.execute(queries.store, values)).fetchone()
    return int(row["id"]) if row else 0


async def _told(conn: Connection, bundle: Bundle, report: Report, staff: Staff, look: int, at: datetime) -> bool:
    """Tell what is new, if anything is: as one post, and noted among the alerts."""
    if not report.new:
        return False
    if staff.chat_id is not None:
        await post(conn, bundle, staff.bot_id, staff.chat_id, report, staff.pages, staff.locale, at, staff.full, look)
    words = staff.pages.words(staff.locale, report.locale)
    for each in report.new_findings:
        about = Alert(
            f"watch:{each.subject}",
            words.finding(each, report.labels, report.zone),
            rows_of(each),
            words.remedy(each),
        )
        await (alert if staff.chat_id is None else note)(conn, about, at)
    return staff.chat_id is not None
