"""Removals of a member whose terms change: the call is taken back, a word given is void, the next run looks again."""

from collections.abc import Mapping, Sequence
from typing import Any

from community.database.pool import Connection
from community.database.queries import load
from community.outbox.settle import withdraw

queries = load(__file__, "removals.sql")

STAGE, STEP = "access", "remove"


def occurrence(row: Mapping[str, Any]) -> str:
    """The one call of a removal that was checked then; another check has another."""
    return f"removal:{row['id']}:{int(row['checked_at'].timestamp())}"


async def put_off(conn: Connection, member_ids: Sequence[int]) -> None:
    """The terms of these members have changed, in the caller's transaction. A call on its way is not repeated."""
    rows = await (await conn.execute(queries.waiting, {"member_ids": list(member_ids), "group_id": None})).fetchall()
    withdrawn = set(await withdraw(conn, STAGE, STEP, [occurrence(row) for row in rows], "holds")) if rows else set()
    ids = [row["id"] for row in rows if occurrence(row) in withdrawn]
    await conn.execute(queries.changed, {"member_ids": list(member_ids), "withdrawn": ids})
