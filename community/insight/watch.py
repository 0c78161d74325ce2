"""The daily watch: what is not as it should be is told to staff once, and again only after it was over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from shlex import quote
from typing import Any
from urllib.parse import urlencode

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.counting import count_window
from community.insight.diagnosis import Finding, diagnose, last_whole
from community.insight.report_tables import titles
from community.insight.said import Words
from community.insight.windows import Span, window
from community.outbox.alerts import Alert, alert

queries = load(__file__, "report.sql")

KIND = "watch"
_FINDINGS = TypeAdapter(list[Finding])


@dataclass(frozen=True, slots=True)
class Watched:
    """What a look found. `new`: not there the last time; `over`: there the last time, and not any more."""

    day: date
    found: Sequence[Finding]
    new: Sequence[Finding]
    over: Sequence[Finding]
    labels: dict[str, dict[str, str]]


async def watch(conn: Connection, bundle: Bundle, day: date, words: Words, at: datetime, *, tell: bool) -> Watched:
    """Look as the day begins. With `tell`, what is new is told to staff and the look is kept: again, it tells nothing.

    Without it nothing is told or kept: for a day that is long over.
    """
    playbook = bundle.playbook
    yesterday = last_whole(Span.day, day, playbook.community.zone)
    await count_window(conn, playbook, yesterday, at)  # the last count may have been before it was over
    found = await diagnose(conn, playbook, day)
    async with transaction(conn):
        await conn.execute(queries.one_watch)
        before = await _before(conn)
        known, now = {each.subject for each in before}, {each.subject for each in found}
        new, over = [f for f in found if f.subject not in known], [f for f in before if f.subject not in now]
        seen = Watched(day, found, new, over, await titles(conn, playbook, [*found, *over]))
        if tell:
            await _keep(conn, seen, at)
            for each in new:
                await alert(conn, _alert(each, seen, words, playbook.community.zone), at)
    return seen


async def _before(conn: Connection) -> list[Finding]:
    """What the last look found."""
    row = await (await conn.execute(queries.newest, {"kind": KIND, "since": None})).fetchone()
    return _FINDINGS.validate_python(row["content"]["findings"]) if row else []


async def _keep(conn: Connection, seen: Watched, at: datetime) -> None:
    content: dict[str, Any] = {"findings": _FINDINGS.dump_python(list(seen.found), mode="json")}
    await conn.execute(queries.store, {"kind": KIND, "since": seen.day, "made_at": at, "content": Jsonb(content)})


def _alert(found: Finding, seen: Watched, words: Words, zone: str) -> Alert:
    return Alert(f"watch:{found.subject}", words.finding(found, seen.labels, zone), rows_of(found), words.remedy(found))


def address_of(found: Finding, dashboard: str) -> str:
    """Where the dashboard shows the rows behind a finding."""
    of = {"part": found.part} if found.part else {"group": found.group_id} if found.group_id else {}
    last = window(found.span, found.since, "UTC").until - timedelta(days=1)
    asked = {"from": found.since, "to": last, "span": found.span.value, **of}
    return f"{dashboard}/kpi/{found.kpi}/rows?{urlencode(asked)}"


def rows_of(found: Finding) -> str:
    """How the rows behind a finding are listed."""
    of = f" --part {quote(found.part)}" if found.part else f" --group {found.group_id}" if found.group_id else ""
    return f"sop kpi {found.kpi} --{found.span} {found.since} --rows{of}"
