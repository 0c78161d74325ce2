"""Put messages into the outbox, in the transaction of what caused them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from community.database.pool import Connection
from community.database.queries import load
from community.playbook_stages import MessageClass

queries = load(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message to be sent, or an action on a chat when `method` is not sendMessage.

    `context` is what the template needs beside the standard names, or the parameters of another method. An `exempt`
    draft answers something the member just did: no cap, no quiet hours, no opt-out.
    """

    chat_id: int
    stage: str
    step: str
    occurrence: str
    message_class: MessageClass
    due_at: datetime
    member_id: int | None = None
    method: str = "sendMessage"
    template: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    promotional: bool = False
    exempt: bool = True
    delete_after_s: int | None = None


async def enqueue(conn: Connection, bot_id: int, bundle: str | None, drafts: Sequence[Draft], at: datetime) -> int:
    """Add the drafts with the bundle's hash pinned; returns how many are new.

    The key (member, stage, step, occurrence) makes repeating harmless.
    """
    if not drafts:
        return 0
    values = {"bot_id": bot_id, "bundle": bundle, "at": at, "drafts": Jsonb([_row(draft) for draft in drafts])}
    return (await conn.execute(queries.enqueue, values)).rowcount


def _row(draft: Draft) -> dict[str, Any]:
    row = asdict(draft)
    row["lane"] = row.pop("message_class").lane()
    for key in ("due_at", "expires_at"):
        row[key] = row[key].isoformat() if row[key] else None
    return row
