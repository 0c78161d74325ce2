"""Late or on time (SOP 6.14): what left in time, what the rules put off, what was late, and what was missed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from community.database.pool import Connection
from community.database.queries import load
from community.playbook import Playbook

queries = load(__file__, "attainment.sql")

WEEK = timedelta(days=7)
EVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Punctuality:
    """What became by the clock of what a step, a stage or a group's members were to get."""

    of: str
    on_time: int = 0
    put_off: int = 0
    """Waited for the member's morning or for room under the caps, and then went in time."""
    late: int = 0
    overdue: int = 0
    """Late, and not sent yet."""
    missed: int = 0
    """Not sent, as its time ran out: it expired on the way, or before a plan could take it up."""
    dropped: int = 0
    """Held back by quiet hours or caps until it had expired; nobody's fault, and not counted as wanted."""
    median_s: float | None = None
    """Of what was late: by how many seconds."""
    worst_s: float | None = None

    @property
    def wanted(self) -> int:
        """All that should have left in time."""
        return self.on_time + self.put_off + self.late + self.overdue + self.missed

    @property
    def attained(self) -> float | None:
        """Share of it that did; None when nothing was wanted."""
        return (self.on_time + self.put_off) / self.wanted if self.wanted else None


async def of_run(
    conn: Connection,
    playbook: Playbook,
    now_at: datetime,
    plan_id: int,
    *,
    stage: str,
    members: Sequence[int] = (),
    steps: Sequence[str] = (),
    span: tuple[datetime, datetime] = EVER,
) -> list[Punctuality]:
    """By step: what a plan put into the outbox and wanted within `span`, and what `members` had of `steps` before."""
    values = {"plan_id": plan_id, "stage": stage, "members": list(members), "steps": list(steps)}
    values |= {"since": span[0], "until": span[1]}
    return await _counted(conn, "of_run", playbook, now_at, values)


async def of_stages(conn: Connection, playbook: Playbook, now_at: datetime) -> list[Punctuality]:
    """By stage of the playbook, over the last seven days."""
    return await _counted(conn, "of_stages", playbook, now_at, _lately(playbook, now_at))


async def of_groups(conn: Connection, playbook: Playbook, now_at: datetime) -> list[Punctuality]:
    """By the members' home group, called by its title; over all stages and the last seven days, worst first."""
    found = await _counted(conn, "of_groups", playbook, now_at, _lately(playbook, now_at))
    ids = [int(row.of) for row in found if row.of]
    titles = {row["id"]: row["title"] for row in await (await conn.execute(queries.titles, {"ids": ids})).fetchall()}
    named = [replace(row, of=titles.get(row.of) or "no group") for row in found]
    return sorted(named, key=lambda row: (row.attained is None, row.attained, row.of))


def _lately(playbook: Playbook, now_at: datetime) -> dict[str, Any]:
    """Plans ahead of their time had their messages earlier."""
    since = now_at - WEEK
    return {
        "since": since,
        "stages": list(playbook.stages),
        "planned_since": [since - stage.horizon for stage in playbook.stages.values()],
    }


async def _counted(
    conn: Connection, name: str, playbook: Playbook, now_at: datetime, values: Mapping[str, Any]
) -> list[Punctuality]:
    statement: LiteralString = queries.fill(name, counted=queries.counted)
    values = {**values, "now_at": now_at, "on_time": playbook.on_time.total_seconds()}
    return [Punctuality(**row) for row in await (await conn.execute(statement, values)).fetchall()]
