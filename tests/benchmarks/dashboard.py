"""Row `dashboard`: how long its pages take, of a community of five years.

1,000,000 members; every KPI by day, week and month, for 40 groups and 12 sources; cohorts of five years; messages that
wait; 2,000,000 signs of life by day in the last week. No page reads events but the funnel, which counts clicks by their
index. Each page is opened 200 times by a browser that is signed in, over HTTP, one after the other. The figure is the
95th percentile of each page; the reference that of a bare page, served likewise in the same run. The rows behind the
largest KPI, which are read only when asked for, stand in the details.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from community.database.pool import Connection, connect, open_pool
from community.database.wakeup import Wakeup
from community.gateway.app import create_gateway
from community.gateway.dashboard import routes
from community.gateway.dashboard.pages import PAGES
from community.gateway.server import http_config
from community.insight.entrance import Entrance
from community.kpis import KPIS, Measure
from community.sandbox.server import bind
from community.settings import Mode, Settings
from tests.benchmarks.harness import BOT_ID, NOON, Row, database, install

MEMBERS, GROUPS, SOURCES, YEARS = 1_000_000, 40, 12, 5
WEEKLY = 2_000_000
LOADS, TARGET_S = 200, 0.5
DRILLS = ("/dashboard/kpi/revenue", "/dashboard/kpi/active?span=day", "/dashboard/kpi/new_members/rows")
BARE = "<!doctype html><title>bare</title><p>Nothing.</p>"


async def run() -> Row:
    """Fill a database as a big community has it, and look."""
    with database(durable=False) as url:
        await install(url, 30.0)
        async with await connect(url) as conn:
            await _fill(conn)
        settings = Settings(_env_file=None, mode=Mode.real, telegram_token=SecretStr(f"{BOT_ID}:bench-token"))
        routes.LOOKS = 10**9
        pool = await open_pool(url, 8)
        app = create_gateway(pool, settings, Wakeup(url), lambda: "bench_bot")
        bare = Starlette(routes=[Route("/", _bare)])
        async with _served(app) as desk, _served(bare) as nothing, aiohttp.ClientSession() as http:
            reference = await _p95(http, nothing, {})
            cookies = await _signed_in(url, desk, settings)
            figures = {}
            for path in (*(page.path for page in PAGES), *DRILLS):
                name = path.removeprefix("/dashboard").partition("?")[0].strip("/") or "board"
                figures[name] = await _p95(http, desk + path, cookies)
            rows = await _p95(http, desk + "/dashboard/kpi/active/rows", cookies, loads=5)
        await pool.close()
    passed = max(figures.values()) < TARGET_S
    ratio = figures["board"] / reference
    details: dict[str, float | int | str] = {
        "loads of each": LOADS,
        "members": MEMBERS,
        "rows of active, slowest": round(rows, 2),
    }
    return Row("dashboard", figures, "s p95", {"bare page": reference}, ratio, "p95 < 0.5 s", passed, details)


async def _bare(request: Request) -> Response:
    return HTMLResponse(BARE)


@asynccontextmanager
async def _served(app: ASGIApp) -> AsyncIterator[str]:
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(http_config(app))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving


async def _signed_in(url: str, desk: str, settings: Settings) -> dict[str, str]:
    async with await connect(url) as conn, aiohttp.ClientSession() as http:
        link = await Entrance(desk, settings.lasting_secret("dashboard")).invite(conn)
        async with http.post(link, data={}, allow_redirects=False) as answer:
            assert answer.status == 303, answer.status
            return {name: cookie.value for name, cookie in answer.cookies.items()}


async def _p95(http: aiohttp.ClientSession, address: str, cookies: dict[str, str], loads: int = LOADS) -> float:
    seconds = []
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    for _ in range(loads):
        started = time.perf_counter()
        async with http.get(address, headers=headers, allow_redirects=False) as answer:
            await answer.read()
            assert answer.status == 200, (address, answer.status)
        seconds.append(time.perf_counter() - started)
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


async def _fill(conn: Connection) -> None:
    values = {"now": NOON, "members": MEMBERS, "groups": GROUPS, "sources": SOURCES, "days": YEARS * 365}
    for text in _STATEMENTS:
        await conn.execute(text, values)  # type: ignore[arg-type]
    money = [kpi.measure in (Measure.money, Measure.money_each) for kpi in KPIS.values()]
    timed = [kpi.measure is Measure.seconds for kpi in KPIS.values()]
    await conn.execute(_VALUES, {**values, "kpis": list(KPIS), "money": money, "timed": timed})
    await conn.execute(_DAYS, {**values, "weekly": WEEKLY})
    await conn.execute("VACUUM ANALYZE")


_STATEMENTS = (
    "INSERT INTO groups (chat_id, title, registered_at)"
    " SELECT -1000 - n, 'Group ' || n, %(now)s::timestamptz - interval '5 years'"
    " FROM generate_series(1, %(groups)s) AS n",
    "INSERT INTO links (token, kind, source, created_at)"
    " SELECT 's' || n, 'entry', jsonb_build_object('utm_source', 'source' || n), %(now)s"
    " FROM generate_series(1, %(sources)s) AS n",
    "INSERT INTO members (telegram_id, first_name, dm, entered_at, first_seen_at, link_token)"
    " SELECT n, 'Member ' || n, 'open', t.at, t.at, 's' || 1 + n %% %(sources)s"
    " FROM generate_series(1, %(members)s) AS n"
    " CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - n * interval '5 years' / %(members)s AS at) AS t",
    "INSERT INTO memberships (member_id, group_id, joined_at)"
    " SELECT m.id, g.first + m.id %% %(groups)s, m.entered_at FROM members m,"
    " (SELECT min(id) AS first FROM groups) AS g",
    "INSERT INTO cohort_weeks (entered, week, source, active)"
    " SELECT e::date, w::date, s.source, 1 + 4000 / (1 + (w::date - e::date) / 7)"
    " FROM generate_series(date_trunc('week', %(now)s::timestamptz) - interval '260 weeks', %(now)s, '1 week') AS e,"
    " generate_series(e, %(now)s, '1 week') AS w,"
    " (SELECT '' AS source UNION ALL SELECT 'source' || n FROM generate_series(1, %(sources)s) AS n) AS s",
    "INSERT INTO follow_ups (member_id, kind, occurrence, note, created_at, due_at)"
    " SELECT id, 'problem', 'once', '', %(now)s, %(now)s + id * interval '1 second' FROM members LIMIT 5000",
    "INSERT INTO lives (title, url, announce_at, starts_at, ends_at, window_until_at, plan, created_at)"
    " SELECT 'Live ' || n, 'https://x.example', t.at, t.at, t.at + interval '1 hour',"
    " t.at + interval '2 days', 'month',"
    " t.at - interval '7 days' FROM generate_series(1, 100) AS n"
    " CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - n * interval '3 days' AS at) AS t",
    "INSERT INTO live_attendances (live_id, member_id, registered_at, registered_by, watched_at, watched_by)"
    " SELECT l.id, m.id, l.created_at, 'button', l.starts_at, 'click'"
    " FROM lives l CROSS JOIN (SELECT id FROM members LIMIT 1000) AS m",
    "INSERT INTO messages "
    "(bot_id, chat_id, lane, stage, step, occurrence, promotional, exempt, planned_at, due_at, state)"
    f" SELECT {BOT_ID}, n, 35, 'bench', 'wait', n::text, false, true, %(now)s, %(now)s, 'waiting'"
    " FROM generate_series(1, 100000) AS n",
)
_VALUES = """
INSERT INTO kpi_values (kpi, span, since, part, group_id, source, currency, hits, base, minor, middle_s, high_s)
SELECT
    k.kpi, w.span, w.since, '', d.group_id, d.source, CASE WHEN k.money THEN 'CNY' ELSE '' END, n.hits, 3 * n.hits,
    CASE WHEN k.money THEN n.hits * 19900 ELSE 0 END, CASE WHEN k.timed THEN n.hits END,
    CASE WHEN k.timed THEN n.hits END
