"""Append what happened long ago, such as a group's history from before the bot came: an event once, however often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from community.activity.counted import keep_counter_out
from community.activity.record import SIGNS_OF_LIFE
from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "backfill.sql")


class Fact(NamedTuple):
    """Something a member did in a group. `data` is the event's and names the Telegram message (`message`)."""

    kind: str
    at: datetime
    telegram_id: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """Facts as PostgreSQL takes them in: work that needs no database, so that it can be done beside its work."""

    lines: str
    months: frozenset[datetime]
    since: datetime
    until: datetime


def write(facts: Sequence[Fact]) -> Written:
    """The facts (at least one) as lines of COPY; one text for all, as a call for each would take longer."""
    moments = [fact.at for fact in facts]
    months = frozenset(datetime(*month, 1, tzinfo=moments[0].tzinfo) for month in {(m.year, m.month) for m in moments})
    return Written("".join(map(_line, facts)), months, min(moments), max(moments))


async def backfill(conn: Connection, group_id: int, facts: Written) -> dict[str, list[int]]:
    """Append those facts of known members that are not there, with their milestones.

    Returns whose they are, as Telegram ids by kind. A fact is there already if the member has an event of that kind in
    that group at that moment about that message: a second import, or a newer export, adds only what is new. What the
    bot saw itself may name no message: the moment decides then, for joining and leaving to five minutes, as a member is
    admitted a little before or after Telegram reports it.
    """
    await ensure_months(conn, "events", facts.months)
    async with conn.transaction():
        await keep_counter_out(conn)
        await conn.execute(queries.sort_in_memory)
        await conn.execute(queries.make_past)
        async with conn.cursor() as cursor, cursor.copy(queries.copy_past) as copy:
            await copy.write(facts.lines)
        values = {"group_id": group_id, "since": facts.since, "until": facts.until}
        values["signs_of_life"] = list(SIGNS_OF_LIFE)
        rows = await (await conn.execute(queries.backfill, values)).fetchall()
    return {row["kind"]: row["telegram_ids"] for row in rows}


def _line(fact: Fact) -> str:
    data = orjson.dumps(fact.data).decode().replace("\\", "\\\\")
    return f"{fact.at.isoformat()}\t{fact.kind}\t{fact.telegram_id}\t{fact.data['message']}\t{data}\n"
