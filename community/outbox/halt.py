"""Stop sending at once, for everything, a stage or a chat (invariant 10): one row that every claim reads."""

import re
from collections.abc import Sequence

from community.database.pool import Connection
from community.database.queries import load
from community.errors import SopError

queries = load(__file__)

SCOPE = re.compile(r"all|stage:\w+|chat:-?\d+")


async def halt(conn: Connection, scope: str, source: str = "operator", note: str = "") -> None:
    """Claim nothing more of `scope`: `all`, `stage:NAME` or `chat:ID`. Messages on their way still arrive."""
    _check(scope)
    await conn.execute(queries.halt, {"scope": scope, "source": source, "note": note})


async def resume(conn: Connection, scope: str, source: str = "operator") -> bool:
    """Lift one source's halt; False if there was none. What became stale meanwhile expires at the next claim."""
    _check(scope)
    found = await (await conn.execute(queries.resume, {"scope": scope, "source": source})).fetchone()
    return found is not None


async def halts(conn: Connection) -> list[dict[str, object]]:
    """What is halted now: scope, source, note, since_wall."""
    return await (await conn.execute(queries.halts)).fetchall()


async def mirror(conn: Connection, stages: Sequence[str], source: str, note: str) -> None:
    """Make the halts of `source` exactly these stages: those switched off in the playbook, or paused in Prefect."""
    await conn.execute(queries.mirror_switches, {"off": list(stages), "source": source, "note": note})


def _check(scope: str) -> None:
    if not SCOPE.fullmatch(scope):
        raise SopError(f"{scope}: not something that can be halted; use all, stage:NAME or chat:ID")
