"""Claim what is due: granted by the bot's budget, passed by the gates, marked `sending` before any network call."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from community.database.pool import Connection
from community.database.queries import load
from community.outbox.guardrails import GATED, gate_parameters
from community.outbox.pace import DatabaseClock
from community.playbook import Playbook

queries = load(__file__, "claim.sql")
_CLAIM = queries.fill("claim", gated=GATED)

MOST_ROWS = 32
"""Rows a claim takes at most: 2,000 messages a second, and a kill parks no more than these (256 would park 250)."""
HORIZON = timedelta(milliseconds=250)
"""How far ahead slots are granted: short, so that a better lane never waits long behind what is granted."""
LEASE = timedelta(seconds=20)
"""How long a claimed message belongs to its process; twice the longest network call."""
MARGIN = 1.012
"""Slots lie this much further apart than the limit demands: 12 ms of jitter a second, at 98.8 % of the rate."""
_clock = DatabaseClock()
"""A process has one database. Slots are moments of the database, which all its processes share."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim brought."""

    rows: list[dict[str, Any]]
    """Messages to send, each with `slot`: the monotonic second it is granted, None where no limit is set."""
    settled: int
    """Messages that the gates expired, cancelled or put off."""
    next_in_s: float | None
    """Seconds until the budget has a slot again; None: it has."""


async def claim(conn: Connection, bot_id: int, playbook: Playbook, now_at: datetime, process: str, limit: int) -> Claim:
    """Take up to `limit` messages that are due at `now_at` (SOP time), in lane order, one a chat.

    Holds the bot's budget row while it does, so that claims of all processes follow each other. Two exchanges with the
    database, as they set the pace: the second carries the claim and its commit.
    """
    values = {"bot_id": bot_id, "limit": min(limit, MOST_ROWS), "horizon": HORIZON, "margin": MARGIN}
    async with conn.pipeline(), conn.transaction():
        budget = await _timed(conn, queries.lock_budget, values)
        assert budget is not None, f"bot {bot_id} has no budget row; `ensure_budget` makes it"
        if budget["slots"] <= 0:
            return Claim([], 0, max(0.0, budget["next_in_s"]))
        gates = gate_parameters(playbook, now_at)
        values |= {"slots": budget["slots"], "first_slot": budget["first_slot"], "process": process, "lease": LEASE}
        claimed = await conn.execute(_CLAIM, {**gates, **values})
    found = await claimed.fetchall()
    rows = [row for row in found if row["state"] == "sending"]
    _grant(rows, budget)
    return Claim(rows, len(found) - len(rows), None)


def _grant(rows: Sequence[dict[str, Any]], budget: dict[str, Any]) -> None:
    """Give each row its slot; where no limit is set, there is none."""
    first, gap = _clock.monotonic(budget["first_slot_s"]), MARGIN / (budget["rate"] or 1.0)
    for place, row in enumerate(rows):
        row["slot"] = None if budget["rate"] is None else first + place * gap


async def next_slot(conn: Connection, bot_id: int) -> float:
    """Take one slot of the bot's budget; returns the monotonic second it is granted for."""
    row = await _timed(conn, queries.next_slot, {"bot_id": bot_id, "margin": MARGIN})
    return _clock.monotonic(row["slot_s"]) if row else time.monotonic()


async def make_up(conn: Connection, bot_id: int, late: Sequence[float]) -> None:
    """Put off the slots to come by what messages were late (seconds, see `pace`)."""
    await conn.execute(queries.make_up, {"bot_id": bot_id, "late": list(late), "margin": MARGIN})


async def _timed(conn: Connection, query: LiteralString, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row of a query that reads the database's clock as `now_s`, which tells how that clock stands to ours."""
    before = time.monotonic()
    row = await (await conn.execute(query, values)).fetchone()
    if row:
        _clock.observe(before, row["now_s"], time.monotonic())
    return row


async def ensure_budget(conn: Connection, bot_id: int, rate: float | None) -> None:
    """Make the bot's budget row: `rate` messages a second over all processes; None: no limit (virtual time)."""
    await conn.execute(queries.ensure_budget, {"bot_id": bot_id, "rate": rate})
