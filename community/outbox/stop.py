"""Stop a campaign: what waits of it is cancelled for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "stop.sql")

BATCH = 2_000
"""Cancelled at a time, what would be sent next first: within a second nothing more leaves, however much waits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of one plan of a stage. `live`: the live session it is about, if it is about one."""

    stage: str
    plan_id: int
    live: int | None
    messages: int
    oldest_at: datetime
    """When the first of them is due."""
    latest_at: datetime
    title: str | None
    """Of the live session."""


async def waiting(conn: Connection, bot_id: int) -> list[Waiting]:
    """What waits of the stages' plans and live sessions, the largest first."""
    rows = await (await conn.execute(queries.waiting, {"bot_id": bot_id})).fetchall()
    return [Waiting(**row) for row in rows]


async def stop_plan(conn: Connection, bot_id: int, plan_id: int) -> int:
    """Cancel what waits of a plan; returns how many messages."""
    return await _stop(conn, await _ids(conn, queries.of_plan, bot_id=bot_id, plan_id=plan_id))


async def stop_live(conn: Connection, bot_id: int, live: int) -> int:
    """Cancel what waits about a live session; returns how many messages."""
    return await _stop(conn, await _ids(conn, queries.of_live, bot_id=bot_id, live=Jsonb({"live": live})))


async def stop_stage(conn: Connection, bot_id: int, stage: str) -> int:
    """Cancel what waits of a stage now; returns how many messages. What it plans later is sent."""
    return await _stop(conn, await _ids(conn, queries.of_stage, bot_id=bot_id, stage=stage))


async def _ids(conn: Connection, query: Any, **values: Any) -> Sequence[int]:
    return [row["id"] for row in await (await conn.execute(query, values)).fetchall()]


async def _stop(conn: Connection, ids: Sequence[int]) -> int:
    """Batches commit one by one, so that no claim waits for long."""
    stopped = 0
    for start in range(0, len(ids), BATCH):
        stopped += (await conn.execute(queries.stop, {"ids": ids[start : start + BATCH]})).rowcount
    return stopped
