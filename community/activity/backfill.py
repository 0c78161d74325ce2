"""Append what happened long ago, such as a group's history from before the bot came: an event once, however often."""

from collections.abc import Sequence

import orjson

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
    since, until = min(moments), max(moments)
    await ensure_months(conn, "events", {at.replace(day=1) for at in moments})
    async with conn.transaction():
        await conn.execute(queries.sort_in_memory)
        await conn.execute(queries.make_past)
        async with conn.cursor() as cursor, cursor.copy(queries.copy_past) as copy:
            await copy.write("".join(map(_line, activities)))
        values = {"since": since, "until": until, "signs_of_life": list(SIGNS_OF_LIFE)}
        rows = await (await conn.execute(queries.backfill, values)).fetchall()
    return {row["kind"]: row["members"] for row in rows}


def _line(a: Activity) -> str:
    """The event as a line of COPY; one text for all, as a call for each would take longer than PostgreSQL."""
    data = orjson.dumps(a.data).decode().replace("\\", "\\\\")
    return f"{a.at.isoformat()}\t{a.kind}\t{a.member_id}\t{a.group_id}\t{a.data['message']}\t{data}\n"
