"""Row `replay`: 90 virtual days of 2,000 members through every stage; then all of it once more, which adds nothing.

Members live by a dice with a seed. Every stage has its run several times a day, at ten o'clock in several zones among
them; what is due is claimed and recorded as it is in use, the channel is in memory, and every message is judged by
plain Python as it arrives. Then the same days are planned as backfills, all approved, and as runs that come late.
"""

import random
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import repeat

from community.bundle import Bundle, load_bundle
from community.database.pool import Connection, connect
from community.outbox.bundles import Bundles
from community.outreach import statements
from community.outreach.decide import decide, execute
from community.outreach.proposals import propose_backfill
from tests.benchmarks.harness import ROOT, Row, count, database
from tests.interleavings.chronicle import Chronicle
from tests.interleavings.dealings import sweep_lives
from tests.interleavings.facts import Intent
from tests.interleavings.living import Living
from tests.interleavings.operators import deliver_all
from tests.interleavings.stages import KNOWN
from tests.interleavings.world import BOT_ID, Fate, World, composer

DAYS, MEMBERS, SEED = 90, 2_000, 7
BEGINS = datetime(2026, 2, 1, tzinfo=UTC)
"""Clocks change in America and Europe within the 90 days."""
TICKS = [timedelta(hours=hours) for hours in (0.5, 1, 2, 3, 4.5, 6, 8, 9, 11.5, 12.2, 14, 15, 17, 18, 20.5)]
"""Ten o'clock in Tokyo, Shanghai, Kathmandu, Berlin, New York and Los Angeles, before and after clocks change."""
CHUNK = 30
FATES = {Fate.arrives: 0.988, Fate.later: 0.004, Fate.lost: 0.004, Fate.stalled: 0.002, Fate.killed_after: 0.001,
         Fate.blocked: 0.001}  # fmt: skip


async def run() -> Row:
    """Row `replay`."""
    with database(durable=False) as url:
        async with await connect(url) as conn:
            return await _measure(conn)


async def _measure(conn: Connection) -> Row:
    broken: Counter[str] = Counter()
    bundle, dice = load_bundle(ROOT / "templates"), random.Random(SEED)
    chronicle = Chronicle(bundle.playbook, KNOWN, BEGINS)
    world = World(
        conn, bundle, composer(Bundles()), chronicle, lambda intent, promises: _note(broken, intent, promises)
    )
    await world.open()
    began = time.perf_counter()
    await _live(world, dice)
    lived, once = time.perf_counter() - began, chronicle.messages.copy()
    again = {"backfilled": await _added(world, _backfill(world)), "late": await _added(world, _run_late(world))}
    details: dict[str, float | int | str] = {f"sent by {stage}": number for stage, number in sorted(once.items())}
    details |= {f"{how}: {what}": number for how, figures in again.items() for what, number in figures.items()}
    details |= {f"broken: {what}": number for what, number in sorted(broken.items())} or {"broken promises": 0}
    details |= {"members": len(chronicle.people), "seconds of living": round(lived)}
    added = sum(figures["rows added"] + figures["messages sent"] for figures in again.values())
    passed = added == 0 and not broken and once.total() > 0
    reference = {"messages sent in 90 days": float(once.total())}
    target = "0, and 0 promises broken"
    return Row("replay", float(added), "messages added or sent", reference, None, target, passed, details)


def _note(broken: Counter[str], intent: Intent, promises: list[str]) -> None:
    broken.update(f"{intent.stage}/{intent.step} {promise}" for promise in promises)


def stages(bundle: Bundle) -> list[str]:
    """Stages of the playbook that have their audience."""
    return [name for name in bundle.playbook.stages if (statements.AUDIENCES / f"{name}.sql").exists()]


async def _live(world: World, dice: random.Random) -> None:
    """The days as they are lived, with a run of every stage at each tick."""
    living = Living(world, dice)
    for number in range(DAYS):
        happens = living.day(number, BEGINS + timedelta(days=number), MEMBERS)
        for tick in TICKS:
            await living.until(BEGINS + timedelta(days=number) + tick, happens)
            await world.lose_leases()
            await world.wake_sleepers()
            await sweep_lives(world)
            for stage in stages(world.bundle):
                await world.plan(stage, world.now)
            await deliver_all(world, _fates(dice))
        await living.until(BEGINS + timedelta(days=number + 1), happens)
        print(f"  day {number + 1}: {world.chronicle.messages.total():,} messages", flush=True)
    await _empty(world)


async def _empty(world: World) -> None:
    """What was put off, or lay with a killed sender, arrives or is settled."""
    await world.lose_leases()
    await world.wake_sleepers()
    await deliver_all(world, repeat(Fate.arrives))


def _fates(dice: random.Random) -> Iterator[Fate]:
    """Nearly all messages arrive."""
    fates, chances = zip(*FATES.items(), strict=True)
    while True:
        yield dice.choices(fates, chances)[0]


async def _added(world: World, replay: Awaitable[None]) -> dict[str, int]:
    """What a replay adds: rows in the outbox, by what became of them, and messages that are sent."""
    newest = await count(world.conn, "SELECT coalesce(max(id), 0) FROM messages")
    before = world.chronicle.messages.total()
    await replay
    await deliver_all(world, repeat(Fate.arrives))
    rows = await world.conn.execute(
        "SELECT state || coalesce(': ' || reason, '') AS what, count(*) AS n FROM messages WHERE id > %s GROUP BY 1",
        [newest],
    )
    found = {row["what"]: row["n"] for row in await rows.fetchall()}
    return {"messages sent": world.chronicle.messages.total() - before, "rows added": sum(found.values()), **found}


async def _backfill(world: World) -> None:
    """All of it planned as of each day that is over, and approved."""
    last = world.now.date()
    for stage in stages(world.bundle):
        for first in range(0, DAYS, CHUNK):
            days = BEGINS.date() + timedelta(days=first), min(BEGINS.date() + timedelta(days=first + CHUNK - 1), last)
            found = await propose_backfill(world.conn, world.bundle, stage, *days, world.now, bot_id=BOT_ID)
            said = {"by": "bench", "how": "command", "note": "", "bot_id": BOT_ID}
            await decide(world.conn, found.id, "send", world.now, **said)
            await execute(world.conn, world.bundle, world.bundle, found.id, world.now, bot_id=BOT_ID)


async def _run_late(world: World) -> None:
    """Every run once more, as if it came only now."""
    for number in range(DAYS):
        for tick in TICKS:
            for stage in stages(world.bundle):
                await world.plan(stage, BEGINS + timedelta(days=number) + tick)
