"""Bundles in force: published into PostgreSQL by hash, taken up by every process within seconds, without restart."""

import time

from psycopg.types.json import Jsonb

from community.bundle import Bundle
from community.database.installation import sop_now
from community.database.pool import Connection
from community.database.queries import load
from community.errors import PlaybookError
from community.members.links import sync_links
from community.outbox.halt import mirror

queries = load(__file__)

LOOK_AGAIN_S = 2.0
"""A process asks for a newer publication when its answer is older than this (promise: in force within 5 s)."""


async def publish(
    conn: Connection, bundle: Bundle, note: str, *, in_flight: str | None = None, returns_to: int | None = None
) -> str:
    """Put the bundle into force; stages it switches off stop sending with the same commit. Returns the hash.

    `in_flight`: what becomes of members who are half-way (`stay`, `migrate`), whatever its stages say. `returns_to`:
    the publication that a rollback goes back to.
    """
    off = [name for name, stage in bundle.playbook.stages.items() if not stage.enabled]
    async with conn.transaction():
        await store(conn, bundle)
        values = {"hash": bundle.hash, "note": note, "in_flight": in_flight, "returns_to": returns_to}
        await conn.execute(queries.publish, {**values, "at": await sop_now(conn)})
        await mirror(conn, off, "playbook", "switched off in the playbook")
        await sync_links(conn, bundle.playbook)
    return bundle.hash


async def store(conn: Connection, bundle: Bundle) -> None:
    """Keep the bundle, so that messages can name it; what is in force stays."""
    await conn.execute(queries.store_bundle, {"hash": bundle.hash, "content": Jsonb(bundle.to_json())})


async def went_back(conn: Connection) -> bool:
    """Whether what is in force is a former version, put back by an operator."""
    row = await (await conn.execute(queries.newest_publication)).fetchone()
    return row is not None and row["returns_to"] is not None


class Bundles:
    """The bundles a process has met, by hash, and the one in force."""

    def __init__(self) -> None:
        self._by_hash: dict[str, Bundle] = {}
        self._in_force: tuple[float, str] | None = None

    async def current(self, conn: Connection) -> Bundle:
        """The bundle in force, at most 2 s late. Raises PlaybookError when none was ever published."""
        if self._in_force is None or time.monotonic() - self._in_force[0] > LOOK_AGAIN_S:
            row = await (await conn.execute(queries.in_force)).fetchone()
            if row is None:
                raise PlaybookError("no playbook is in force; publish one: sop publish --note 'first'")
            self._in_force = (time.monotonic(), row["hash"])
        return await self.get(conn, self._in_force[1])

    async def get(self, conn: Connection, bundle_hash: str) -> Bundle:
        """The bundle of that hash, as pinned on a message."""
        if bundle_hash not in self._by_hash:
            row = await (await conn.execute(queries.bundle, {"hash": bundle_hash})).fetchone()
            if row is None:
                raise PlaybookError(f"bundle {bundle_hash[:12]} is not stored here; publish the playbook again")
            self._by_hash[bundle_hash] = Bundle.from_json(row["content"])
        return self._by_hash[bundle_hash]
