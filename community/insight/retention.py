"""Days of members go with the events that they were counted from; the figures made of them stay."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from community.database.pool import Connection
from community.database.queries import load
from community.insight.windows import Span, Window, day_of
from community.kpis import KPIS
from community.playbook import Retention

queries = load(__file__, "retention.sql")

LOOK = timedelta(days=max(kpi.looks_back for kpi in KPIS.values()))
"""So far before it a window looks."""
REACH = LOOK + timedelta(days=31)
"""So many days before it the windows look that a day is in, a month among them."""


def kept_from(keep: Retention, zone: str, now_at: datetime) -> date:
    """The first day whose events are kept at `now_at`: the first of a month."""
    return _first_of(keep.events_months, zone, now_at)


def whole_from(keep: Retention, zone: str, now_at: datetime) -> date:
    """The first day of which all is kept that figures are made of: events, and why somebody got nothing."""
    return _first_of(min(keep.events_months, keep.decisions_months), zone, now_at)


async def forget_days(conn: Connection, keep: Retention, zone: str, now_at: datetime) -> int:
    """Delete what members did on days before those; returns how many rows, one for each member, day and group."""
    return (await conn.execute(queries.forget_days, {"before": kept_from(keep, zone, now_at)})).rowcount


async def whole(conn: Connection, keep: Retention, zone: str, now_at: datetime, days: Sequence[date]) -> list[date]:
    """Those of the days that may be counted: again only while all is there that their windows look at.

    Counting what is gone would put nothing in the place of what was counted when it was there.
    """
    gone = {day for day in days if day - REACH < whole_from(keep, zone, now_at)}
    counted = await _counted(conn, Span.day, sorted(gone)) if gone else set()
    return [day for day in days if day not in counted]


async def is_whole(conn: Connection, keep: Retention, asked: Window, now_at: datetime) -> bool:
    """Whether the window may be counted: as `whole`, of the days before it that it looks at."""
    if asked.since - LOOK >= whole_from(keep, asked.zone, now_at):
        return True
    return asked.since not in await _counted(conn, asked.span, [asked.since])


async def _counted(conn: Connection, span: Span | None, days: Sequence[date]) -> set[date]:
    """The days of which anything is counted in the windows that begin with them."""
    values = {"span": span, "days": list(days), "kpis": list(KPIS)}
    return {row["since"] for row in await (await conn.execute(queries.counted_of, values)).fetchall()}


def _first_of(months: int, zone: str, now_at: datetime) -> date:
    today = day_of(now_at, zone)
    month = today.year * 12 + today.month - 1 - months
    return date(month // 12, month % 12 + 1, 1)
