"""Row `histories`: 10,000 random histories of payments for each provider, settled by processes that are killed.

Each is an order and what happens to it (`told.py`), delivered with duplicates and in any order, a few hundred at a
time; two processes settle, and are killed every half a second on average. Afterwards plain Python, which knows what
happened, compares: every ledger transaction and every account adds up, each member holds the terms of the payments that
were kept and no others, and each order was given one link into the VIP group.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import LiteralString

from community.bundle import Bundle
from community.database.pool import Connection, connect
from community.outbox.bundles import publish
from community.payments.events import store
from community.payments.ledger import balances
from community.payments.orders import NewOrder, Opened, open_order
from community.payments.truth import differences, uneven
from tests.benchmarks.harness import NOON, Row, count, database, install
from tests.benchmarks.settler import Settler
from tests.benchmarks.shop import PLAN, VIP, selling, until
from tests.benchmarks.told import PRICES, Charge, deliveries, history

HISTORIES, AT_ONCE, BATCH, SEED = 10_000, 250, 100, 13
FIRST = 1_000_000
SETTLERS, KILLED_EVERY_S = 2, 0.5


async def run() -> Row:
    """Row `histories`."""
    dice = random.Random(SEED)
    began = time.perf_counter()
    with database(durable=False) as url:
        await install(url, rate=None)
        async with await connect(url) as conn:
            bundle = selling(0)
            await publish(conn, bundle, "selling")
            await _group(conn)
            told, kills = await _settled(url, conn, bundle, dice)
            broken = await _compare(conn, told)
            delivered = await count(conn, "SELECT count(*) FROM provider_events")
    details: dict[str, float | int | str] = {
        "histories": HISTORIES * len(PRICES),
        "payments": len(told),
        "events": delivered,
        "refunded or lost": sum(not charge.is_kept for charge in told),
        "processes killed": kills,
        **broken,
        "seconds": round(time.perf_counter() - began),
    }
    passed = not sum(broken.values()) and kills > 100
    target = "0: balanced, access as paid for, one link an order"
    return Row("histories", float(sum(broken.values())), "broken", {}, None, target, passed, details)


async def _group(conn: Connection) -> None:
    await conn.execute("INSERT INTO groups (chat_id, title, registered_at) VALUES (-1002, %s, %s)", [VIP, NOON])


async def _settled(url: str, conn: Connection, bundle: Bundle, dice: random.Random) -> tuple[list[Charge], int]:
    """Tell all histories and wait until they are settled; the payments, and how many processes were killed."""
    told: list[Charge] = []
    async with _crew(url, dice) as kills:
        for first in range(0, HISTORIES, AT_ONCE):
            charges = await _open(conn, bundle, range(first, first + AT_ONCE), dice)
            told += charges
            events = deliveries(charges, dice)
            for start in range(0, len(events), BATCH):
                await store(conn, events[start : start + BATCH])
            await until(conn, "SELECT -count(*) FROM provider_events WHERE state = 'pending'", 0)
            print(f"  {first + AT_ONCE:,} of {HISTORIES:,}", flush=True)
    return told, kills["killed"]


@asynccontextmanager
async def _crew(url: str, dice: random.Random) -> AsyncIterator[Counter[str]]:
    """Processes that settle; every now and then one is killed, and another takes its place."""
    crew, kills = [Settler(url) for _ in range(SETTLERS)], Counter[str]()

    async def kill() -> None:
        while True:
            await asyncio.sleep(dice.expovariate(1 / KILLED_EVERY_S))
            place = dice.randrange(SETTLERS)
            await crew[place].kill()
            crew[place] = Settler(url)
            kills["killed"] += 1

    killer = asyncio.create_task(kill())
    yield kills
    killer.cancel()
    for settler in crew:
        await settler.kill()


async def _open(conn: Connection, bundle: Bundle, numbers: range, dice: random.Random) -> list[Charge]:
    """An order of each number with each provider, by a member of its own, and what happens to it."""
    charges: list[Charge] = []
    for number in numbers:
        for place, (provider, (currency, _)) in enumerate(PRICES.items()):
            account = FIRST + number * len(PRICES) + place
            member_id = await _member(conn, account)
            new = NewOrder(plan=PLAN, currency=currency, source="bot", member_id=member_id)
            opened = await open_order(conn, bundle.playbook, new, NOON - timedelta(hours=2))
            assert isinstance(opened, Opened)
            charges += history(provider, account, opened.order.number, account, dice)
    return charges


async def _member(conn: Connection, account: int) -> int:
    found = await conn.execute(
        "INSERT INTO members (telegram_id, dm, first_seen_at) VALUES (%s, 'open', %s) RETURNING id", [account, NOON]
    )
    row = await found.fetchone()
    assert row is not None
    return int(row["id"])


async def _compare(conn: Connection, told: Sequence[Charge]) -> dict[str, int]:
    """How much is not as it was told."""
    unbalanced = (
        "SELECT count(*) FROM (SELECT FROM ledger_entries GROUP BY transaction_id, currency"
        " HAVING sum(amount_minor) <> 0) AS t"
    )
    return {
        "transactions that do not balance": await count(conn, unbalanced),
        "accounts that say otherwise": await _accounts(conn, told),
        "payers with other terms": await _terms(conn, told),
        "payers with another number of links": await _links(conn, told),
        "differences the project finds itself": len(await differences(conn)) + len(await uneven(conn)),
        "receipts not one a kept payment": await _receipts(conn, told),
        "events not handled": await count(
            conn, "SELECT count(*) FROM provider_events WHERE state NOT IN ('handled', 'ignored')"
        ),
    }


async def _accounts(conn: Connection, told: Sequence[Charge]) -> int:
    wanted: Counter[tuple[str, str]] = Counter()
    for charge in told:
        currency, rest = PRICES[charge.provider][0], charge.paid - charge.refunded
        withheld = rest if charge.disputed in ("open", "lost") else 0
        lost = rest if charge.disputed == "lost" else 0
        of = PLAN if charge.right else None
        wanted[f"cash:{charge.provider}", currency] += rest - withheld
        wanted[f"disputed:{charge.provider}", currency] += withheld - lost
        wanted[f"revenue:{of}" if of else f"suspense:{charge.provider}", currency] -= charge.paid
        wanted[f"refunds:{of}" if of else f"suspense:{charge.provider}", currency] += charge.refunded + lost
    found = await balances(conn)
    return sum(wanted.get(key, 0) != found.get(key, 0) for key in wanted.keys() | found.keys())


async def _terms(conn: Connection, told: Sequence[Charge]) -> int:
    wanted = Counter(charge.payer for charge in told if charge.right and charge.is_kept)
    query = "SELECT telegram_id AS who FROM terms t JOIN members m ON m.id = t.member_id WHERE t.revoked_at IS NULL"
    return _unlike(wanted, await _who(conn, query), told)


async def _links(conn: Connection, told: Sequence[Charge]) -> int:
    wanted = Counter({charge.payer: 1 for charge in told if charge.right and charge.is_kept})
    query = (
        "SELECT telegram_id AS who FROM entry_links l JOIN members m ON m.id = l.member_id WHERE l.revoked_at IS NULL"
    )
    return _unlike(wanted, await _who(conn, query), told)


async def _receipts(conn: Connection, told: Sequence[Charge]) -> int:
    """Who keeps what they paid for has been told once for each payment; what was given anew is told anew."""
    wanted = Counter(charge.payer for charge in told if charge.right and charge.is_kept)
    query = (
        "SELECT DISTINCT chat_id AS who, split_part(occurrence, ':', 2) AS charge FROM messages"
        " WHERE stage = 'payment' AND step = 'receipt' AND state = 'waiting'"
    )
    return _unlike(wanted, await _who(conn, query), told)


async def _who(conn: Connection, query: LiteralString) -> Counter[int]:
    return Counter(row["who"] for row in await (await conn.execute(query)).fetchall())


def _unlike(wanted: Counter[int], found: Counter[int], told: Sequence[Charge]) -> int:
    return sum(wanted[payer] != found[payer] for payer in {charge.payer for charge in told})
