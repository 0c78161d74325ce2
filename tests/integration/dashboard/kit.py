"""A dashboard on a real port, browsers that look at it, and numbers to look at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from pydantic import SecretStr

from community.database.pool import Connection, Pool
from community.database.wakeup import Wakeup
from community.gateway.app import create_gateway
from community.gateway.server import http_config
from community.insight.entrance import ENTRANCE, Entrance
from community.kpis import KPIS, Measure
from community.sandbox.server import bind
from community.settings import Mode, Settings
from tests.integration.conftest import BOT_ID
from tests.integration.insight.kit import NOW
from tests.integration.test_gateway import BROWSER, Server

TOKEN = "a-token-for-the-dashboard"
GROUPS = {1: "跨境电商 · 广州交流群", 2: "東南亞採購", 3: '<b>Sourcing & "price" {{ 7*7 }}</b>'}
SOURCES = ("xiaohongshu", "wechat", "unknown")


@dataclass
class Desk:
    """A browser and the dashboard."""

    url: str
    http: aiohttp.ClientSession
    settings: Settings
    conn: Connection

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        return await self._ask("GET", path, None, headers)

    async def post(self, path: str, data: dict[str, str] | None = None, **headers: str) -> aiohttp.ClientResponse:
        return await self._ask("POST", path, data or {}, headers)

    async def page(self, path: str, **headers: str) -> str:
        answer = await self.get(path, **headers)
        assert answer.status == 200, (answer.status, await answer.text())
        return await answer.text()

    @property
    def secret(self) -> str:
        return self.settings.lasting_secret(ENTRANCE)

    async def link(self) -> str:
        """The path of a new link."""
        return await Entrance("", self.secret).invite(self.conn)

    async def enter(self) -> None:
        """Sign in by a link."""
        answer = await self.post(await self.link())
        assert (answer.status, answer.headers["Location"]) == (303, "/dashboard")

    async def _ask(
        self, method: str, path: str, data: dict[str, str] | None, headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        sent = BROWSER | {"Accept-Language": "en"} | headers
        answer = await self.http.request(method, self.url + path, data=data, headers=sent, allow_redirects=False)
        await answer.read()  # else its connection is left to the garbage collector
        return answer


@asynccontextmanager
async def opened_desk(pool: Pool, conn: Connection, database_url: str, **more: Any) -> AsyncIterator[Desk]:
    known = {"dashboard_token": SecretStr(TOKEN), **more}
    settings = Settings(_env_file=None, mode=Mode.real, telegram_token=SecretStr(f"{BOT_ID}:secret"), **known)
    await conn.execute("UPDATE installation SET virtual_now_at = %s", [NOW])
    app = create_gateway(pool, settings, Wakeup(database_url), lambda: "the_bot")
    listener = bind("127.0.0.1", 0)
    server = Server(http_config(app, settings.trusted_proxies))
    serving = asyncio.create_task(server.serve([listener]))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Desk(f"http://127.0.0.1:{listener.getsockname()[1]}", http, settings, conn)
    server.should_exit = True
    await serving


async def make_groups(conn: Connection) -> None:
    for number, title in GROUPS.items():
        await conn.execute(
            "INSERT INTO groups (id, chat_id, title, registered_at) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s)",
            [number, -1000 - number, title, NOW],
        )


async def fill(conn: Connection, weeks: int = 20) -> None:
    """Numbers of so many weeks, and their days and months, of all KPIs, groups and sources; and cohorts."""
    await make_groups(conn)
    await conn.execute(
        """
        INSERT INTO kpi_values (kpi, span, since, part, group_id, source, currency, hits, base, minor, middle_s, high_s)
        SELECT
            k.kpi, w.span, w.since, d.part, d.group_id, d.source, k.currency, n.hits, 4 * n.hits + 20,
            CASE WHEN k.currency = '' THEN 0 ELSE n.hits * 19900 END,
            CASE WHEN k.measure = 'seconds' THEN 60.0 * n.hits END,
            CASE WHEN k.measure = 'seconds' THEN 90.0 * n.hits END
        FROM unnest(%(kpis)s::text[], %(measures)s::text[], %(currencies)s::text[]) WITH ORDINALITY
            AS k (kpi, measure, currency, at)
        CROSS JOIN (
            SELECT 'week' AS span, s::date AS since FROM generate_series(
                date_trunc('week', %(day)s::date) - %(weeks)s * interval '1 week', %(day)s, '1 week') AS s
            UNION ALL
            SELECT 'month', s::date FROM generate_series(
                date_trunc('month', %(day)s::date) - interval '5 months', %(day)s, '1 month') AS s
            UNION ALL
            SELECT 'day', s::date FROM generate_series(%(day)s::date - 30, %(day)s::date, '1 day') AS s
        ) AS w
        CROSS JOIN (
            SELECT '' AS part, 0::bigint AS group_id, '' AS source, 1.0 AS of
            UNION ALL SELECT '', number, '', 0.4 / number FROM unnest(%(groups)s::bigint[]) AS number
            UNION ALL SELECT '', 0, source, 0.3 FROM unnest(%(sources)s::text[]) AS source
            UNION ALL SELECT part, 0, '', 0.5 FROM unnest(ARRAY['month', 'year']) AS part
        ) AS d
        CROSS JOIN LATERAL (
            SELECT (d.of * (40 + 7 * k.at + 30 * sin(extract(epoch FROM w.since) / 1e6 + k.at)))::int AS hits
        ) AS n
        """,
        {
            "kpis": list(KPIS),
            "measures": [kpi.measure.value for kpi in KPIS.values()],
            "currencies": [
                "CNY" if kpi.measure in (Measure.money, Measure.money_each) else "" for kpi in KPIS.values()
            ],
            "groups": list(GROUPS),
            "sources": list(SOURCES),
            "day": NOW.date(),
            "weeks": weeks,
        },
    )
    await conn.execute(
        """
        INSERT INTO members (telegram_id, first_name, dm, entered_at, first_seen_at)
        SELECT 50000 + 100 * w + n, 'N' || n, 'open', %(now)s - w * interval '1 week', %(now)s - w * interval '1 week'
        FROM generate_series(0, 12) AS w, generate_series(1, 40) AS n
        """,
        {"now": NOW},
    )
    await conn.execute(
        """
        INSERT INTO cohort_weeks (entered, week, source, active)
        SELECT c.entered::date, c.entered::date + 7 * w, '',
            greatest(40 - 5 * w - extract(day FROM c.entered)::int / 6, 1)
        FROM generate_series(date_trunc('week', %(day)s::date) - interval '12 weeks', %(day)s, '1 week') AS c (entered),
            generate_series(0, 12) AS w
        WHERE c.entered::date + 7 * w <= %(day)s::date
        """,
        {"day": NOW.date()},
    )
