"""Row `mrr`: 1,000 random lives of payers over a year and a half: MRR, its movements, and the ledger.

Each life is up to four orders of one member, in any currency, some at a coupon's price, some as upgrades, each with
what happens to it (`told.py`) within minutes or months, told late, twice and in any order, and settled as in use.
Afterwards plain Python, which reads the same tables, compares: MRR of every member at many moments; that the movements
of windows are the difference of their ends; and that the slices of every payment are what the ledger says, to the cent.
"""

import heapq
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count as numbers, pairwise

import yaml

from community.access.terms import current
from community.bundle import Bundle, load_bundle
from community.database.pool import Connection, connect
from community.engagement.coupons import NewCoupon, issue
from community.errors import OrderRefused
from community.outbox.bundles import publish
from community.payments.events import StoredEvent, store
from community.payments.orders import NewOrder, Opened, open_order
from community.payments.work import drain
from tests.benchmarks.harness import NOON, ROOT, Row, count, database, install
from tests.benchmarks.service import SERVICE
from tests.benchmarks.told import PRICES, Pace, history
from tests.integration.insight.mrr_oracle import broken

HISTORIES, SEED, FIRST = 1_000, 17, 1_000_000
PLANS = ("month", "month", "quarter", "year", "pack")
DAYS, BEGINS = 540, NOON - timedelta(days=400)
MINUTE, DAY = 60, 86_400
BETWEEN = (30, 10 * MINUTE, DAY, 20 * DAY, 70 * DAY)
LATE = (0, 0, 0, 30, 3 * DAY)
"""Seconds after which an event is told."""
LOOKS = 24
_order = numbers()


@dataclass(order=True)
class Due:
    """What comes at a moment: an order of a member, or an event."""

    at: datetime
    place: int
    account: int = field(compare=False, default=0)
    event: StoredEvent | None = field(compare=False, default=None)


async def run() -> Row:
    """Row `mrr`."""
    dice = random.Random(SEED)
    began = time.perf_counter()
    with database(durable=False) as url:
        await install(url, rate=None)
        async with await connect(url) as conn:
            bundle = _bundle()
            await publish(conn, bundle, "mrr")
            for percent in (10, 50):
                new = NewCoupon(code=f"SAVE{percent}", offer="bench", percent=percent)
                await issue(conn, bundle.playbook, new, BEGINS)
            last = await _lived(conn, bundle, dice)
            moments = [BEGINS + timedelta(days=dice.uniform(1, DAYS)) for _ in range(LOOKS)]
            moments = sorted({*moments, *(BEGINS + timedelta(days=30.44 * n) for n in range(1, 18)), last})
            pairs = [*pairwise(moments), *(tuple(sorted(dice.sample(moments, 2))) for _ in range(LOOKS))]
            found = await broken(conn, bundle.playbook, moments, pairs)
            details = {
                "histories": HISTORIES,
                "payments": await count(conn, "SELECT count(*) FROM payments"),
                "terms": await count(conn, "SELECT count(*) FROM terms"),
                "upgrades": await count(
                    conn, "SELECT count(*) FROM orders WHERE upgrade_of > 0 AND paid_at IS NOT NULL"
                ),
                "refunds and disputes": await count(
                    conn, "SELECT count(*) FROM ledger_transactions WHERE what NOT IN ('payment', 'placed')"
                ),
                "moments": len(moments),
                "windows": len(pairs),
                **found,
                "seconds": round(time.perf_counter() - began),
            }
    total = float(sum(found.values()))
    return Row("mrr", total, "broken", {}, None, "0: movements sum, slices are the ledger", total == 0, details)


def _bundle() -> Bundle:
    """The shipped plans, each in all currencies."""
    shipped = load_bundle(ROOT / "templates")
    source = yaml.safe_load(yaml.safe_dump(dict(shipped.source)))
    for plan, prices in {
        "month": ("199 CNY", "25 EUR", "1500 XTR"),
        "quarter": ("499 CNY", "62.50 EUR", "3777 XTR"),
        "year": ("1688 CNY", "210.01 EUR", "13000 XTR"),
        "pack": ("208 CNY", "29 EUR", "1999 XTR"),
    }.items():
        source["plans"][plan] |= {"price": prices[0], "prices": list(prices[1:])}
    return Bundle(source, shipped.copy)


async def _lived(conn: Connection, bundle: Bundle, dice: random.Random) -> datetime:
    """All lives at once, in the order of time; returns a moment after all of it."""
    due = [each for number in range(HISTORIES) for each in await _life(conn, FIRST + number, dice)]
    heapq.heapify(due)
    while due:
        now = heapq.heappop(due)
        if now.event:
            await store(conn, [now.event])
            await drain(conn, bundle, now.at, bot_id=SERVICE.bot_id)
        else:
            for each in await _orders(conn, bundle, now, dice):
                heapq.heappush(due, each)
    return now.at + timedelta(days=1)


async def _life(conn: Connection, account: int, dice: random.Random) -> Iterator[Due]:
    await conn.execute(
        "INSERT INTO members (telegram_id, dm, first_seen_at) VALUES (%s, 'open', %s)", [account, BEGINS]
    )
    times = sorted(dice.uniform(0, 400) for _ in range(dice.randint(1, 4)))
    return (Due(BEGINS + timedelta(days=each), next(_order), account) for each in times)


async def _orders(conn: Connection, bundle: Bundle, now: Due, dice: random.Random) -> list[Due]:
    """A member orders something; what happens to that, as it will be told."""
    provider = dice.choice(list(PRICES))
    row = await (await conn.execute("SELECT id FROM members WHERE telegram_id = %s", [now.account])).fetchone()
    assert row is not None
    running = await current(conn, row["id"], "membership", now.at)
    upgrade = running is not None and running.currency == PRICES[provider][0] and dice.random() < 0.7
    new = NewOrder(
        plan="year" if upgrade else dice.choice(PLANS),
        currency=PRICES[provider][0],
        source="bot",
        member_id=row["id"],
        coupon=dice.choice((None, None, None, "SAVE10", "SAVE50")),
        upgrade_of=running.id if upgrade and running else None,
    )
    try:
        opened = await open_order(conn, bundle.playbook, new, now.at)
    except OrderRefused:
        return []
    if not isinstance(opened, Opened):
        return []
    order, pace = opened.order, Pace(now.at + timedelta(hours=1), BETWEEN)
    charges = history(provider, next(_order), order.number, now.account, dice, price=order.amount_minor, pace=pace)
    events = [event for charge in charges for event in charge.events for _ in range(dice.choice((1, 1, 1, 2)))]
    return [
        Due(event.notice.at + timedelta(seconds=dice.choice(LATE)), next(_order), now.account, event)
        for event in events
    ]
