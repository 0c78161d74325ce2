"""Payments as runs show and sweep them; settling is the always-on service's, which needs no run for it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from prefect import task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from community.access.ways import send_owed
from community.database.installation import sop_now
from community.payments.claims import claim_left
from community.payments.numbers import shown
from community.payments.orders import expire
from community.payments.overview import Row, awaited, overdue, settled, waiting
from community.payments.work import work
from community.playbook_types import Amount
from community.settings import load_settings
from tasks.storage import bundle_in_force, connection
from tasks.words import count, payment_words

OVERDUE_S = 60.0
"""An event that waits for so long has been left by the service."""
MOST = 500
"""Events settled by one run."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did, and what still waits."""

    settled: int = 0
    expired: int = 0
    claimed: int = 0
    sent: int = 0
    awaited: int = 0


@task(name="settled", task_run_name="look at what was paid", cache_policy=NO_CACHE, retries=2)
async def paid(members: Sequence[int], since: datetime, until: datetime) -> list[Row]:
    """What these members paid, as it stands."""
    async with connection() as conn:
        return await settled(conn, members, since, until)


@task(name="sweep", task_run_name="settle, expire, send what is owed", cache_policy=NO_CACHE, timeout_seconds=240)
async def sweep_payments() -> Swept:
    """Settle events that nobody has settled for a minute and payments whose member is known by now, close orders, send
    the ways in that are owed.
    """
    bot_id, done = load_settings().bot_id, 0
    async with connection() as conn:
        bundle = await bundle_in_force(conn)
        if await overdue(conn, OVERDUE_S):
            while done < MOST and await work(conn, bundle, await sop_now(conn), bot_id=bot_id):
                done += 1
        at = await sop_now(conn)
        closed = await expire(conn, at)
        claimed = await claim_left(conn, bundle, at, bot_id=bot_id)
        return Swept(done, closed, claimed, await send_owed(conn, bundle, at, bot_id=bot_id), await awaited(conn))


@task(name="waiting", task_run_name="look for what needs somebody", cache_policy=NO_CACHE, retries=2)
async def waiting_payments() -> list[Row]:
    """Payments that give nothing yet."""
    async with connection() as conn:
        return await waiting(conn)


@task(name="report", task_run_name="report on payments", cache_policy=NO_CACHE, retries=2)
async def report_payments(rows: Sequence[Row]) -> None:
    """Each payment as it stands, by member number."""
    table = [
        {
            "order or payment": shown(row["order_number"]) if row["order_number"] else _named(row),
            "member": row["member_id"],
            "plan": row["plan"],
            "amount": None if row["paid_minor"] is None else str(_amount(row)),
            "stands": payment_words(row["state"], row["why"], row["disputed"]),
        }
        for row in rows
    ]
    about = "What was paid, as it stands. What needs somebody is in `sop tasks` and in the staff chat."
    await acreate_table_artifact(table, key="payments", description=about)


def _named(row: Row) -> str:
    return f"{row['provider']}:{row['charge']}"


def _amount(row: Row) -> Amount:
    return Amount(minor=row["paid_minor"], currency=row["currency"])


def paid_headline(rows: Sequence[Row]) -> list[str]:
    """`12 paid · 11 with access · 1 needs a human`."""
    states, human = Counter(row["state"] for row in rows), sum(row["needs_human"] for row in rows)
    numbers = {
        "paid": len(rows) - states["reversed"],
        "with access": sum(row["has_access"] for row in rows),
        "taken back": states["reversed"],
        "unclaimed": states["unclaimed"],
        f"{'needs' if human == 1 else 'need'} a human": human,
    }
    return [f"{number:,} {words}" for words, number in numbers.items() if number] or ["nothing paid"]


def swept_headline(swept: Swept, rows: Sequence[Row]) -> list[str]:
    """What a sweep did, in short phrases."""
    human, unclaimed = sum(r["needs_human"] for r in rows), sum(r["state"] == "unclaimed" for r in rows)
    numbers = {
        f"{count(swept.settled, 'event')} settled in the service's place": swept.settled,
        f"{count(swept.expired, 'order')} expired": swept.expired,
        f"{count(swept.claimed, 'payment')} found whose they are": swept.claimed,
        f"{count(swept.sent, 'way in', 'ways in')} sent": swept.sent,
        f"{count(swept.awaited, 'way in', 'ways in')} being made": swept.awaited,
        f"{unclaimed:,} unclaimed": unclaimed,
        f"{human:,} {'needs' if human == 1 else 'need'} a human": human,
    }
    return [words for words, number in numbers.items() if number] or ["all settled"]