FROM unnest(%(kpis)s::text[], %(money)s::boolean[], %(timed)s::boolean[]) AS k (kpi, money, timed)
CROSS JOIN (
    SELECT 'day' AS span, (%(now)s::timestamptz - n * interval '1 day')::date AS since
    FROM generate_series(0, %(days)s) AS n
    UNION ALL
    SELECT 'week', s::date FROM generate_series(
        date_trunc('week', %(now)s::timestamptz) - %(days)s * interval '1 day', %(now)s, '1 week') AS s
    UNION ALL
    SELECT 'month', s::date FROM generate_series(
        date_trunc('month', %(now)s::timestamptz) - %(days)s * interval '1 day', %(now)s, '1 month') AS s
    WHERE extract(day FROM s) = 1
) AS w
CROSS JOIN (
    SELECT 0::bigint AS group_id, '' AS source
    UNION ALL SELECT id, '' FROM groups
    UNION ALL SELECT 0, 'source' || n FROM generate_series(1, %(sources)s) AS n
) AS d
CROSS JOIN LATERAL (SELECT 40 + (hashtext(k.kpi || w.since || d.source) %% 40 + d.group_id) AS hits) AS n
ON CONFLICT DO NOTHING
"""
_DAYS = """
INSERT INTO member_days (day, member_id, group_id, message)
SELECT (%(now)s::timestamptz - d * interval '1 day')::date, m.id, 1, 1
FROM generate_series(1, 7) AS d, (SELECT id FROM members WHERE id %% 3 = 0 OR id <= 1) AS m
LIMIT %(weekly)s
"""
