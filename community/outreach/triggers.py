"""What a stage answered at once and Prefect has yet to show. Kept until shown, however long Prefect is away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A trigger not yet shown as a run."""

    id: int
    member_id: int
    at: datetime


async def leave_trigger(conn: Connection, stage: str, member_id: int, at: datetime) -> None:
    """Something was answered at once, in the caller's transaction; a run is to show it."""
    await conn.execute(queries.trigger, {"stage": stage, "member_id": member_id, "at": at})


async def waiting_triggers(conn: Connection, stage: str, limit: int) -> list[Waiting]:
    """The oldest triggers of the stage that no run has shown."""
    rows = await (await conn.execute(queries.waiting_triggers, {"stage": stage, "limit": limit})).fetchall()
    return [Waiting(row["id"], row["member_id"], row["at"]) for row in rows]


async def mark_shown(conn: Connection, trigger_ids: Sequence[int]) -> None:
    """A run over these has been recorded."""
    await conn.execute(queries.mark_shown, {"ids": list(trigger_ids)})
