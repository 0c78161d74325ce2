"""A KPI's numbers from its rows: of all, by part, by group and by source, in each currency."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any, LiteralString

from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.definitions import kept_by, kept_text, parameters, rows_of, source_of
from community.insight.values import Value
from community.insight.windows import Window
from community.kpis import KPIS, Keys, Kpi, Measure
from community.playbook import Playbook

queries = load(__file__, "measuring.sql")

IN_GROUP = (Keys.in_group, Keys.inside)


async def counts_of(conn: Connection, kpi: str, values: Mapping[str, Any]) -> LiteralString:
    """The SELECT of its numbers: part, group_id, source, currency, hits, base, minor, middle_s, high_s.

    For the transaction's window that was kept last (`keep`). It finds the rows itself if they are of members in groups.
    """
    if KPIS[kpi].keys not in IN_GROUP:
        return _counts(kpi)
    await _keep(conn, "hits", queries.fill("hits", rows=rows_of(kpi, kept=True)), values)
    await _keep_sources(conn)
    hits = _in_group("hits")
    return hits if KPIS[kpi].keys is Keys.in_group else queries.fill("of_inside", hits=hits)


@cache
def _counts(kpi: str) -> LiteralString:
    return queries.fill("once" if KPIS[kpi].keys is Keys.once else "several", **_shape(KPIS[kpi]))


def _in_group(table: str) -> LiteralString:
    return queries.fill("in_group", table=table, nothing=queries.nothing)


def _shape(known: Kpi) -> dict[str, str]:
    timed = known.measure is Measure.seconds
    return {
        "dimensions": queries.dimensions,
        "grouped": queries.grouped,
        "part": queries.part if known.parts else "''",
        "key": "" if known.keys is Keys.once else "r.key,",
        "by_part": "(r.part)," if known.parts else "",
        "has_part": "(grouping(r.part) = 1 OR r.part IS NOT NULL) AND" if known.parts else "",
        "source": source_of(known.name),
        "middle": queries.middle if timed else queries.nothing,
        "high": queries.high if timed else queries.nothing,
        "rows": rows_of(known.name, kept=True),
    }


async def keep(conn: Connection, kpis: Collection[str], values: Mapping[str, Any]) -> None:
    """Find what several of these KPIs read in a window, once for all, until the transaction keeps another window."""
    for name in sorted({name for kpi in kpis for name in kept_by(kpi)}):
        await _keep(conn, name, kept_text(name), values)
    if any(KPIS[kpi].keys is Keys.inside for kpi in kpis):
        await _keep_sources(conn)
        await _keep(conn, "base", _in_group("inside"), values)


async def _keep_sources(conn: Connection) -> None:
    """Where everybody came from is the same in all windows of the transaction; who has come since is added."""
    found = await (await conn.execute(queries.sources_kept)).fetchone()
    if found and found["kept"]:
        await conn.execute(queries.add_sources)
    else:
        await _keep(conn, "sources", queries.sources, {})
        await conn.execute(queries.by_member)


async def _keep(conn: Connection, table: str, text: str, values: Mapping[str, Any]) -> None:
    """In a table, so that the plans of what reads it know how large it is."""
    await conn.execute(queries.fill("forget", table=table))
    await conn.execute(queries.fill("keep", table=table, text=text), values)
    await conn.execute(queries.fill("look_at", table=table))


async def measured(
    conn: Connection, playbook: Playbook, kpi: str, asked: Window, now_at: datetime | None = None
) -> list[Value]:
    """The KPI in that window, however long, by its rows as they are now; nothing is stored.

    All that `every` and `by` give of one that is counted. `now_at`: it may not be over yet.
    """
    async with transaction(conn):
        await conn.execute(queries.in_memory)
        values = parameters(playbook, asked, now_at)
        await keep(conn, [kpi], values)
        rows = await (await conn.execute(await counts_of(conn, kpi, values), values)).fetchall()
    return [Value(kpi, asked.since, **row) for row in rows]
