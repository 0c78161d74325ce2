"""Rows `rollup` and `weekly`: figures of a community of a million members with fifty million events behind them.

`rollup` counts a day of a million events, as the hourly run late on that day does: what members did, and every KPI of
the day. Beside it stands the first run after that day, which counts it once more, with its week, its month, payers'
scores and cohorts. `weekly` makes the report of a week of two million events, on the Monday after it and of what the
hourly runs have counted by then (that week and the one before it), with its page and its sheets, in a process of its
own; with a tenth of the history, and with all of it. Beside it stands how long the last of these runs took.
"""

import asyncio
import sys
import time
from datetime import datetime, timedelta
from typing import NamedTuple

from community.activity.counted import count_before
from community.bundle import load_bundle
from community.database.pool import Connection, connect
from community.insight.counting import count, count_window
from community.insight.report import make, window_for
from community.insight.report_pages import ReportPages
from community.insight.sheets import workbook
from community.insight.windows import Span, window
from community.playbook import Playbook
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
        playbook = (await install(url, rate=None)).playbook
        async with await connect(url) as conn:
            await years.fill(conn)
            await years.active(conn, ROLLED, 1, IN_DAY // 2)
            await conn.execute("DELETE FROM member_days WHERE day = %s", [ROLLED])
            await conn.execute("VACUUM ANALYZE")
            await count_before(conn, years.ZONE, ROLLED)
            rolled = await _counted(conn, playbook, years.clock(ROLLED, 23))
            counted = await number(conn, f"SELECT count(*) FROM member_days WHERE day = '{ROLLED}'")
            bare = await _bare(conn)
            closed = await _counted(conn, playbook, years.clock(ROLLED + DAY, 6))
    details: dict[str, float | int | str] = {
        "members on that day": counted,
        "with its week and month, s": round(closed),
    }
    passed = rolled < ROLL_S and counted == IN_DAY // 2
    return Row(
        "rollup", rolled, "s", {"its events read, grouped by member": bare}, rolled / bare, "< 20 s", passed, details
    )


async def _counted(conn: Connection, playbook: Playbook, at: datetime) -> float:
    """Seconds of a count at that time."""
    started = time.perf_counter()
    await count(conn, playbook, at)
    return time.perf_counter() - started


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
    little = await _weekly(years.DAYS // 10)
    much = await _weekly(years.DAYS)
    ratio = much.seconds / little.seconds
    return Row(
        "weekly",
        {"seconds": much.seconds, "MB": much.memory / 1e6},
        "",
        {"with a tenth of the history, s": little.seconds},
        ratio,
        "< 30 s, < 1 GB, no more with ten times the history",
        much.seconds < MOST_S and much.memory < MOST_BYTES and ratio < 1.5,
        {"events": much.events, "of which in the smaller history": little.events, "counted before in, s": much.counted},
    )


class Weekly(NamedTuple):
    """A report made: its seconds, bytes of memory at the worst, events there are, seconds of counting before it."""

    seconds: float
    memory: float
    events: int
    counted: int


async def _weekly(days: int) -> Weekly:
    with database(durable=False) as url:
        playbook = (await install(url, rate=None)).playbook
        async with await connect(url) as conn:
            await years.fill(conn, history_days=days)
            events = await number(conn, "SELECT count(*) FROM events")
            await count_before(conn, years.ZONE, years.WEEK + 6 * DAY)
            week_before = window(Span.week, years.WEEK - 7 * DAY, years.ZONE)
            await count_window(conn, playbook, week_before, years.clock(years.WEEK, 8))
            counted = await _counted(conn, playbook, years.clock(years.WEEK + 7 * DAY, 8))
        seconds, memory = await measured("tests.benchmarks.figures", url)
    return Weekly(seconds, memory, events, round(counted))


async def _report(url: str) -> None:
    bundle = load_bundle(ROOT / "templates")
    async with await connect(url) as conn:
        asked = window_for("weekly", years.WEEK + 7 * DAY, years.ZONE)
        report = await make(conn, bundle, "weekly", asked, years.clock(years.WEEK + 7 * DAY, 9))
    pages = ReportPages(ROOT / "templates")
    assert len(pages.html(report, "zh-Hans")) > 1000
    assert len(workbook(report, pages.words("zh-Hans", "zh-Hans"))) > 1000


if __name__ == "__main__":
    asyncio.run(_report(sys.argv[1]))
