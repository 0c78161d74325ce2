"""A KPI's numbers from its rows: of all, by part, by group and by source, in each currency."""

from datetime import datetime
from functools import cache
from typing import LiteralString

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.definitions import parameters, rows_of, source_of
from community.insight.values import Value
from community.insight.windows import Window
from community.kpis import KPIS, Measure
from community.playbook import Playbook

queries = load(__file__, "measuring.sql")


@cache
def counts_of(kpi: str) -> LiteralString:
    """The SELECT of its numbers: part, group_id, source, currency, hits, base, minor, middle_s, high_s."""
    known = KPIS[kpi]
    timed = known.measure is Measure.seconds
    shape = {
        "dimensions": queries.dimensions,
        "grouped": queries.grouped,
        "part": queries.part if known.parts else "''",
        "key": "" if known.once else "r.key,",
        "by_part": "(r.part)," if known.parts else "",
        "has_part": "(grouping(r.part) = 1 OR r.part IS NOT NULL) AND" if known.parts else "",
        "source": source_of(kpi),
        "middle": queries.middle if timed else queries.nothing,
        "high": queries.high if timed else queries.nothing,
        "rows": rows_of(kpi),
    }
    return queries.fill("once" if known.once else "several", **shape)


async def measured(
    conn: Connection, playbook: Playbook, kpi: str, asked: Window, now_at: datetime | None = None
) -> list[Value]:
    """The KPI in that window, however long, by its rows as they are now; nothing is stored.

    All that `every` and `by` give of one that is counted. `now_at`: it may not be over yet.
    """
    async with transaction(conn):
        await conn.execute(queries.in_memory)
        rows = await (await conn.execute(counts_of(kpi), parameters(playbook, asked, now_at))).fetchall()
    return [Value(kpi, asked.since, **row) for row in rows]
