"""Hypothesis chooses what happens next: members, operators, planners, senders that die; anything after anything."""

from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle as Pool, RuleBasedStateMachine, initialize, multiple, precondition, rule

from community.outreach.decide import decide, lapse
from tests.conftest import EMPTY
from tests.interleavings import dealings, operators
from tests.interleavings.chronicle import Chronicle
from tests.interleavings.engine import Engine
from tests.interleavings.facts import Intent, Live, Person
from tests.interleavings.stages import KNOWN
from tests.interleavings.world import BOT_ID, Fate, World

T = TypeVar("T")
ZONES = ("America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "America/St_Johns", "Europe/Berlin", None)
BEGINNINGS = [
    datetime(2026, month, day, 4, tzinfo=UTC) for month, day in ((3, 6), (3, 27), (4, 3), (7, 1), (10, 24), (10, 30))
]
"""Noon in Shanghai, mostly a day or two before clocks change somewhere."""
WAITS = [timedelta(minutes=minutes) for minutes in (1, 25, 60, 150, 420, 780, 1440, 4320)]
LATENESS = [timedelta(hours=hours) for hours in (0, 0, 0, 1, 7, 24, 70)]
SOON = [timedelta(hours=hours) for hours in (2, 27, 50, 100)]
WINDOWS = [timedelta(hours=hours) for hours in (6, 48)]
PLANS = ("month", "month", "quarter", "trial_7", "pack")
SCOPES = ("all", "stage:welcome_drip", "stage:offer", "chat:10000")
MOSTLY_ARRIVES = st.one_of(st.just(Fate.arrives), st.just(Fate.arrives), st.sampled_from(Fate))

FATES = st.lists(MOSTLY_ARRIVES, min_size=1, max_size=6)


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

    @initialize(
        target=people, start=st.sampled_from(BEGINNINGS), zones=st.lists(st.sampled_from(ZONES), min_size=2, max_size=6)
    )
    def begin(self, start: datetime, zones: list[str | None]) -> Any:
        """Some people are there, in the order in which they came."""
        bundle = self.engine.bundle
        chronicle = Chronicle(bundle.playbook, KNOWN, start)
        self.world = World(self.engine.conn, bundle, self.engine.composer, chronicle, self._told)
        self._do("begin", self.world.open())
        arrivals = [operators.arrive(self.world, place % 2, zone) for place, zone in enumerate(zones)]
        return multiple(*(self._do("meet", arrival) for arrival in arrivals))

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
        """They are in the group, and want to hear of us, whatever was before; a welcome waits for a planner at work."""
        self._do("commit plan", self._release())
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

    @rule(
        target=sessions,
        starts_in=st.sampled_from(SOON),
        window=st.sampled_from(WINDOWS),
        first_n=st.sampled_from([None, 1]),
    )
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
    @rule(stage=st.sampled_from(sorted(KNOWN)), late=st.sampled_from(LATENESS), aware=st.booleans())
    def plan(self, stage: str, late: timedelta, aware: bool) -> None:
        self._do("plan", self.world.plan(stage, self.world.now - late, aware=aware))

    @precondition(_is_free)
    @rule(by=st.sampled_from(WAITS), rounds=st.integers(1, 6), fates=FATES)
    def days_pass(self, by: timedelta, rounds: int, fates: list[Fate]) -> None:
        """As it should be: time passes, every stage has its run, and what is due is sent."""
        for _ in range(rounds):
            self._do("day", operators.live_on(self.world, self.engine.bundles, by, fates))

    @precondition(_is_free)
    @rule(stage=st.sampled_from(sorted(KNOWN)), person=people)
    def plan_one(self, stage: str, person: Person) -> None:
        self._do("plan one", self.world.plan(stage, self.world.now, members=[person.number]))

    @precondition(_is_free)
    @rule(stage=st.sampled_from(sorted(KNOWN)), late=st.sampled_from(LATENESS))
    def begin_plan(self, stage: str, late: timedelta) -> None:
        """A planner has judged, and not committed yet."""
        self.holding = self._do(
            "begin plan", operators.hold_plan(self.world, self.engine.beside, stage, self.world.now - late)
        )

    @precondition(lambda self: self.holding is not None)
    @rule()
    def commit_plan(self) -> None:
        self._do("commit plan", self._release())

    @precondition(_is_free)
    @rule(target=proposals, stage=st.sampled_from(sorted(KNOWN)), back=st.integers(0, 5), days=st.integers(1, 4))
    def propose_backfill(self, stage: str, back: int, days: int) -> int:
        return self._do("propose backfill", operators.propose_days(self.world, stage, back, days))

    @precondition(_is_free)
    @rule(target=proposals, stage=st.sampled_from(sorted(KNOWN)))
    def propose_send(self, stage: str) -> int:
        return self._do("propose send", operators.propose_due(self.world, stage))

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
        self._do("execute", operators.carry_out(self.world, plan_id))

    @precondition(_is_free)
    @rule(plan_id=proposals)
    def execute(self, plan_id: int) -> None:
        self._do("execute", operators.carry_out(self.world, plan_id))

    # Senders.

    @rule(limit=st.sampled_from([1, 2, 32]), fates=FATES)
    def deliver(self, limit: int, fates: list[Fate]) -> None:
        self._do("deliver", self.world.deliver(limit, cycle(fates)))

    @rule(fates=FATES)
    def deliver_all(self, fates: list[Fate]) -> None:
        self._do("deliver all", operators.deliver_all(self.world, cycle(fates)))

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

    async def _release(self) -> None:
        if self.holding:
            holding, self.holding = self.holding, None
            await holding.aclose()

    async def _end(self) -> None:
        await self._release()
        await self.world.lose_leases()

    async def _empty(self) -> None:
        await self._release()
        await self.world.conn.execute(EMPTY)
