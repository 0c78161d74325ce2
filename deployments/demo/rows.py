"""What a query finds."""

from typing import Any

from community.database.pool import Connection


async def rows(conn: Connection, query: Any, **values: object) -> list[dict[str, Any]]:
    """All rows of a query."""
    return await (await conn.execute(query, values)).fetchall()
