"""What providers said: stored before anything is done about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from community.database.pool import Connection
from community.database.queries import load
from community.members.clean import storable
from community.payments.notice import Notice

queries = load(__file__, "events.sql")


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A callback of a provider that was verified: what it says, and its body as received."""

    provider: str
    notice: Notice
    body: str


async def store(conn: Connection, events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """Store the events in one statement; returns those that are new. Those stored before change nothing.

    Call it outside a transaction: the statement is one. Whoever settles is woken by `PAYMENTS`, after it.
    """
    rows = [_row(event) for event in events]
    if not rows:
        return []
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    found = await (await conn.execute(queries.store, columns)).fetchall()
    new = {(row["provider"], row["event_id"]) for row in found}
    first = {(event.provider, event.notice.event_id): event for event in reversed(events)}
    return [event for key, event in reversed(first.items()) if key in new]


def _row(event: StoredEvent) -> dict[str, Any]:
    notice = event.notice
    row = {
        "provider": event.provider,
        "event_id": notice.event_id,
        "kind": notice.kind,
        "name": notice.name,
        "charge": notice.charge,
        "also": notice.also,
        "order_number": notice.order,
        "plan": notice.plan,
        "amount_minor": notice.amount.minor if notice.amount else None,
        "currency": notice.amount.currency if notice.amount else None,
        "payer": notice.payer,
        "subscription": notice.subscription,
        "period_ends_at": notice.period_ends_at,
        "happened_at": notice.at,
        "body": event.body,
    }
    return {name: storable(value) if isinstance(value, str) else value for name, value in row.items()}
