"""Hypothesis chooses what happens next: members, operators, planners, senders that die; anything after anything."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle as Pool, RuleBasedStateMachine, initialize, multiple, precondition, rule

from community.database.partitions import ensure_months
from community.database.pool import Connection, connect
from community.errors import ProposalRefused
from community.outreach.decide import decide, execute, lapse
from community.outreach.proposals import propose_backfill, propose_send
from tests.conftest import EMPTY
from tests.interleavings import dealings
from tests.interleavings.chronicle import Chronicle
from tests.interleavings.facts import Intent, Live, Person
from tests.interleavings.playbook import restless, shipped, with_offer
from tests.interleavings.stages import KNOWN
from tests.interleavings.world import BOT_ID, Fate, World, composer

T = TypeVar("T")
ZONES = ("America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "America/St_Johns", "Europe/Berlin", None)
BEGINNINGS = [datetime(2026, month, day, 4, tzinfo=UTC) for month, day in ((3, 6), (3, 27), (4, 3), (7, 1), (10, 24), (10, 30))]
"""Noon in Shanghai, mostly a day or two before clocks change somewhere."""
WAITS = [timedelta(minutes=minutes) for minutes in (1, 25, 60, 150, 420, 780, 1440, 4320)]
LATENESS = [timedelta(hours=hours) for hours in (0, 0, 0, 1, 7, 24, 70)]
SOON = [timedelta(hours=hours) for hours in (2, 27, 50, 100)]
WINDOWS = [timedelta(hours=hours) for hours in (6, 48)]
PLANS = ("month", "month", "quarter", "trial_7", "pack")
SCOPES = ("all", "stage:welcome_drip", "stage:offer", "chat:10000")
MOSTLY_ARRIVES = st.one_of(st.just(Fate.arrives), st.just(Fate.arrives), st.sampled_from(Fate))

FATES = st.lists(MOSTLY_ARRIVES, min_size=1, max_size=6)


@dataclass
class Tally:
    """What all examples did together."""

    examples: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)


class Engine:
    """A loop and two connections that all examples share."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.bundle, self.composer, self.tally = restless(shipped()), composer(), Tally()
        self.conn, self.beside = self.run(self._open(url)), self.run(self._open(url))
        self.run(self._enter())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something, to its end."""
        return self._runner.run(work)

    def close(self) -> None:
        """Give back what was opened."""
        self.run(self._stack.aclose())
        self._runner.close()

    async def _open(self, url: str) -> Connection:
        conn = await connect(url)
        await conn.execute("SET lock_timeout = '10s'")
        self._stack.push_async_callback(conn.close)
        return conn

    async def _enter(self) -> None:
        self._stack.enter_context(with_offer())


class Broken(AssertionError):
    """Promises that a message broke."""


class Interleavings(RuleBasedStateMachine):
    """Everything after everything. `engine` is set by whoever runs it."""

    engine: Engine
    people = Pool("people")
    sessions = Pool("sessions")
    proposals = Pool("proposals")

    def __init__(self) -> None:
        super().__init__()
        self.holding: AsyncExitStack | None = None
        self.engine.tally.examples += 1

    @initialize(target=people, start=st.sampled_from(BEGINNINGS), zones=st.lists(st.sampled_from(ZONES), min_size=2, max_size=6))
    def begin(self, start: datetime, zones: list[str | None]) -> Any:
        """Some people are there, in the order in which they came."""
        bundle = self.engine.bundle
        chronicle = Chronicle(bundle.playbook, KNOWN, start)
        self.world = World(self.engine.conn, bundle, self.engine.composer, chronicle, self._told)
        self._do("begin", self.world.open())
        return multiple(*(self._do("meet", self._arrive(place % 2, zone)) for place, zone in enumerate(zones)))

    def _is_free(self) -> bool:
        return self.holding is None

    # Members.

    @rule(target=people, opened=st.booleans(), place=st.sampled_from([0, 1]))
    def somebody_comes(self, opened: bool, place: int) -> Person:
        person = self._do("meet", self.world.meet(opened=opened))
        self._do("join", self.world.join(person, place))
        return person

    @rule(person=people, place=st.sampled_from([0, 1]), how=st.sampled_from(["leave", "block", "opt out"]))
    def have_enough(self, person: Person, place: int, how: str) -> None:
        match how:
            case "leave":
                for each in person.groups.copy():
                    self._do(how, self.world.leave(person, each))
            case "block":
                self._do(how, self.world.block(person))
            case _:
                self._do(how, self.world.opt(person, out=True))

    @rule(person=people, place=st.sampled_from([0, 1]))
    def come_round(self, person: Person, place: int) -> None:
        """They are in the group, and want to hear of us, whatever was before."""
        self._do("join", self.world.join(person, place))
        self._do("start", self.world.start(person))
        self._do("opt in", self.world.opt(person, out=False))

    @rule(person=people, kind=st.sampled_from(["message", "reaction", "click"]))
    def do(self, person: Person, kind: str) -> None:
        self._do(kind, self.world.do(person, kind))

    @rule(person=people, zone=st.sampled_from(ZONES))
    def choose_zone(self, person: Person, zone: str | None) -> None:
        self._do("zone", self.world.choose_zone(person, zone))

    @rule(person=people, plan=st.sampled_from(PLANS), days=st.sampled_from([None, 2, 5, 9]))
    def buy(self, person: Person, plan: str, days: int | None) -> None:
        self._do("buy", dealings.buy(self.world, person, plan, days))

    @rule(person=people, how=st.sampled_from(["cancel", "revoke", "later", "earlier"]))
    def change_term(self, person: Person, how: str) -> None:
        """What they bought last is another thing now."""
        self._do(f"term {how}", dealings.change_term(self.world, person, how))

    # Live sessions.

    @rule(target=sessions, starts_in=st.sampled_from(SOON), window=st.sampled_from(WINDOWS), first_n=st.sampled_from([None, 1]))
    def add_live(self, starts_in: timedelta, window: timedelta, first_n: int | None) -> Live:
        return self._do("add live", dealings.add_live(self.world, starts_in, window, first_n))

    @precondition(_is_free)
    @rule(live=sessions, starts_in=st.sampled_from([None, *SOON]), window=st.sampled_from([None, *WINDOWS]))
    def move_live(self, live: Live, starts_in: timedelta | None, window: timedelta | None) -> None:
        starts_at = starts_in and self.world.now + starts_in
        self._do("move live", dealings.move_live(self.world, live, starts_at, window))

    @precondition(_is_free)
    @rule(live=sessions)
    def call_off(self, live: Live) -> None:
        self._do("call off", dealings.call_off(self.world, live))

    @rule(live=sessions, people=st.lists(people, min_size=1, max_size=3), buys=st.booleans())
    def take_part(self, live: Live, people: list[Person], buys: bool) -> None:
        for person in people:
            self._do("take part", dealings.take_part(self.world, person, live))
        if buys:
            self._do("buy live", dealings.buy_live(self.world, people[0], live))

    # Time and operators.

    @rule(by=st.sampled_from(WAITS))
    def time_passes(self, by: timedelta) -> None:
        self._do("time", self.world.move_to(self.world.now + by))

    @rule(scope=st.sampled_from(SCOPES), halted=st.booleans())
    def switch(self, scope: str, halted: bool) -> None:
        """Halt something, or resume everything."""
        for each in [scope] if halted else SCOPES:
            self._do("halt" if halted else "resume", (self.world.halt if halted else self.world.resume)(each))

    # Planners.

    @precondition(_is_free)
    @rule(stage=st.sampled_from(sorted(KNOWN)), late=st.sampled_from(LATENESS))
    def plan(self, stage: str, late: timedelta) -> None:
        self._do("plan", self.world.plan(stage, self.world.now - late))

    @precondition(_is_free)
    @rule(by=st.sampled_from(WAITS), rounds=st.integers(1, 6), fates=FATES)
    def days_pass(self, by: timedelta, rounds: int, fates: list[Fate]) -> None:
        """As it should be: time passes, every stage has its run, and what is due is sent."""
        for _ in range(rounds):
            self._do("day", self._round(by, fates))

    @precondition(_is_free)
    @rule(stage=st.sampled_from(sorted(KNOWN)), person=people)
    def plan_one(self, stage: str, person: Person) -> None:
        self._do("plan one", self.world.plan(stage, self.world.now, members=[person.number]))

    @precondition(_is_free)
    @rule(stage=st.sampled_from(sorted(KNOWN)), late=st.sampled_from(LATENESS))
    def begin_plan(self, stage: str, late: timedelta) -> None:
        """A planner has judged, and not committed yet."""
        self._do("begin plan", self._hold(stage, self.world.now - late))

    @precondition(lambda self: self.holding is not None)
    @rule()
    def commit_plan(self) -> None:
        self._do("commit plan", self._release())

    @precondition(_is_free)
    @rule(target=proposals, stage=st.sampled_from(sorted(KNOWN)), back=st.integers(0, 5), days=st.integers(1, 4))
    def propose_backfill(self, stage: str, back: int, days: int) -> int:
        return self._do("propose backfill", self._backfill(stage, back, days))

    @precondition(_is_free)
    @rule(target=proposals, stage=st.sampled_from(sorted(KNOWN)))
    def propose_send(self, stage: str) -> int:
        return self._do("propose send", self._send(stage))

    @rule(plan_id=proposals, word=st.sampled_from(["send", "send", "first", "cancel", "none in time"]))
    def decide(self, plan_id: int, word: str) -> None:
        if word == "none in time":
            self._do(f"decide {word}", lapse(self.world.conn, self.world.now, bot_id=BOT_ID))
            return
        said = {"by": "somebody", "how": "form", "note": "", "bot_id": BOT_ID}
        self._do(f"decide {word}", decide(self.world.conn, plan_id, word, self.world.now, **said))

    @precondition(_is_free)
    @rule(plan_id=proposals)
    def approve_and_execute(self, plan_id: int) -> None:
        self.decide(plan_id, "send")
        self._do("execute", self._execute(plan_id))

    @precondition(_is_free)
    @rule(plan_id=proposals)
    def execute(self, plan_id: int) -> None:
        self._do("execute", self._execute(plan_id))

    # Senders.

    @rule(limit=st.sampled_from([1, 2, 32]), fates=FATES)
    def deliver(self, limit: int, fates: list[Fate]) -> None:
        self._do("deliver", self.world.deliver(limit, cycle(fates)))

    @rule(fates=FATES)
    def deliver_all(self, fates: list[Fate]) -> None:
        self._do("deliver all", self._deliver_all(fates))

    @rule(woken=st.booleans())
    def lose_leases(self, woken: bool) -> None:
        """Whoever holds a message has held it too long; perhaps it comes back with an answer."""
        self._do("lose leases", self.world.lose_leases())
        if woken:
            self._do("wake sleepers", self.world.wake_sleepers())

    def teardown(self) -> None:
        """Whatever was begun ends, and the database is empty for the next."""
        if not hasattr(self, "world"):
            return
        try:
            self._do("end", self._end())
        finally:
            self.engine.tally.messages += self.world.chronicle.messages
            self.engine.run(self._empty())

    def _do(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        self.engine.tally.steps[what] += 1
        return self.engine.run(work)

    def _told(self, intent: Intent, broken: list[str]) -> None:
        raise Broken(f"{intent} at {self.world.now}: {', '.join(broken)}")

    async def _arrive(self, place: int, zone: str | None) -> Person:
        person = await self.world.meet(opened=True)
        await self.world.choose_zone(person, zone)
        await self.world.join(person, place)
        await self.world.move_to(self.world.now + timedelta(hours=7))
        return person

    async def _hold(self, stage: str, as_of: datetime) -> None:
        await ensure_months(self.world.conn, "decisions", [as_of])
        self.holding = AsyncExitStack()
        await self.holding.enter_async_context(self.engine.beside.transaction())
        await self.world.plan(stage, as_of, conn=self.engine.beside)

    async def _release(self) -> None:
        if self.holding:
            holding, self.holding = self.holding, None
            await holding.aclose()

    async def _backfill(self, stage: str, back: int, days: int) -> int:
        last = self.world.now.date() - timedelta(days=back)
        found = await propose_backfill(
            self.world.conn, self.world.bundle, stage, last - timedelta(days=days - 1), last, self.world.now, bot_id=BOT_ID
        )
        return found.id

    async def _send(self, stage: str) -> int:
        found = await propose_send(
            self.world.conn, self.world.bundle, stage, self.world.now, bot_id=BOT_ID, run_id=None
        )
        return found.id

    async def _execute(self, plan_id: int) -> None:
        bundle = self.world.bundle
        try:
            await execute(self.world.conn, bundle, bundle, plan_id, self.world.now, bot_id=BOT_ID)
        except ProposalRefused:
            self.engine.tally.steps["refused as too much fell out"] += 1

    async def _round(self, by: timedelta, fates: list[Fate]) -> None:
        await self.world.move_to(self.world.now + by)
        await self.world.lose_leases()
        await dealings.sweep_lives(self.world)
        for stage in KNOWN:
            await self.world.plan(stage, self.world.now)
        await self._deliver_all(fates)

    async def _deliver_all(self, fates: list[Fate]) -> None:
        """Whatever is due, until nothing is; who was killed holds what it had."""
        each = cycle(fates)
        while await self.world.deliver(32, each):
            pass

    async def _end(self) -> None:
        await self._release()
        await self.world.lose_leases()

    async def _empty(self) -> None:
        await self._release()
        await self.world.conn.execute(EMPTY)
