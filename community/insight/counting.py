"""Count what happened by days, and the KPIs by day, week and month; again where something came late.

A report then reads what is counted, and never goes through history.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from community.activity import counted
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.cohorts import count_cohorts
from community.insight.counted_figures import is_counted
from community.insight.definitions import defined, parameters
from community.insight.measuring import counts_of, keep, queries as measuring
from community.insight.retention import LOOK, is_whole, whole
from community.insight.rfm import score_payers
from community.insight.windows import Span, Window, day_of, touched, window
from community.kpis import KPIS
from community.playbook import Playbook

queries = load(__file__)

OPEN = timedelta(hours=6)
"""So long after its end a day is counted with today: what is on its way is then not late."""
MOST_LATE = 7
"""Late days that one transaction counts: so long nobody can bring anything in."""


class Late(NamedTuple):
    """Late days that were counted anew, and those that are left."""

    counted: list[date]
    left: list[date]


async def count(conn: Connection, playbook: Playbook, now_at: datetime) -> Late:
    """Count what is open, and late days as far as one transaction goes. Again, it changes nothing that is the same."""
    await count_open(conn, playbook, now_at)
    return await count_late(conn, playbook, now_at)


async def count_open(conn: Connection, playbook: Playbook, now_at: datetime) -> int:
    """Count today and the days still open; returns how many.

    Once a day weeks and months are counted too, and payers scored. The first time, all of the past is late.
    """
    zone = playbook.community.zone
    today, closed = day_of(now_at, zone), day_of(now_at - OPEN, zone)
    async with transaction(conn):
        await _alone(conn)
        before = await _begin(conn, zone, closed)
        open_days = [before + timedelta(days=n) for n in range((today - before).days + 1)]
        await _count_days(conn, playbook, open_days, now_at, Span if before < closed else [Span.day])
        if before < closed:
            await score_payers(conn, zone, now_at)
        await counted.count_before(conn, zone, max(before, closed))
    return len(open_days)


async def count_late(conn: Connection, playbook: Playbook, now_at: datetime) -> Late:
    """Count up to `MOST_LATE` late days anew, the newest first, with all windows that look at them."""
    async with transaction(conn):
        await _alone(conn)
        late = await counted.late_days(conn, MOST_LATE)
        await counted.take_late(conn, late)
        late = await whole(conn, playbook.retention, playbook.community.zone, now_at, late)
        await _count_days(conn, playbook, late, now_at, Span)
    return Late(late, await counted.late_days(conn, 10_000))


async def count_window(conn: Connection, playbook: Playbook, asked: Window, now_at: datetime) -> None:
    """Count the days of this one window anew, as far as they have come, and every KPI of it.

    One that is counted for good stays as it is: its days are closed, and nothing is late that it looks at. So does one
    that looks at days of which not all is kept any more.
    """
    async with transaction(conn):
        await _alone(conn)
        if await _is_final(conn, asked) or not await is_whole(conn, playbook.retention, asked, now_at):
            return
        for day in asked.days:
            if day <= day_of(now_at, asked.zone):
                await _count_day(conn, playbook, window(Span.day, day, asked.zone))
        await _measure(conn, playbook, defined(), asked, now_at)


async def _is_final(conn: Connection, asked: Window) -> bool:
    before = await counted.counted_before(conn, asked.zone)
    if before is None or before < asked.until or not await is_counted(conn, asked):
        return False
    return not any(asked.since - LOOK <= day < asked.until for day in await counted.late_days(conn, 10_000))


async def _begin(conn: Connection, zone: str, closed: date) -> date:
    """The day before which everything is counted, or marked to be: all of the past the first time, and what is left
    of the days on which nobody counted.
    """
    before = await counted.counted_before(conn, zone)
    if before is not None and before >= closed - timedelta(days=MOST_LATE):
        return before
    latest = closed - timedelta(days=1)
    first = await (await conn.execute(queries.first_moment, {"zone": zone})).fetchone()
    since = before or (first and first["at"] and day_of(first["at"], zone))
    if since:
        await counted.mark_days_late(conn, since, latest)
    return latest


async def _alone(conn: Connection) -> None:
    await counted.count_alone(conn)
    await conn.execute(measuring.in_memory)


async def _count_days(
    conn: Connection, playbook: Playbook, days: Iterable[date], now_at: datetime, spans: Iterable[Span]
) -> None:
    days, spans, zone = list(days), list(spans), playbook.community.zone
    today = day_of(now_at, zone)
    for day in days:
        await _count_day(conn, playbook, window(Span.day, day, zone))
    kpis: dict[Window, list[str]] = {}
    for kpi in defined():
        looks_back = KPIS[kpi].looks_back
        for each in {w for span in spans for day in days for w in touched(span, day, looks_back, today, zone)}:
            kpis.setdefault(each, []).append(kpi)
    for each in sorted(kpis):
        await _measure(conn, playbook, kpis[each], each, now_at)
    if Span.week in spans:
        for each in sorted({window(Span.week, day, zone) for day in days}):
            await count_cohorts(conn, each, playbook.signs.activity)


async def _count_day(conn: Connection, playbook: Playbook, day: Window) -> None:
    """By hashing and merging: statistics are of before the day was, and nested loops would be quadratic."""
    await conn.execute(queries.nested_loops, {"are": "off"})
    await conn.execute(queries.count_day, parameters(playbook, day))
    await conn.execute(queries.nested_loops, {"are": "on"})


async def _measure(conn: Connection, playbook: Playbook, kpis: list[str], asked: Window, now_at: datetime) -> None:
    values = parameters(playbook, asked, now_at)
    await keep(conn, kpis, values)
    for kpi in kpis:
        of = {**values, "kpi": kpi, "span": asked.span}
        await conn.execute(queries.forget_value, of)
        await conn.execute(queries.fill("store", counts=await counts_of(conn, kpi, values)), of)
