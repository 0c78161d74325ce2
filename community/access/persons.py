"""What a person may have once: counted over all accounts that are theirs, erased ones too."""

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "persons.sql")


async def had(conn: Connection, member_id: int, plan: str) -> bool:
    """Whether the member, or another account of the same person, has had the plan; what was revoked does not count.

    Until the caller's transaction ends nobody else is told so of that person. Under the member's turn.
    """
    values = {"member_id": member_id, "plan": plan}
    await conn.execute(queries.take_turns, values)
    return await (await conn.execute(queries.had, values)).fetchone() is not None
