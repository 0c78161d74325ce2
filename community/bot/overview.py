"""Which updates wait, and which could not be handled."""

from dataclasses import dataclass
from datetime import datetime

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Updates of one kind in one state. `error`: the class of what was raised, if anything was."""

    state: str
    kind: str
    error: str | None
    updates: int
    latest_wall: datetime
    """When the latest of them came."""


async def troubles(conn: Connection, bot_id: int) -> list[Trouble]:
    """The bot's updates that wait or failed, commonest first."""
    return [Trouble(**row) for row in await (await conn.execute(queries.troubles, {"bot_id": bot_id})).fetchall()]
