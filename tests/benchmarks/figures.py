"""Rows `rollup` and `weekly`: figures of a community of a million members with fifty million events behind them.

`rollup` counts a day of a million events: what members did, every KPI of the days it touches, of its week and its
month. `weekly` makes the report of a week of two million events, all its figures counted anew, with its page and its
sheets, in a process of its own; with a tenth of the history, and with all of it.
"""

import asyncio
import sys
import time
from datetime import timedelta

from community.activity.counted import count_before
from community.bundle import load_bundle
from community.database.pool import Connection, connect
from community.insight.counting import count
from community.insight.report import make, window_for
from community.insight.report_pages import ReportPages
from community.insight.sheets import workbook
from tests.benchmarks import years
from tests.benchmarks.harness import ROOT, Row, count as number, database, install, measured

DAY = timedelta(days=1)
ROLLED = years.WEEK + 12 * DAY
"""A day of a million events, with quiet ones before and after it."""
IN_DAY = 1_000_000
MOST_S, MOST_BYTES, ROLL_S = 30.0, 1e9, 20.0


async def run() -> Row:
    """Row `rollup`, with all the history."""
    with database(durable=False) as url:
        bundle = await install(url, rate=None)
        async with await connect(url) as conn:
            await years.fill(conn)
            await years.active(conn, ROLLED, 1, IN_DAY // 2)
            await conn.execute("DELETE FROM member_days WHERE day = %s", [ROLLED])
            await conn.execute("VACUUM ANALYZE")
            await count_before(conn, years.ZONE, ROLLED)
            started = time.perf_counter()
            await count(conn, bundle.playbook, years.noon(ROLLED + DAY))
            rolled = time.perf_counter() - started
            bare = await _bare(conn)
            counted = await number(conn, f"SELECT count(*) FROM member_days WHERE day = '{ROLLED}'")
            values = await number(conn, "SELECT count(*) FROM kpi_values")
    details: dict[str, float | int | str] = {"members on that day": counted, "figures": values}
    passed = rolled < ROLL_S and counted == IN_DAY // 2
    return Row(
        "rollup", rolled, "s", {"its events read, grouped by member": bare}, rolled / bare, "< 20 s", passed, details
    )


async def _bare(conn: Connection) -> float:
    """Seconds to read the day's events and group them by member, once."""
    started = time.perf_counter()
    await conn.execute(
        "CREATE TEMP TABLE bare AS SELECT member_id, group_id, kind, count(*) FROM events"
        " WHERE at >= %(day)s::date::timestamp AT TIME ZONE %(zone)s"
        " AND at < (%(day)s::date + 1)::timestamp AT TIME ZONE %(zone)s GROUP BY 1, 2, 3",
        {"day": ROLLED, "zone": years.ZONE},
    )
    return time.perf_counter() - started


async def run_weekly() -> Row:
    """Row `weekly`."""
    little, _, few = await _weekly(years.DAYS // 10)
    much, memory, events = await _weekly(years.DAYS)
    return Row(
        "weekly",
        {"seconds": much, "MB": memory / 1e6},
        "",
        {"with a tenth of the history, s": little},
        much / little,
        "< 30 s, < 1 GB, no more with ten times the history",
        much < MOST_S and memory < MOST_BYTES and much / little < 1.5,
        {"events": events, "of which in the smaller history": few},
    )


async def _weekly(days: int) -> tuple[float, float, int]:
    with database(durable=False) as url:
        await install(url, rate=None)
        async with await connect(url) as conn:
            await years.fill(conn, history_days=days)
            events = await number(conn, "SELECT count(*) FROM events")
        seconds, memory = await measured("tests.benchmarks.figures", url)
    return seconds, memory, events


async def _report(url: str) -> None:
    bundle = load_bundle(ROOT / "templates")
    async with await connect(url) as conn:
        asked = window_for("weekly", years.WEEK + 7 * DAY, years.ZONE)
        report = await make(conn, bundle, "weekly", asked, years.noon(years.WEEK + 7 * DAY))
    pages = ReportPages(ROOT / "templates")
    assert len(pages.html(report, "zh-Hans")) > 1000
    assert len(workbook(report, pages.words("zh-Hans", "zh-Hans"))) > 1000


if __name__ == "__main__":
    asyncio.run(_report(sys.argv[1]))
