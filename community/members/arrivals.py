"""What each tracked link has brought."""

from collections.abc import Mapping
from dataclasses import dataclass

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "arrivals.sql")


@dataclass(frozen=True, slots=True)
class Arrivals:
    """A tracked link (`kind` entry or resource) with what came of it."""

    token: str
    kind: str
    url: str | None
    """Where a resource leads; None for an entry link, which leads to the bot."""
    source: Mapping[str, str]
    clicks: int
    """Clicks of people: 0 for direct links, which Telegram does not report."""
    came: int
    """Members whose first known source it is."""
    admitted: int
    """Of these, how many were admitted to a group."""


async def arrivals(conn: Connection) -> list[Arrivals]:
    """Every link ever published: entry links first, then resources."""
    rows = await (await conn.execute(queries.arrivals)).fetchall()
    return [Arrivals(**row) for row in rows]


def entry_url(links_url: str | None, bot: str, token: str) -> str:
    """Address to publish for an entry link: the gateway's, or without one straight to the bot called `bot`."""
    return f"{links_url}/l/{token}" if links_url else f"https://t.me/{bot}?start={token}"
