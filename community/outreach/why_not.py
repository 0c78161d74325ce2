"""Who did not get a step, and why: what was recorded of the last two weeks, and what a plan would decide now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from community.bundle import Bundle
from community.database.pool import Connection
from community.outreach.statements import parameters, statement

WINDOW = timedelta(days=14)
"""How long ago a step may have come due: as far as audiences look back."""


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Those who did not get a step that came due since `since`.

    `counts`: rows of reason, what, members, complete. `listed`: rows of member_id, names, occurrence, due_at, reason,
    what, gates, at, message_id. What: a message's state (`expired`, `cancelled`, `failed`, `waiting` while it is put
    off), `decided` by a plan (at `at`), or `today`: what a plan would decide now.
    """

    since: datetime
    counts: Sequence[dict[str, Any]]
    listed: Sequence[dict[str, Any]]


async def why_not(
    conn: Connection,
    bundle: Bundle,
    stage_name: str,
    step: str,
    as_of: datetime,
    *,
    reason: str | None = None,
    limit: int = 20,
) -> WhyNot:
    """Who did not get the step up to `as_of` (SOP time), and why; nothing is written. Raises UnknownStage."""
    stage = bundle.playbook.stage(stage_name)
    since = as_of - WINDOW
    values = parameters(bundle.playbook, stage_name, stage.steps, as_of, None)
    values |= {"asked": stage.step(step).name, "since": since, "planned_since": since - stage.horizon}
    values |= {"reason": reason, "limit": limit}
    counts = await (await conn.execute(statement("count_stopped", values), values)).fetchall()
    listed = await (await conn.execute(statement("list_stopped", values), values)).fetchall()
    return WhyNot(since, counts, listed)
