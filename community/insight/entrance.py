"""The way in to the dashboard: a link that opens it once and soon, and the session that it begins. Both are signed.

All moments here are wall time: how long somebody may look has nothing to do with the time that an SOP runs in.
"""

import re
from hashlib import sha256
from hmac import compare_digest, new as hmac
from secrets import token_urlsafe
from typing import Literal, NamedTuple, Self

from community.database.pool import Connection
from community.database.queries import load
from community.settings import Settings

queries = load(__file__, "entrance.sql")

ENTRANCE = "dashboard"
"""Purpose of the secret by which links and sessions are signed (`Settings.lasting_secret`)."""
PATH = "/dashboard"
LINK_S = 600
"""How long a link opens the dashboard, once."""
SESSION_S = 12 * 3600
_SHAPE = re.compile(r"([0-9]{10,12})\.([A-Za-z0-9_-]{16})\.([0-9a-f]{40})", re.ASCII)

Kind = Literal["link", "session"]


class Entrance(NamedTuple):
    """Where the dashboard is, and what its links are signed by."""

    base: str
    secret: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The installation's."""
        return cls(settings.links_url or settings.gateway_url, settings.lasting_secret(ENTRANCE))

    async def invite(self, conn: Connection) -> str:
        """The address of a new link."""
        return f"{self.base}{PATH}/in/{await issue(conn, self.secret, 'link')}"


class Pass(NamedTuple):
    """A link or a session that we signed. Whether it is over, or was used or ended, the database tells."""

    number: str
    until_s: int
    """Unix second."""


async def issue(conn: Connection, secret: str, kind: Kind) -> str:
    """Sign a new link, or session."""
    row = await (await conn.execute(queries.now)).fetchone()
    assert row is not None
    return sign(secret, kind, token_urlsafe(12), row["now_s"] + (LINK_S if kind == "link" else SESSION_S))


def sign(secret: str, kind: Kind, number: str, until_s: int) -> str:
    """`<until>.<number>.<signature>`."""
    return f"{until_s}.{number}.{_signature(secret, kind, number, until_s)}"


def read(secret: str, kind: Kind, text: str) -> Pass | None:
    """What it says; None for what we did not sign as that kind."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    found = Pass(match[2], int(match[1]))
    return found if compare_digest(_signature(secret, kind, *found).encode(), match[3].encode()) else None


async def holds(conn: Connection, given: Pass) -> bool:
    """Whether it is neither over nor spent."""
    row = await (await conn.execute(queries.holds, given._asdict())).fetchone()
    return bool(row and row["holds"])


async def spend(conn: Connection, given: Pass) -> bool:
    """Use a link, or end a session; False if that was done before, or it is over."""
    async with conn.transaction():
        await conn.execute(queries.forget)
        return await (await conn.execute(queries.spend, given._asdict())).fetchone() is not None


def _signature(secret: str, kind: Kind, number: str, until_s: int) -> str:
    return hmac(secret.encode(), f"{kind}.{number}.{until_s}".encode(), sha256).hexdigest()[:40]
