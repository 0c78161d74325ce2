"""The installation: which bot a database belongs to, SOP time, and which processes are alive."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from community.database.pool import Connection
from community.database.queries import load
from community.errors import DatabaseError

queries = load(__file__)


async def claim(conn: Connection, bot_id: int, mode: str) -> None:
    """Take the database for this bot, or check that it is the bot's already (invariant 15).

    Raises DatabaseError when another bot or another mode (demo, sandbox, real) uses it.
    """
    await conn.execute(queries.claim_installation, {"bot_id": bot_id, "mode": mode})
    row = await (await conn.execute(queries.installation)).fetchone()
    assert row is not None
    if (row["bot_id"], row["mode"]) != (bot_id, mode):
        raise DatabaseError(
            f"database: it belongs to bot {row['bot_id']} ({row['mode']}), not to bot {bot_id} ({mode}); "
            "use another database (SOP_DATABASE_URL) or that bot's token"
        )


async def sop_now(conn: Connection) -> datetime:
    """SOP time: real time, unless a simulation has set its own."""
    row = await (await conn.execute(queries.installation)).fetchone()
    return present(row["virtual_now_at"] if row else None)


def present(virtual_now_at: datetime | None) -> datetime:
    """SOP time, given what `v_sop_time` says: for those who ask the database something else anyway."""
    return virtual_now_at or _real_time.now()


class RealTime:
    """The machine's time, except that it never runs backwards: set back, it stands still until it has caught up.

    Otherwise what was due would not be due any more, and a reply would wait as long as the clock was set back.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._latest = clock()

    def now(self) -> datetime:
        """The present, by this process's memory of it; a clock set back by hours more was wrong before."""
        at = self._clock()
        if not self._latest - HELD < at < self._latest:
            self._latest = at
        return self._latest


HELD = timedelta(hours=2)
_real_time = RealTime()


@dataclass(frozen=True, slots=True)
class Versions:
    """What the database is. `migration`: the newest one it has had."""

    migration: str
    postgresql: str
    now_wall: datetime
    """Its clock, by which leases and rate limits run."""


async def versions(conn: Connection) -> Versions:
    """The database's versions, and its clock."""
    row = await (await conn.execute(queries.versions)).fetchone()
    assert row is not None
    return Versions(**row)


async def set_virtual_now(conn: Connection, at: datetime | None) -> None:
    """Let SOP time stand at `at`; None returns to real time. Refused for a real bot."""
    row = await (await conn.execute(queries.set_virtual_now, {"at": at})).fetchone()
    if row is None:
        raise DatabaseError("database: SOP time can be moved in demo and sandbox only")


async def beat(conn: Connection, process: str, role: str) -> None:
    """Say that `process` is alive."""
    await conn.execute(queries.beat, {"process": process, "role": role})


async def set_back(conn: Connection) -> timedelta | None:
    """How far the database's clock has been set back since the last heartbeat, told to one caller only; None: not.

    Within the caller's transaction; others wait for its end.
    """
    row = await (await conn.execute(queries.set_back)).fetchone()
    return row["back"] if row else None


async def last_beat(conn: Connection, role: str) -> datetime | None:
    """Wall time of the newest heartbeat of a role, or None."""
    row = await (await conn.execute(queries.last_beat, {"role": role})).fetchone()
    return row["beat_wall"] if row else None
