"""Who is one person: accounts that were proved to be the same, and accounts that were erased and come back.

What a person may have once is counted over all of them. Of erased accounts a keyed hash is kept, as for those who are
left alone (`suppression`), and which such plans their person has had.
"""

from collections.abc import Sequence

from community.database.pool import Connection, transaction
from community.database.queries import load

queries = load(__file__, "persons.sql")


async def join(conn: Connection, member_id: int, other_id: int) -> None:
    """Two members were proved to be one person."""
    async with transaction(conn):
        await conn.execute(queries.take_turns)
        await _merge(conn, await _person(conn, member_id), await _person(conn, other_id))


async def join_account(conn: Connection, member_id: int, account: str) -> None:
    """The member is the person of an account that the bot has not met; of which the hash is known alone."""
    async with transaction(conn):
        await conn.execute(queries.take_turns)
        row = await (await conn.execute(queries.of_account, {"hash": account})).fetchone()
        person = await _person(conn, member_id)
        if row is None:
            await conn.execute(queries.add, {"person": person, "member_id": None, "hash": account})
        else:
            await _merge(conn, person, row["person"])


async def remember(conn: Connection, member_id: int, account: str, plans: Sequence[str]) -> None:
    """The member is about to be erased: keep that their person has had these plans, and nothing if there is nothing."""
    async with transaction(conn):
        await conn.execute(queries.take_turns)
        known = await (await conn.execute(queries.of_member, {"member_id": member_id})).fetchone()
        if known is None and not plans:
            return
        person = await _person(conn, member_id)
        same = await (await conn.execute(queries.of_account, {"hash": account})).fetchone()
        await _merge(conn, person, same["person"] if same else person)
        await conn.execute(queries.hash, {"member_id": member_id, "hash": account})
        await conn.execute(queries.had, {"person": person, "plans": list(plans)})


async def _person(conn: Connection, member_id: int) -> str:
    """The member's person, a new one if they were never joined to another account."""
    row = await (await conn.execute(queries.of_member, {"member_id": member_id})).fetchone()
    if row is None:
        row = await (await conn.execute(queries.add, {"person": None, "member_id": member_id, "hash": None})).fetchone()
    assert row is not None
    return str(row["person"])


async def _merge(conn: Connection, person: str, other: str) -> None:
    if person != other:
        await conn.execute(queries.merge, {"person": person, "other": other})
