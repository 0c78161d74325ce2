"""Append what happened long ago, such as a group's history from before the bot came: an event once, however often."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from community.activity.record import SIGNS_OF_LIFE, Activity
from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "backfill.sql")


async def backfill(conn: Connection, activities: Sequence[Activity]) -> dict[str, list[int]]:
    """Append those events that are not there, with their milestones; returns whose they are, by kind.

    Each is a member's in a group and names the Telegram message it is about (`data["message"]`). It is there already
    if the member has an event of that kind in that group at that moment about that message: a second import, or a
    newer export, adds only what is new. What the bot saw itself may name no message: the moment decides then, for
    joining and leaving to five minutes, as a member is admitted a little before or after Telegram reports it.
    """
    if not activities:
        return {}
    moments = [a.at for a in activities]
    await ensure_months(conn, "events", moments)
    async with conn.transaction():
        await conn.execute(queries.make_past)
        async with conn.cursor() as cursor, cursor.copy(queries.copy_past) as copy:
            copy.set_types(["timestamptz", "text", "int8", "int8", "jsonb"])
            for a in activities:
                await copy.write_row((a.at, a.kind, a.member_id, a.group_id, Jsonb(dict(a.data))))
        await conn.execute(queries.probe_only)
        values = {"since": min(moments), "until": max(moments), "signs_of_life": list(SIGNS_OF_LIFE)}
        rows = await (await conn.execute(queries.backfill, values)).fetchall()
    return {row["kind"]: row["members"] for row in rows}
