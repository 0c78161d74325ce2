"""The people of a synthetic community at the sandbox: they see what reached them, and act in bulk."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from community.sandbox.client import SandboxClient
from community.simulation.behaviour import (
    Doors,
    Gesture,
    Life,
    Phase,
    Quiz,
    Seen,
    Step,
    arrive,
    converse,
    live,
    read,
    seen,
)
from community.simulation.market import BROWSER, Market
from community.simulation.people import Person

MOMENT_S = 50
"""Gestures that somebody waits for happen within so many seconds before the present, the others since the last ones."""
TALK_KEPT = 20


@dataclass(frozen=True, slots=True)
class Done:
    """A gesture that happened, or was refused. `at`: seconds of the sandbox's clock."""

    at: float
    user: int
    do: str
    gesture: Gesture
    refused: str | None = None


@dataclass(slots=True)
class Crowd:
    """Everybody's life so far, and the record of what they did (`done`)."""

    people: Sequence[Person]
    sandbox: SandboxClient
    http: aiohttp.ClientSession
    doors: Doors
    quiz: Quiz
    seed: int
    market: Market
    lives: dict[int, Life] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    _unread: dict[int, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    _talk: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _cursor: int = 0
    _step: int = 0
    _slot: int = 0

    async def settle(self) -> None:
        """Everybody gets a Telegram account, strangers who will be shown a link too."""
        self.lives = {person.id: Life() for person in self.people}
        strangers = self.market.settle(self.people, self.seed)
        await self.sandbox.create_users([*(person.as_user() for person in self.people), *strangers])

    async def look(self) -> None:
        """Read what the bot wrote since the last look."""
        feed = await self.sandbox.delivered(self._cursor)
        self._cursor = feed["next"]
        for message in feed["messages"]:
            found = seen(message)
            self.market.look(found)
            for reader in self._readers(message["chat_id"]):
                self._unread[reader].append(found)

    async def spend(self, slot: int, since: float, until: float) -> int:
        """Live from `since` to `until` (sandbox seconds), newcomers arriving at its end; how many gestures."""
        await self.look()
        self._slot = slot
        lived, came = [], []
        for person in self.people:
            rng = self._rng(person)
            lived += self._take(person, self._live(person, slot, rng))
            lived += self._buy(person, leisure=True)
            came += self._take(person, arrive(person, self.lives[person.id], slot, self.doors))
        lived += self.market.decisions()
        self._step += 1
        return await self._perform(lived, since, until) + await self._perform(came, until - MOMENT_S, until)

    async def talk_on(self, slot: int, now: float) -> int:
        """Answer what asks for an answer at once; how many gestures."""
        await self.look()
        gestures: list[Gesture] = []
        for person in self.people:
            if unread := self._unread.get(person.id):
                life = self.lives[person.id]
                life, answers, read = converse(person, life, unread, slot, self.quiz, self._rng(person))
                gestures += self._take(person, (life, answers))
                if read:
                    unread.clear()
            gestures += self._buy(person)
        gestures += self.market.decisions()
        self._step += 1
        return await self._perform(gestures, now - MOMENT_S, now)

    async def read_on(self, now: float) -> int:
        """Those inside read at once what has just reached them, and act on it; how many gestures."""
        await self.look()
        gestures: list[Gesture] = []
        for person in self.people:
            life, unread = self.lives[person.id], self._unread.get(person.id)
            if unread and life.phase is Phase.inside:
                gestures += self._take(person, read(person, life, unread, self.doors, self._rng(person)))
                unread.clear()
            gestures += self._buy(person)
        self._step += 1
        return await self._perform(gestures, now - MOMENT_S, now)

    def counts(self) -> Counter[str]:
        """Gestures that happened, by kind."""
        return Counter(done.do for done in self.done if not done.refused)

    def _live(self, person: Person, slot: int, rng: random.Random) -> Step:
        life, unread = self.lives[person.id], self._unread.get(person.id, [])
        talk = self._talk[self.doors.groups[person.home]]
        step = live(person, life, unread, slot, self.doors, rng, talk)
        if life.phase in (Phase.inside, Phase.out):
            unread.clear()
        return step

    def _buy(self, person: Person, *, leisure: bool = False) -> list[Gesture]:
        life, dice = self.lives[person.id], f"{self.seed}:{self._step}:{person.id}:buy"
        gestures = self.market.deal(person, life, self._slot, self.doors, dice, leisure=leisure)
        if gestures:
            self.lives[person.id] = replace(life, opened=True)
        return gestures

    def _readers(self, chat_id: int) -> list[int]:
        """Who sees a message there: the member themselves, or newcomers of a group who have not met the bot."""
        if chat_id > 0:
            return [chat_id] if chat_id in self.lives else []
        return [
            person.id
            for person in self.people
            if person.start_after == 0
            and self.doors.groups[person.home] == chat_id
            and self.lives[person.id].phase is Phase.inside
            and not self.lives[person.id].opened
        ]

    def _take(self, person: Person, step: Step) -> list[Gesture]:
        self.lives[person.id], gestures = step
        return gestures

    def _rng(self, person: Person) -> random.Random:
        return random.Random(f"{self.seed}:{self._step}:{person.id}")

    async def _perform(self, gestures: list[Gesture], since: float, until: float) -> int:
        """Clicks and orders go to the gateway, side by side; the rest to the sandbox in one request, in order of time.

        Who pays waits until it is done.
        """
        rng = random.Random(f"{self.seed}:{self._step}:{since}")
        kinds: dict[str, list[Gesture]] = defaultdict(list)
        for gesture in gestures:
            kinds[gesture["do"] if gesture["do"] in ("click", "order", "pay") else "act"].append(gesture)
        clicked = await asyncio.gather(*[self._click(gesture, until) for gesture in kinds["click"]])
        acts = [*kinds["act"], *filter(None, clicked)]
        moments = sorted(rng.uniform(since + 1, until) for _ in acts)
        timed = [gesture | {"at": float(int(at))} for gesture, at in zip(acts, moments, strict=True)]
        for gesture, result in zip(timed, await self.sandbox.act_all(timed) if timed else [], strict=True):
            self._note(gesture, gesture["at"], result)
        await asyncio.gather(*[self._spend_money(gesture, until) for gesture in [*kinds["order"], *kinds["pay"]]])
        return len(gestures)

    async def _spend_money(self, gesture: Gesture, at: float) -> None:
        pay = self.market.pay(self.sandbox, gesture) if gesture["do"] == "pay" else self.market.order(gesture, at)
        done, refused = await pay
        self.done.append(Done(at, gesture["user"], done, gesture, refused))

    async def _click(self, gesture: Gesture, at: float) -> Gesture | None:
        """Open a tracked link as a browser does. One that leads to the bot goes on by Start."""
        async with self.http.get(gesture["url"], headers=BROWSER, allow_redirects=False) as answer:
            leads_to, refused = (
                answer.headers.get("Location", ""),
                None if answer.status == 302 else f"HTTP {answer.status}",
            )
        self.done.append(Done(at, gesture["user"], "click", gesture, refused))
        payload = parse_qs(urlsplit(leads_to).query).get("start")
        if payload and urlsplit(leads_to).hostname == "t.me":
            return {"do": "start", "user": gesture["user"], "payload": payload[0]}
        return None

    def _note(self, gesture: Gesture, at: float, result: dict[str, Any]) -> None:
        refused = None if result["ok"] else str(result["error"])
        self.done.append(Done(at, gesture["user"], gesture["do"], gesture, refused))
        if gesture["do"] == "say" and gesture.get("chat") and not refused:
            talk = self._talk[gesture["chat"]]
            talk.append(result["message_id"])
            del talk[:-TALK_KEPT]
