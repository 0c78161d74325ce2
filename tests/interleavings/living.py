"""A community that lives by a dice with a seed: who comes, speaks, falls silent, buys, watches, has enough."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from community.activity.record import Activity, record
from tests.interleavings import dealings
from tests.interleavings.facts import Live, Person
from tests.interleavings.world import World

ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Kathmandu", None)
ARRIVALS = 60
"""Days within which everybody comes."""
DAY = timedelta(days=1)
LIVE_EVERY = 7
ANNOUNCED = timedelta(days=5)
"""Before its start."""


@dataclass
class Habits:
    """What somebody does on a day, as chances."""

    person: Person
    talks: float
    buys: float
    silent_until: datetime | None = None


@dataclass
class Living:
    """The people of a world, and its dice."""

    world: World
    dice: random.Random
    everybody: list[Habits] = field(default_factory=list)
    said: list[Activity] = field(default_factory=list)
    lives: list[Live] = field(default_factory=list)

    async def until(self, moment: datetime, day: list[tuple[datetime, Any]]) -> None:
        """Live through what the day holds up to the moment."""
        while day and day[-1][0] <= moment:
            at, happens = day.pop()
            self.world.chronicle.now = at
            if isinstance(happens, Habits):
                await self._live_on(happens)
            else:
                await happens()
        await record(self.world.conn, self.said)
        self.said.clear()
        await self.world.move_to(moment)

    def day(self, number: int, begins: datetime, members: int) -> list[tuple[datetime, Any]]:
        """What a day will hold, the last first: newcomers, everybody once, and live sessions."""
        happens: list[tuple[datetime, Any]] = [(self._some_time(begins), habits) for habits in self.everybody]
        newcomers = members // ARRIVALS if number < ARRIVALS else 0
        happens += [(self._some_time(begins), self._come) for _ in range(newcomers)]
        if number % LIVE_EVERY == 0:
            happens.append((begins + timedelta(hours=4), self._announce))
        if number % LIVE_EVERY == 3 and self.lives:
            happens.append((begins + timedelta(hours=5), self._change_live))
        happens += [(at, happening) for at, happening in self._live_day(begins)]
        return sorted(happens, key=lambda each: each[0], reverse=True)

    def _some_time(self, begins: datetime) -> datetime:
        return begins + timedelta(seconds=self.dice.randrange(86_400))

    def _chance(self, of: float) -> bool:
        return self.dice.random() < of

    async def _come(self) -> None:
        person = await self.world.meet(opened=self._chance(0.8))
        if self._chance(0.2):
            await self.world.choose_zone(person, self.dice.choice(ZONES))
        await self.world.join(person, int(self._chance(0.2)))
        talks = self.dice.choice([0.0, 0.02, 0.1, 0.4])
        self.everybody.append(Habits(person, talks, self.dice.choice([0.0, 0.005, 0.03])))

    async def _live_on(self, habits: Habits) -> None:
        """One day of somebody's."""
        person = habits.person
        await self._come_and_go(person)
        if person.groups and person.dm != "blocked":
            self._speak(habits)
            await self._wish(person)
            await self._deal(habits)

    async def _come_and_go(self, person: Person) -> None:
        world = self.world
        if person.groups and self._chance(0.003):
            for place in person.groups.copy():
                await world.leave(person, place)
        elif not person.groups and self._chance(0.03):
            await world.join(person, int(self._chance(0.5)))
        if person.dm == "open" and self._chance(0.002):
            await world.block(person)
        elif person.dm != "open" and self._chance(0.02):
            await world.start(person)

    def _speak(self, habits: Habits) -> None:
        if habits.silent_until and habits.silent_until > self.world.now:
            return
        if self._chance(0.01):
            habits.silent_until = self.world.now + timedelta(days=self.dice.randrange(8, 45))
        if self._chance(habits.talks):
            kind = self.dice.choice(["message", "message", "reaction", "click"])
            habits.person.reached[kind] = self.world.now
            self.said.append(Activity(kind, self.world.now, habits.person.number))

    async def _wish(self, person: Person) -> None:
        if self._chance(0.02 if person.opted_out else 0.002):
            await self.world.opt(person, out=not person.opted_out)
        if self._chance(0.003):
            await self.world.choose_zone(person, self.dice.choice(ZONES))

    async def _deal(self, habits: Habits) -> None:
        """Buy, renew, cancel, be refunded, be corrected."""
        world, person = self.world, habits.person
        term = next((t for t in reversed(person.terms) if t.line == "membership" and not t.revoked), None)
        over = term is None or (term.ends_at is not None and term.ends_at <= world.now)
        ending = term is not None and term.ends_at is not None and term.ends_at - world.now < timedelta(days=6)
        if over and self._chance(habits.buys):
            await dealings.buy(world, person, self.dice.choice(["month", "month", "quarter", "year"]))
        elif over and term is None and self._chance(0.01):
            await dealings.buy(world, person, "trial_7")
        elif ending and not over and self._chance(0.12):
            await dealings.buy(world, person, self.dice.choice(["month", "month", "month", "quarter"]))
        elif term and self._chance(0.006):
            await dealings.change_term(
                world, person, self.dice.choice(["cancel", "cancel", "revoke", "later", "earlier"])
            )

    async def _announce(self) -> None:
        first_n = self.dice.choice([None, 10])
        self.lives.append(await dealings.add_live(self.world, ANNOUNCED + timedelta(hours=8), 2 * DAY, first_n))

    async def _change_live(self) -> None:
        """Now and then a session is moved, or called off."""
        if self._chance(0.3):
            await dealings.move_live(self.world, self.lives[-1], self.lives[-1].times.starts_at + DAY, None)
        elif self._chance(0.1):
            await dealings.call_off(self.world, self.lives[-1])

    def _live_day(self, begins: datetime) -> Iterator[tuple[datetime, Any]]:
        """On the days around a session people register, watch and buy."""
        for live in self.lives:
            times = live.times
            if begins + DAY <= live.created_at or begins > times.window_until_at:
                continue
            for person in self.dice.sample(self.everybody, len(self.everybody) // 40):
                yield self._some_time(begins), self._part(live, person.person)
            if begins <= times.starts_at < begins + DAY:
                yield times.starts_at + timedelta(minutes=5), self._watch(live)
            if begins <= times.ends_at + timedelta(hours=2) < begins + DAY:
                yield times.ends_at + timedelta(hours=2), self._sell(live)

    def _part(self, live: Live, person: Person) -> Any:
        return lambda: dealings.take_part(self.world, person, live)

    def _watch(self, live: Live) -> Any:
        async def watch() -> None:
            for number in live.registered:
                if self._chance(0.5):
                    await dealings.take_part(self.world, self.world.chronicle.people[number], live)

        return watch

    def _sell(self, live: Live) -> Any:
        async def sell() -> None:
            for number in sorted(live.watched):
                if self._chance(0.15):
                    await dealings.buy_live(self.world, self.world.chronicle.people[number], live)

        return sell
