"""Pictures that messages show: kept by their hash, and given up when no message needs them any more."""

from datetime import datetime, timedelta
from hashlib import sha256

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "pictures.sql")

KEY = "picture"
"""Of a message's context: the hash of the picture it shows."""
KEPT = timedelta(days=31)


async def keep(conn: Connection, png: bytes, at: datetime) -> str:
    """Store a picture; returns its hash, which a message's context names. The same picture is stored once."""
    named = sha256(png).hexdigest()
    await conn.execute(queries.keep, {"hash": named, "png": png, "at": at})
    return named


async def picture(conn: Connection, named: str) -> bytes | None:
    """The picture of that hash; None: it is not there."""
    row = await (await conn.execute(queries.picture, {"hash": named})).fetchone()
    return bytes(row["png"]) if row else None


async def forget_pictures(conn: Connection, at: datetime, after: timedelta = KEPT) -> int:
    """Delete pictures older than that, except what a message shows that may still be sent; returns how many."""
    return (await conn.execute(queries.forget, {"before": at - after})).rowcount
