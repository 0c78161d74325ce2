"""The rows behind numbers that are no KPI: steps of the funnel, quadrants, who came to a session, cells of a cohort.

What counts such a number and what lists its rows is one SELECT. Rows have `key`, `member_id`, `at`, `source` (NULL: the
member's), `part` (such as a campaign) and `number`: for how much of the whole each stands. Their sum is the number.
"""

from typing import Any, Literal, LiteralString, NamedTuple

from psycopg import AsyncCursor

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "listed.sql")

Came = Literal["registered", "watched"]


class Listed(NamedTuple):
    """A statement of rows, and what it asks for."""

    rows: LiteralString
    values: dict[str, Any]


def attended(live_id: int, came: Came) -> Listed:
    """Who registered for a live session, or watched it."""
    return Listed(queries.fill("attended", came=came), {"live_id": live_id})


async def listed(conn: Connection, of: Listed, limit: int, offset: int = 0) -> AsyncCursor[dict[str, Any]]:
    """The rows, the oldest first, with names of the members."""
    values = {**of.values, "limit": limit, "offset": offset}
    return await conn.execute(queries.fill("page", rows=of.rows), values)
