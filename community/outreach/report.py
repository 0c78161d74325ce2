"""What became of a plan's messages."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "report.sql")


async def outcome(conn: Connection, plan_id: int) -> dict[str, int]:
    """State → number of the plan's messages in it."""
    counts: dict[str, int] = {}
    for row in await outcome_by_step(conn, plan_id):
        counts[row["state"]] = counts.get(row["state"], 0) + row["messages"]
    return counts


async def outcome_by_step(conn: Connection, plan_id: int, day: date | None = None) -> list[dict[str, Any]]:
    """Rows of step, state, reason, messages; of a backfill those of one `day` only, if one is asked for."""
    if day is None:
        return await (await conn.execute(queries.outcome, {"plan_id": plan_id})).fetchall()
    return await (await conn.execute(queries.outcome_of_day, {"plan_id": plan_id, "day": day})).fetchall()


async def outcome_of_occurrences(
    conn: Connection, stage: str, occurrences: Sequence[str], since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Rows of step, state, members: the messages of these reasons to write that were planned between the moments.

    A member who got a step for several of them counts once.
    """
    values = {"stage": stage, "occurrences": list(occurrences), "since": since, "until": until}
    return await (await conn.execute(queries.outcome_of_occurrences, values)).fetchall()


async def last_plans(conn: Connection, stages: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of stage, as_of_at, planned_wall, counts: each stage's last plan; none for one that was never planned."""
    return await (await conn.execute(queries.last_plans, {"stages": list(stages)})).fetchall()
