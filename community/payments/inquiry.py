"""Of whom Telegram is asked how they stand in a group: so many a day, each in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from community.access.doors import columns, doors
from community.database.pool import Connection
from community.database.queries import load
from community.payments.reconciliation import Finding, Kind
from community.playbook import Playbook

queries = load(__file__, "inquiry.sql")

DOUBTED = (Kind.outside, Kind.unpaid, Kind.unknown)
"""Findings that depend on who is really in the group."""
LATELY = timedelta(days=2)
"""Who came in since then is asked about apart: their entry may have failed after it was noted."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A member in a group. `present`: whether they are inside by our records."""

    member_id: int
    telegram_id: int
    group_id: int
    chat_id: int
    present: bool


def doubts(found: Sequence[Finding]) -> list[list[Inquiry]]:
    """Of whom it matters for what does not fit, by kind."""
    return [[_about(each) for each in found if each.kind is kind] for kind in DOUBTED]


async def holders(conn: Connection, playbook: Playbook, at: datetime) -> list[list[Inquiry]]:
    """Of whom all fits by our records: who came in lately, and all others."""
    values = columns(playbook, await doors(conn, playbook)) | {"at": at}
    rows = await (await conn.execute(queries.holders, values)).fetchall()
    lately: list[Inquiry] = []
    others: list[Inquiry] = []
    for row in rows:
        new = row.pop("joined_at") > at - LATELY
        (lately if new else others).append(Inquiry(**row, present=True))
    return [lately, others]


def in_turn(kinds: Sequence[Sequence[Inquiry]], most: int, day: int) -> list[Inquiry]:
    """So many of all: each kind has its share, and what one does not need goes to the others.

    A kind that is longer than its share goes on the next day where it stopped.
    """
    chosen: list[Inquiry] = []
    for number, kind in enumerate(sorted(kinds, key=len)):
        share = min(len(kind), (most - len(chosen)) // (len(kinds) - number))
        start = day * share % len(kind) if kind else 0
        chosen += [*kind[start:], *kind[:start]][:share]
    return chosen


def _about(each: Finding) -> Inquiry:
    assert each.member_id is not None
    assert each.telegram_id is not None
    assert each.group_id is not None
    assert each.chat_id is not None
    return Inquiry(each.member_id, each.telegram_id, each.group_id, each.chat_id, each.kind is not Kind.outside)
