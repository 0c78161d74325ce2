"""What operators, the schedule and the sender do, each as one piece of work."""

from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from itertools import cycle

from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.errors import ProposalRefused
from community.outbox.bundles import Bundles
from community.outreach.decide import execute, settle
from community.outreach.proposals import propose_backfill, propose_send
from tests.interleavings import dealings
from tests.interleavings.facts import Person
from tests.interleavings.stages import KNOWN
from tests.interleavings.world import BOT_ID, Fate, World


async def arrive(world: World, place: int, zone: str | None) -> Person:
    """Somebody opens the chat and joins, and some hours pass."""
    person = await world.meet(opened=True)
    await world.choose_zone(person, zone)
    await world.join(person, place)
    await world.move_to(world.now + timedelta(hours=7))
    return person


async def live_on(world: World, bundles: Bundles, by: timedelta, fates: Sequence[Fate]) -> None:
    """As it should be: time passes, the service sees to what waits, every stage has its run, what is due is sent."""
    await world.move_to(world.now + by)
    await world.lose_leases()
    await dealings.sweep_lives(world)
    await settle(world.conn, bundles, world.now, bot_id=BOT_ID, staff_chat=None)
    for stage in KNOWN:
        await world.plan(stage, world.now)
    await deliver_all(world, cycle(fates))


async def deliver_all(world: World, fates: Iterable[Fate]) -> None:
    """Whatever is due, until nothing is; who was killed holds what it had."""
    while await world.deliver(32, fates):
        pass


async def hold_plan(world: World, beside: Connection, stage: str, as_of: datetime) -> AsyncExitStack:
    """A planner has judged, and commits when what is returned is closed."""
    await ensure_months(world.conn, "decisions", [as_of])
    holding = AsyncExitStack()
    await holding.enter_async_context(beside.transaction())
    await world.plan(stage, as_of, conn=beside)
    return holding


async def propose_days(world: World, stage: str, back: int, days: int) -> int:
    """Propose a backfill of some days, the last of them so many days ago."""
    last = world.now.date() - timedelta(days=back)
    first = last - timedelta(days=days - 1)
    return (await propose_backfill(world.conn, world.bundle, stage, first, last, world.now, bot_id=BOT_ID)).id


async def propose_due(world: World, stage: str) -> int:
    """Propose what is due, as if it were very much."""
    return (await propose_send(world.conn, world.bundle, stage, world.now, bot_id=BOT_ID, run_id=None)).id


async def carry_out(world: World, plan_id: int) -> None:
    """Execute a proposal, if it is approved; too much of it may have fallen out."""
    with suppress(ProposalRefused):
        await execute(world.conn, world.bundle, world.bundle, plan_id, world.now, bot_id=BOT_ID)
