"""What a stage may have planned and sent in a database that was lost since its backup."""

from datetime import datetime

from community.bundle import Bundle
from community.database.pool import Connection
from community.outreach.plan import settings_of_planner
from community.outreach.statements import of_each_version, statement


async def park(
    conn: Connection, bundle: Bundle, stage_name: str, as_of: datetime, *, since: datetime, bot_id: int
) -> int:
    """Make every promotional message of the stage that is due at `as_of` and not planned an uncertain one.

    For a restored database, which cannot know what was sent `since` its backup (both SOP time). Returns how many.
    """
    parked = 0
    async with conn.transaction():
        await settings_of_planner(conn, everyone=True)
        for _, values in await of_each_version(conn, bundle, stage_name, as_of, None):
            values |= {"bot_id": bot_id, "since": since}
            parked += (await conn.execute(statement("park", values), values)).rowcount
    return parked
