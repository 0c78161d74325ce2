"""Record what became of messages, in batches, and what it says about members, chats and the bot."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from community.channels.channel import Outcome, Result
from community.database.installation import sop_now
from community.database.pool import Connection
from community.database.queries import load
from community.members.clean import storable
from community.members.reach import lose_reach
from community.outbox.alerts import Alert, alert
from community.outbox.claim import make_up

queries = load(__file__, "record.sql")
log = logging.getLogger(__name__)

MOST_ATTEMPTS = 20
"""Of a message whose answer is lost each time: more than an hour. What was provably not sent is never given up."""
LONGEST_BACKOFF_S = 300.0
LONGEST_UNSENT_S = 30.0
"""Longest rest, unless Telegram asked for more, of what was provably not sent: no repetition can come of it."""
PRIVATE_GAP_S = 1.02
"""Seconds between two messages to a private chat (Telegram: 1 a second)."""
GROUP_GAP_S = 3.02
"""Seconds between two messages to a group (Telegram: 20 a minute); ids of groups and channels are negative."""
STORM_S = 2.0
"""429s on two chats within this time mean the whole bot (as Telegram counts), not one chat."""

STORM_FREEZES = 3
"""Freezes of the whole bot within ten minutes that staff are told of."""
LONG_FREEZE_S = 60.0
"""A freeze this long is told at once."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A claimed row (as `claim` returned it) with its outcome."""

    row: dict[str, Any]
    outcome: Outcome
    late_s: float = 0.0
    """How much later than its slot it reached Telegram, in seconds beyond what is absorbed."""


class Recorder:
    """Writes outcomes for one bot."""

    def __init__(self, bot_id: int) -> None:
        self._bot_id = bot_id
        self._last_flood: tuple[float, int] | None = None

    async def record(self, conn: Connection, batch: Sequence[Delivered]) -> None:
        """Settle the batch in one transaction."""
        async with conn.transaction():
            settled = [_settled(item) for item in batch]
            values = {"outcomes": Jsonb(settled)}
            for row in await (await conn.execute(queries.record, values)).fetchall():
                if row["state"] == "sent" and row["delete_after_s"] is not None:
                    await conn.execute(queries.delete_later, {"id": row["id"]})
            lost = {d.row["member_id"]: d.outcome.dm for d in batch if d.outcome.dm and d.row["member_id"]}
            if lost:
                await lose_reach(conn, lost, await sop_now(conn))
            for item, row in zip(batch, settled, strict=True):
                await self._heed(conn, item, row["retry_in_s"])
            await self._pace(conn, batch)

    async def _pace(self, conn: Connection, batch: Sequence[Delivered]) -> None:
        """Pause the chats written to, and make up for what came late."""
        chats = {item.row["chat_id"] for item in batch if item.row.get("slot") is not None}
        if chats:
            gaps = [GROUP_GAP_S if chat_id < 0 else PRIVATE_GAP_S for chat_id in chats]
            values = {"bot_id": self._bot_id, "chats": list(chats), "gaps": gaps}
            await conn.execute(queries.pace_chats, values)
        if late := [item.late_s for item in batch if item.late_s]:
            await make_up(conn, self._bot_id, late)

    async def _heed(self, conn: Connection, item: Delivered, retry_in_s: float | None) -> None:
        """See to what goes beyond this one message: pause the chat, pause the bot, follow a moved chat.

        A message that goes again later holds its chat, or the next one there would overtake it.
        """
        chat_id, outcome = item.row["chat_id"], item.outcome
        if outcome.result is Result.moved:
            values = {"bot_id": self._bot_id, "old": chat_id, "new": outcome.new_chat_id}
            await conn.execute(queries.move_chat, values)
        pause_s = max(retry_in_s or 0.0, outcome.retry_after_s or 0.0)
        values = {"bot_id": self._bot_id, "chat_id": chat_id, "seconds": pause_s}
        if pause_s:
            await conn.execute(queries.freeze_chat, values)
        if outcome.flooded:
            log.warning("Telegram asks for a pause of %s s (chat %s)", outcome.retry_after_s, chat_id)
            if self._is_storm(chat_id):
                await self._freeze(conn, outcome.retry_after_s or 0.0)

    async def _freeze(self, conn: Connection, seconds: float) -> None:
        """The whole bot waits; staff are told when that happens again and again, or for long."""
        values = {"bot_id": self._bot_id, "seconds": seconds}
        row = await (await conn.execute(queries.freeze_bot, values)).fetchone()
        if row and (row["freezes"] >= STORM_FREEZES or seconds >= LONG_FREEZE_S):
            about = Alert(
                "429-storm",
                "Telegram keeps asking the bot to wait (429)",
                f"{row['freezes']} times within ten minutes, the last time for {seconds:.0f} s",
                "nothing is lost, sending goes on afterwards; look whether another program uses the same token",
                lasting=True,
            )
            await alert(conn, about, await sop_now(conn))

    def _is_storm(self, chat_id: int) -> bool:
        before, self._last_flood = self._last_flood, (time.monotonic(), chat_id)
        return before is not None and before[1] != chat_id and time.monotonic() - before[0] < STORM_S


def _settled(item: Delivered) -> dict[str, Any]:
    """The row's next state. Marketing in doubt is parked, transactional in doubt goes again."""
    row, outcome = item.row, item.outcome
    state, retry_in_s, reason = _next_state(outcome.result, row), None, outcome.reason
    if state == "waiting" and outcome.result is not Result.later and row["attempts"] >= MOST_ATTEMPTS:
        state, reason = "failed", f"gave_up: {outcome.reason}"
    if state == "waiting":
        retry_in_s = _backoff(outcome, row["attempts"])
    return {
        "id": row["id"],
        "attempt": row["attempts"],
        "state": state,
        "reason": reason and storable(reason),
        "telegram_message_id": outcome.telegram_message_id,
        "retry_in_s": retry_in_s,
        "chat_id": outcome.new_chat_id,
    }


def _next_state(result: Result, row: dict[str, Any]) -> str:
    match result:
        case Result.sent:
            return "sent"
        case Result.refused:
            return "failed"
        case Result.unknown:
            return "uncertain" if row["promotional"] else "waiting"
        case Result.later | Result.moved:
            return "waiting"


def _backoff(outcome: Outcome, attempts: int) -> float:
    """Seconds until the next attempt: what Telegram asked for, else doubling from one second."""
    if outcome.result is Result.moved:
        return 0.0
    longest = LONGEST_UNSENT_S if outcome.result is Result.later else LONGEST_BACKOFF_S
    return max(outcome.retry_after_s or 0.0, min(2.0 ** min(attempts - 1, 10), longest))
