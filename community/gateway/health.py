"""/health for whoever watches the process, /metrics for Prometheus."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from community.database.installation import last_beat
from community.database.pool import Pool
from community.database.queries import load
from community.playbook_stages import MessageClass

queries = load(__file__)

ANSWER_S = 3.0
UNAVAILABLE = (OperationalError, PoolTimeout, TimeoutError)


class Health:
    """The endpoint `/health`: 200 while the database answers, with the age of the service's last heartbeat."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def answer(self, request: Request) -> Response:
        """`{"status": "ok", "heartbeat_age_s": 2.1}`; 503 when the database does not answer within 3 s."""
        try:
            async with asyncio.timeout(ANSWER_S), self._pool.connection(timeout=ANSWER_S) as conn:
                beat = await last_beat(conn, "service")
        except UNAVAILABLE:
            return JSONResponse({"status": "database unreachable"}, 503)
        age = (datetime.now(UTC) - beat).total_seconds() if beat else None
        return JSONResponse({"status": "ok", "heartbeat_age_s": age})


class Metrics:
    """The endpoint `/metrics`: this process's counters, and what the database says at the moment of asking."""

    def __init__(self, pool: Pool, bot_id: int) -> None:
        self._pool = pool
        self._values = {"bot_id": bot_id}

    async def answer(self, request: Request) -> Response:
        """Prometheus' text format. `sop_database_up 0` and the counters alone when the database is away."""
        try:
            async with asyncio.timeout(ANSWER_S):
                gauges = await self._gauges()
        except UNAVAILABLE:
            gauges = [GaugeMetricFamily("sop_database_up", "Whether the database answers", value=0)]
        text = generate_latest(REGISTRY) + generate_latest(_registry(gauges))
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _gauges(self) -> list[GaugeMetricFamily]:
        async with self._pool.connection(timeout=ANSWER_S) as conn:
            messages = await (await conn.execute(queries.messages_by_state, self._values)).fetchall()
            updates = await (await conn.execute(queries.updates_by_state, self._values)).fetchall()
            beat = await last_beat(conn, "service")
        queue = GaugeMetricFamily("sop_messages", "Messages by state and class", labels=["state", "class"])
        for row in messages:
            queue.add_metric([row["state"], MessageClass.of_lane(row["lane"])], row["messages"])
        stored = GaugeMetricFamily("sop_updates", "Telegram updates that wait or failed", labels=["state"])
        for row in updates:
            stored.add_metric([row["state"]], row["updates"])
        heart = GaugeMetricFamily("sop_service_heartbeat_seconds", "Unix time of the service's last heartbeat")
        if beat:
            heart.add_metric([], beat.timestamp())
        return [GaugeMetricFamily("sop_database_up", "Whether the database answers", value=1), queue, stored, heart]


class _Scrape(Collector):
    def __init__(self, gauges: Iterable[GaugeMetricFamily]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._gauges


def _registry(gauges: Iterable[GaugeMetricFamily]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrape(gauges))
    return registry
