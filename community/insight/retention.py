"""Days of members go with the events that they were counted from; the figures made of them stay."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from community.database.pool import Connection
from community.database.queries import load
from community.insight.windows import day_of
from community.kpis import KPIS
from community.playbook import Retention

queries = load(__file__, "retention.sql")

REACH = timedelta(days=max(kpi.looks_back for kpi in KPIS.values()) + 31)
"""So many days before it the windows look that a day is in, a month among them."""


def kept_from(keep: Retention, zone: str, now_at: datetime) -> date:
    """The first day whose events are kept at `now_at`: the first of a month."""
    today = day_of(now_at, zone)
    months = today.year * 12 + today.month - 1 - keep.events_months
    return date(months // 12, months % 12 + 1, 1)


async def forget_days(conn: Connection, keep: Retention, zone: str, now_at: datetime) -> int:
    """Delete what members did on days before those; returns how many rows, one for each member, day and group."""
    return (await conn.execute(queries.forget_days, {"before": kept_from(keep, zone, now_at)})).rowcount


async def whole(conn: Connection, keep: Retention, zone: str, now_at: datetime, days: Sequence[date]) -> list[date]:
    """Those of the days that may be counted: again only while all is there that their windows look at.

    Counting what is gone would put nothing in the place of what was counted when it was there.
    """
    gone = {day for day in days if day - REACH < kept_from(keep, zone, now_at)}
    if not gone:
        return list(days)
    values = {"days": sorted(gone), "kpis": list(KPIS)}
    counted = {row["since"] for row in await (await conn.execute(queries.counted_of, values)).fetchall()}
    return [day for day in days if day not in counted]
