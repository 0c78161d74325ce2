"""Members who were erased stay left alone when they come back: a keyed hash is all that is kept of them.

Without the installation's secret, which is not in the database, a hash tells nothing: Telegram ids are few enough to
try them all.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from hmac import new as hmac

from psycopg.types.json import Jsonb

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__)


def suppression_hash(secret: str, telegram_id: int) -> str:
    """What is kept of an erased member. `secret`: `Settings.lasting_secret(SUPPRESSION)`."""
    return hmac(secret.encode(), str(telegram_id).encode(), sha256).hexdigest()


SUPPRESSION = "suppression"
"""Purpose of the secret."""


async def suppress(conn: Connection, secret: str, telegram_id: int, at: datetime) -> None:
    """Leave this account alone from now on: should it come back, it is opted out from the start."""
    await conn.execute(queries.suppress, {"hash": suppression_hash(secret, telegram_id), "at": at})


async def leave_alone_again(conn: Connection, secret: str) -> int:
    """Opt out whoever was erased and has been brought in anew by an import; returns how many.

    What they have had once they have had still.
    """
    rows = await (await conn.execute(queries.suppressions)).fetchall()
    since = {row["hash"]: row["since_at"] for row in rows}
    gone = {row["hash"] for row in await (await conn.execute(queries.gone_accounts)).fetchall()}
    if not since and not gone:
        return 0
    back, known = [], []
    async with conn.cursor() as cursor:
        async for row in cursor.stream(queries.brought_in):
            account = suppression_hash(secret, row["telegram_id"])
            if at := since.get(account):
                back.append((row["id"], at))
            if account in gone:
                known.append((row["id"], account))
    values = {"id": [number for number, _ in back], "at": [at for _, at in back]}
    await conn.execute(queries.opt_out_suppressed, values)
    await conn.execute(queries.came_back, {"id": [each for each, _ in known], "hash": [each for _, each in known]})
    return len(back)


async def record_erasure(conn: Connection, member_id: int, removed: Mapping[str, int], at: datetime) -> None:
    """Keep what was removed (rows by kind), under the member's former number."""
    await conn.execute(queries.record_erasure, {"number": member_id, "removed": Jsonb(dict(removed)), "at": at})
