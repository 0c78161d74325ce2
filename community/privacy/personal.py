"""Export and erase one member. Each package says in its `privacy.sql` what it holds of a member and how it forgets it.

`export_…` selects rows, `erase_…` removes or anonymises them, `hold_…` keeps others from adding to them
meanwhile, `had_…` selects plans that are had once.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString

from psycopg.errors import LockNotAvailable

from community.database.pool import Connection
from community.database.queries import Queries, load
from community.errors import DatabaseError, PlaybookError
from community.members.models import Member
from community.members.names import display_name
from community.members.persons import remember
from community.members.suppression import record_erasure, suppress, suppression_hash
from community.outbox.bundles import Bundles

queries = load(__file__)

CORE = Path(__file__).parent.parent
PACKAGES = (
    "bot",
    "insight",
    "live",
    "payments",
    "outreach",
    "access",
    "engagement",
    "outbox",
    "groups",
    "activity",
    "members",
)
"""In the order of erasure: what writes about members is held first, the member goes last."""
STATEMENTS = [Queries(CORE / package / "privacy.sql") for package in PACKAGES]


async def export(conn: Connection, member: Member) -> dict[str, list[dict[str, Any]]]:
    """All rows about the member, by table, as of one moment."""
    found = {}
    async with conn.transaction():
        await conn.execute(queries.one_moment)
        for name, statement in _statements("export_"):
            rows = await (await conn.execute(statement, _whom(member))).fetchall()
            found[name.removeprefix("export_")] = rows
    return found


async def erase(conn: Connection, member: Member, secret: str, at: datetime) -> dict[str, int]:
    """Remove or anonymise everything about the member in one transaction; what waits for them is cancelled.

    Kept are a keyed hash, so that they are left alone should they come back; with it what they have had of what is had
    once; and the rows removed by kind, which are returned. Raises DatabaseError when something else holds what must be
    held for longer than 10 seconds.
    """
    removed = {}
    try:
        async with conn.transaction():
            await conn.execute(queries.one_at_a_time)
            about = {**_whom(member), "at": at, "once": await _once(conn)}
            for name, statement in _statements("erase_", "hold_", "had_"):
                cursor = await conn.execute(statement, about)
                if name.startswith("had_"):
                    plans = [row["plan"] for row in await cursor.fetchall()]
                    await remember(conn, member.id, suppression_hash(secret, member.telegram_id), plans)
                elif cursor.rowcount > 0:
                    removed[name.removeprefix("erase_")] = cursor.rowcount
            await suppress(conn, secret, member.telegram_id, at)
            await record_erasure(conn, member.id, removed, at)
    except LockNotAvailable:
        raise DatabaseError("database: a plan or an update takes long just now; nothing erased, try again") from None
    return removed


async def _once(conn: Connection) -> list[str]:
    """Plans that a person may have once, by the playbook in force."""
    try:
        bundle = await Bundles().current(conn)
    except PlaybookError:  # none was ever published
        return []
    return [key for key, plan in bundle.playbook.plans.items() if plan.once]


def _statements(*prefixes: str) -> Iterator[tuple[str, LiteralString]]:
    for package in STATEMENTS:
        for name in package.names:
            if name.startswith(prefixes):
                yield name, getattr(package, name)


def _whom(member: Member) -> dict[str, Any]:
    name = display_name(member.first_name, member.last_name, member.username)
    return {"id": member.id, "telegram_id": member.telegram_id, "name": name}
