"""Count what happened by days, and the KPIs by day, week and month; again where something came late.

A report then reads what is counted, and never goes through history.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from community.activity import counted
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.cohorts import count_cohorts
from community.insight.definitions import defined, parameters
from community.insight.measuring import counts_of, queries as measuring
from community.insight.retention import whole
from community.insight.rfm import score_payers
from community.insight.windows import Span, Window, day_of, touched, window
from community.kpis import KPIS
from community.playbook import Playbook

queries = load(__file__)

OPEN_DAYS = 2
"""So many days before today are counted with it each time: what is on its way is then not late."""
MOST_LATE = 31
"""Late days that one call counts."""
COUNTER_LOCK = 0x50B_0009


@dataclass(frozen=True, slots=True)
class Count:
    """What a call counted: days, of which so many were late, and how many late ones are left."""

    days: int
    late: int
    left: int


async def count(conn: Connection, playbook: Playbook, now_at: datetime) -> Count:
    """Count today, the days still open, and up to `MOST_LATE` late ones, the newest first.

    Once a day weeks and months are counted too, and payers scored; windows also when something came late. Counting
    again changes nothing that has not changed. The first time, all of the past is late.
    """
    zone = playbook.community.zone
    today = day_of(now_at, zone)
    before = await _begin(conn, zone, today)
    open_days = [before - timedelta(days=1) + timedelta(days=n) for n in range((today - before).days + 2)]
    closed = today - timedelta(days=OPEN_DAYS)
    async with transaction(conn):
        await _alone(conn)
        await _count_days(conn, playbook, open_days, now_at, Span if before < closed else [Span.day])
        if before < closed:
            await score_payers(conn, zone, now_at)
        await counted.count_before(conn, zone, max(before, closed))
    async with transaction(conn):
        await _alone(conn)
        late = await counted.late_days(conn, MOST_LATE)
        await counted.take_late(conn, late)
        late = await whole(conn, playbook.retention, zone, now_at, late)
        await _count_days(conn, playbook, late, now_at, Span)
    return Count(len(open_days), len(late), len(await counted.late_days(conn, 10_000)))


async def count_window(conn: Connection, playbook: Playbook, asked: Window, now_at: datetime | None = None) -> None:
    """Count every KPI of this one window anew, by what its days say. `now_at`: it may not be over yet."""
    async with transaction(conn):
        await _alone(conn)
        for kpi in defined():
            await _measure(conn, playbook, kpi, asked, now_at)


async def _begin(conn: Connection, zone: str, today: date) -> date:
    """The day before which everything is counted, or marked to be."""
    before = await counted.counted_before(conn, zone)
    if before is None:
        before = today - timedelta(days=OPEN_DAYS + 1)
        first = await (await conn.execute(queries.first_moment)).fetchone()
        async with transaction(conn):
            if first and first["at"]:
                await counted.mark_days_late(conn, day_of(first["at"], zone), before)
            await counted.count_before(conn, zone, before)
    return before


async def _alone(conn: Connection) -> None:
    await conn.execute(queries.one_counter, {"key": COUNTER_LOCK})
    await conn.execute(measuring.in_memory)


async def _count_days(
    conn: Connection, playbook: Playbook, days: Iterable[date], now_at: datetime, spans: Iterable[Span]
) -> None:
    days = list(days)
    zone, spans = playbook.community.zone, list(spans)
    today = day_of(now_at, zone)
    for day in days:
        await _count_day(conn, playbook, window(Span.day, day, zone))
    for kpi in defined():
        looks_back = KPIS[kpi].looks_back
        windows = {w for span in spans for day in days for w in touched(span, day, looks_back, today, zone)}
        for each in sorted(windows):
            await _measure(conn, playbook, kpi, each, now_at)
    if Span.week in spans:
        for each in sorted({window(Span.week, day, zone) for day in days}):
            await count_cohorts(conn, each)


async def _count_day(conn: Connection, playbook: Playbook, day: Window) -> None:
    values = parameters(playbook, day)
    await conn.execute(queries.forget_day, values)
    await conn.execute(queries.count_day, values)


async def _measure(conn: Connection, playbook: Playbook, kpi: str, asked: Window, now_at: datetime | None) -> None:
    values = {**parameters(playbook, asked, now_at), "kpi": kpi, "span": asked.span}
    await conn.execute(queries.forget_value, values)
    await conn.execute(queries.fill("store", counts=counts_of(kpi)), values)
