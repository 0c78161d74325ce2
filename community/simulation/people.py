"""Who lives in a synthetic community. Pure: the same seed gives the same people, whatever happens to them later."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from community.simulation import names

SLOTS_A_DAY = 4
"""A day is lived in slots of six hours."""
FIRST_ID = 500_000_001
"""Telegram id of the first person; the others follow."""
HOSTILE_EVERY = 12
T = TypeVar("T")


class Route(StrEnum):
    """How somebody comes."""

    invite = "invite"
    """A campaign's invite link, which asks to join."""
    entry = "entry"
    """A campaign's tracked link, which leads to the bot; the bot shows the way."""
    door = "door"
    """The group's own join-request link, of no campaign."""
    public = "public"
    """Straight into a public group: the bot may not write to them until they press Start."""


class Gate(StrEnum):
    """How somebody answers the questions at the door."""

    right = "right"
    slips = "slips"
    """One wrong answer, then the right ones."""
    fails = "fails"
    silent = "silent"


class Turn(StrEnum):
    """What somebody does when they have had enough."""

    stop = "stop"
    block = "block"
    leave = "leave"
    delete = "delete"


@dataclass(frozen=True, slots=True)
class Temper:
    """Habits. `talk` and `react`: chances per slot; `press`, `click`, `tell`: per button, link, question seen."""

    talk: float
    react: float
    press: float
    click: float
    tell: float
    days: int = 99
    """After so many days they fall silent, without a word."""
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic member. Slots are counted from the first; `turn_after`, `back_after` from when they got in."""

    id: int
    first_name: str
    last_name: str | None
    username: str | None
    language_code: str | None
    kind: str
    route: Route
    token: str | None
    """Campaign, for the routes that have one."""
    home: int
    """Which group, by its place in the list."""
    arrives: int
    gate: Gate
    persistent: bool
    """Tries once more after having been turned away."""
    start_after: int | None
    """Those who come by `public`: slots until they press Start; 0: at the group's greeting, None: never."""
    turn_after: int | None
    back_after: int | None

    @property
    def temper(self) -> Temper:
        """Their habits."""
        return TEMPERS[self.kind][1]

    @property
    def tongue(self) -> str:
        """Language they type in: zh or en."""
        return "zh" if (self.language_code or "").startswith("zh") else "en"

    def as_user(self) -> dict[str, Any]:
        """As Telegram knows them."""
        known = {"last_name": self.last_name, "username": self.username, "language_code": self.language_code}
        return {"id": self.id, "first_name": self.first_name} | {key: value for key, value in known.items() if value}


TEMPERS: Mapping[str, tuple[int, Temper]] = {
    "keen": (22, Temper(talk=0.30, react=0.25, press=0.85, click=0.6, tell=0.9)),
    "quiet": (28, Temper(talk=0.02, react=0.06, press=0.30, click=0.25, tell=0.3)),
    "vanishing": (17, Temper(talk=0.25, react=0.15, press=0.60, click=0.4, tell=0.6, days=3)),
    "sceptic": (11, Temper(talk=0.10, react=0.05, press=0.25, click=0.3, tell=0.4, turn=Turn.stop)),
    "blocker": (9, Temper(talk=0.05, react=0.02, press=0.15, click=0.1, tell=0.2, turn=Turn.block)),
    "leaver": (8, Temper(talk=0.08, react=0.05, press=0.30, click=0.2, tell=0.3, turn=Turn.leave)),
    "deleter": (5, Temper(talk=0.05, react=0.05, press=0.30, click=0.2, tell=0.2, turn=Turn.delete)),
}
"""Kinds of people: how many of a hundred, and their habits."""
ROUTES = {Route.invite: 50, Route.entry: 17, Route.door: 10, Route.public: 23}
GATES = {Gate.right: 70, Gate.slips: 14, Gate.fails: 8, Gate.silent: 8}
START_AFTER = {0: 50, 2: 10, 6: 10, 13: 5, None: 25}


def populate(count: int, days: int, seed: int, tokens: Sequence[str], homes: Sequence[int]) -> list[Person]:
    """`count` people who arrive over the first three quarters of `days`.

    `tokens` are the campaigns, `homes` the groups, each with the slot of day (0 to 3) in which its people arrive; the
    first group is the public one, and the one the bot leads to.
    """
    return [_person(number, days, random.Random(f"{seed}:{number}"), tokens, homes) for number in range(count)]


def weighted(rng: random.Random, choices: Mapping[T, int]) -> T:
    """One of `choices`, each as often as its number says."""
    return rng.choices([*choices], [*choices.values()])[0]


def _person(number: int, days: int, rng: random.Random, tokens: Sequence[str], homes: Sequence[int]) -> Person:
    kind = weighted(rng, {name: share for name, (share, _) in TEMPERS.items()})
    language, route = weighted(rng, names.LANGUAGES), weighted(rng, ROUTES)
    if not tokens and route in (Route.invite, Route.entry):
        route = Route.door
    led = route in (Route.public, Route.entry)
    home = 0 if led or rng.random() < 0.5 else rng.randrange(len(homes))
    turn = TEMPERS[kind][1].turn
    turn_after = rng.randint(1, 6 * SLOTS_A_DAY) if turn else None
    returns = turn_after is not None and turn is not Turn.delete and rng.random() < 0.35
    first_name, last_name, username = _names(number, language, rng)
    return Person(
        id=FIRST_ID + number,
        first_name=first_name,
        last_name=last_name,
        username=username,
        language_code=language,
        kind=kind,
        route=route,
        token=rng.choice(tokens) if route in (Route.invite, Route.entry) else None,
        home=home,
        arrives=_arrival(days, homes[home], rng),
        gate=weighted(rng, GATES),
        persistent=rng.random() < 0.6,
        start_after=weighted(rng, START_AFTER) if route is Route.public else None,
        turn_after=turn_after,
        back_after=(turn_after or 0) + rng.randint(2, 12) if returns else None,
    )


def _arrival(days: int, slot_of_day: int, rng: random.Random) -> int:
    """More in the first days than later."""
    day = int(max(1, days * 3 // 4) * rng.random() ** 1.4)
    return day * SLOTS_A_DAY + slot_of_day


def _names(number: int, language: str | None, rng: random.Random) -> tuple[str, str | None, str | None]:
    if number % HOSTILE_EVERY == HOSTILE_EVERY - 1:
        hostile = names.HOSTILE[number // HOSTILE_EVERY % len(names.HOSTILE)]
        return hostile, rng.choice([None, hostile]), None
    firsts, lasts = names.CHINESE if (language or "").startswith("zh") else names.ENGLISH
    first, last = rng.choice(firsts), rng.choice(lasts)
    username = f"demo_member_{number}" if rng.random() < 0.6 else None
    return first, rng.choice([None, last, last]), username
