"""The work that waits: each stored event is settled in a transaction of its own; what fails is repeated, and told."""

import logging
import traceback
from datetime import datetime
from typing import Any, LiteralString

from community.activity.counted import mark_late
from community.bundle import Bundle
from community.database.pool import Connection, is_in_trouble
from community.database.queries import load
from community.members.clean import storable
from community.outbox.alerts import Alert, alert
from community.payments.fulfil import end_subscription, resume_subscription
from community.payments.messages import named
from community.payments.models import Payment
from community.payments.notice import Kind
from community.payments.problems import REFUND, needs_human
from community.payments.refunds import bounced
from community.payments.settle import Settled, is_ended, settle
from community.payments.till import Till

queries, payment_queries = load(__file__, "events.sql"), load(__file__)
log = logging.getLogger(__name__)

MOST_ATTEMPTS = 8
"""Over a few minutes; then staff are told."""

Row = dict[str, Any]


async def work(conn: Connection, bundle: Bundle, at: datetime, *, bot_id: int) -> Row | None:
    """Settle the oldest event that waits; returns it, None when none does. Several processes may do it at once.

    Call it outside a transaction. Raises what the database raises when it is in trouble itself: the event then waits.
    """
    row: Row | None = None
    try:
        async with conn.transaction():
            await conn.execute(queries.let_in)
            row = await (await conn.execute(queries.claim)).fetchone()
            if row is None:
                return None
            state, result = await _settled(Till(conn, bundle, at, bot_id), row)
            await conn.execute(queries.done, {**_key(row), "state": state, "result": result})
            await mark_late(conn, [row["happened_at"]])  # it counts on its own day
    except Exception as error:
        if row is None or conn.broken or is_in_trouble(error):
            raise
        await _failed(conn, row, error, at)
    return row


async def drain(conn: Connection, bundle: Bundle, at: datetime, *, bot_id: int) -> int:
    """Settle everything that waits now; returns how many events that was."""
    done = 0
    while await work(conn, bundle, at, bot_id=bot_id):
        done += 1
    return done


async def retry_failed(conn: Connection) -> int:
    """Let what failed wait again, once its cause is mended; returns how many."""
    return (await conn.execute(queries.retry)).rowcount


async def pending(conn: Connection) -> Row:
    """How many events wait, and since when the oldest does (wall time)."""
    row = await (await conn.execute(queries.pending)).fetchone()
    assert row is not None
    return row


async def _settled(till: Till, row: Row) -> tuple[LiteralString, str]:
    """The event's state, and what came of it in a few words."""
    if row["kind"] in (Kind.subscription_ended, Kind.subscription_changed) and row["subscription"] is not None:
        return await _subscription(till, row)
    moves_nothing = row["kind"] in (Kind.unknown, Kind.failed) and row["also"] is None
    if row["charge"] is None or moves_nothing:
        return "ignored", "of no payment"
    known = await (await till.conn.execute(queries.payment_of, row)).fetchone()
    settled = await _settle(till, row["provider"], (known or row)["charge"], row["event_id"])
    if row["kind"] == Kind.refund_failed:
        await _tell_of_failure(till, settled.payment, row)
    if settled.payment and settled.payment.subscription:
        await _settle_relatives(till, settled.payment, row["event_id"])
    return "handled", str(settled)


async def _tell_of_failure(till: Till, payment: Payment | None, row: Row) -> None:
    """A refund did not arrive: somebody asks again, or pays back in another way."""
    about = payment or Payment(provider=row["provider"], charge=row["charge"], terms=[])
    await bounced(till.conn, about.provider, about.charge)
    await needs_human(till, REFUND, named(about), about.member_id, "a refund failed", row["event_id"])


async def _settle_relatives(till: Till, payment: Payment, event_id: str) -> None:
    """What is known of a subscription's payment says something of others, too."""
    values = payment.model_dump(include={"provider", "charge", "subscription"})
    await till.conn.execute(payment_queries.drop_namesakes, values)
    if payment.state == "matched":
        for astray in await (await till.conn.execute(payment_queries.astray, values)).fetchall():
            await _settle(till, **astray, event_id=event_id)


async def _settle(till: Till, provider: str, charge: str, event_id: str) -> Settled:
    return await settle(till.conn, till.bundle, provider, charge, till.at, bot_id=till.bot_id, event_id=event_id)


async def _subscription(till: Till, row: Row) -> tuple[LiteralString, str]:
    """Whether it goes on, by the last that was said of it; most changes of one say nothing about that."""
    values = {"provider": row["provider"], "subscription": row["subscription"]}
    ends, stopped = row["kind"] == Kind.subscription_ended, await _stopped(till, values)
    last = await (await till.conn.execute(payment_queries.last_of_subscription, values)).fetchone()
    if not (ends or stopped):
        return "ignored", "of no payment"
    if last is None or last["paid_at"] > row["happened_at"]:
        return "handled", "nothing of it runs"
    await till.conn.execute(payment_queries.take_turns, {"provider": last["provider"], "charge": last["charge"]})
    last = await (await till.conn.execute(payment_queries.last_of_subscription, values)).fetchone()
    assert last is not None
    payment = Payment(**last)  # as it is now that nobody else changes it
    if await is_ended(till, payment):
        ended = await end_subscription(till, payment)
        return "handled", "will not go on" if ended else "runs on: something follows it"
    await resume_subscription(till, payment)
    return "handled", "goes on after all"


async def _stopped(till: Till, values: Row) -> bool:
    """Whether it was ever said not to go on."""
    return await (await till.conn.execute(payment_queries.stopped, values)).fetchone() is not None


async def _failed(conn: Connection, row: Row, error: Exception, at: datetime) -> None:
    trouble = type(error).__name__
    trace = "".join(traceback.format_tb(error.__traceback__))
    # The error's own words may hold what a payer wrote; they are kept beside the event.
    log.error("payment event %s of %s: %s\n%s", row["event_id"], row["provider"], trouble, trace)
    async with conn.transaction():
        values = {**_key(row), "error": storable(f"{trouble}: {error}")[:500], "most": MOST_ATTEMPTS}
        marked = await (await conn.execute(queries.failed, values)).fetchone()
        await mark_late(conn, [row["happened_at"]])
        if marked and marked["state"] == "failed":
            about = Alert(
                f"payment_event:{trouble}:{row['provider']}",
                f"A payment's event could not be settled ({trouble})",
                f"event {row['event_id']} of {row['provider']}, kept in provider_events with its error",
                "Mend the cause, then: sop payments retry",
            )
            await alert(conn, about, at)


def _key(row: Row) -> Row:
    return {"provider": row["provider"], "event_id": row["event_id"]}
