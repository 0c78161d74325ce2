"""What synthetic members do, given what they have seen. Pure: a person, their life so far and a moment give gestures.

Nobody looks behind the scenes: people answer the messages that reached them, know what they answered before, and read
buttons and links, never the bot's records.
"""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from community.simulation import names
from community.simulation.people import SLOTS_A_DAY, Gate, Person, Route, Turn

Gesture = dict[str, Any]
"""A gesture of the sandbox (`do`, `user` …), or ``{"do": "click", "user", "url"}`` for a link on the gateway."""
INVITE = re.compile(r"https://t\.me/\+")
DEEP = re.compile(r"https://t\.me/\w+\?start=")
TRACKED = "/l/"
MOST_CLICKS = 2
CHOICES = ("answer:", "nps:", "coupon:", "live:register_")
"""Buttons that somebody may simply press."""
RETRY_AFTER = 5
"""Slots until a persistent person asks to join again."""


class Phase(StrEnum):
    """Where in their life with the community somebody is."""

    away = "away"
    looking = "looking"
    """Pressed Start; waits to be shown the way in."""
    knocking = "knocking"
    inside = "inside"
    out = "out"


@dataclass(frozen=True, slots=True)
class Life:
    """What somebody remembers. `since`: slot in which they got in; `question`: the one they are at, from 0."""

    phase: Phase = Phase.away
    since: int = 0
    question: int = 0
    wrong: int = 0
    knocks: int = 0
    knock_again: int | None = None
    opened: bool = False
    """Pressed Start or wrote to the bot."""
    told: bool = False
    """Has told their biggest problem."""
    turned: bool = False
    returned: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of the bot as its reader sees it. `chat_id` is negative in a group."""

    chat_id: int
    message_id: int
    callbacks: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    deep_links: tuple[str, ...] = ()
    """Labels of the buttons that lead to the bot with a start payload."""
    codes: tuple[str, ...] = ()
    """What it shows to be copied, such as a coupon's code."""
    invoice: bool = False


@dataclass(frozen=True, slots=True)
class Quiz:
    """What is known at the door: right answers to each question, and how many wrong ones are one too many."""

    answers: tuple[tuple[str, ...], ...]
    attempts: int


@dataclass(frozen=True, slots=True)
class Doors:
    """Ways in. `invites`: by group and campaign; `doors`: by group; `entries`: tracked links by campaign."""

    groups: tuple[int, ...]
    invites: dict[tuple[int, str], str]
    doors: tuple[str, ...]
    entries: dict[str, str]
    gateway: str
    """Address that tracked links and the shop's pages begin with."""
    vip: int = 0
    """The group that is paid for; no door leads there but a link of one's own."""


Step = tuple[Life, list[Gesture]]


def seen(message: dict[str, Any]) -> Seen:
    """A message as the sandbox shows it, reduced to what its reader acts on."""
    buttons: list[dict[str, Any]] = message["buttons"]
    urls = [button["url"] for button in buttons if "url" in button]
    urls += [entity["url"] for entity in message["entities"] if entity["type"] == "text_link"]
    return Seen(
        chat_id=message["chat_id"],
        message_id=message["message_id"],
        callbacks=tuple(button["callback_data"] for button in buttons if "callback_data" in button),
        links=tuple(url for url in urls if not DEEP.match(url)),
        deep_links=tuple(button["text"] for button in buttons if DEEP.match(button.get("url", ""))),
        codes=tuple(_part(message["text"], entity) for entity in message["entities"] if entity["type"] == "code"),
        invoice="invoice" in message,
    )


def arrive(person: Person, life: Life, slot: int, doors: Doors) -> Step:
    """Come for the first time, or ask again after having been turned away."""
    again = life.knock_again is not None and slot >= life.knock_again
    if not again and (life.phase is not Phase.away or slot != person.arrives):
        return life, []
    match person.route:
        case Route.public if not again:
            return replace(life, phase=Phase.inside, since=slot), [do(person, "join", chat=doors.groups[0])]
        case Route.entry if not again:
            looking = replace(life, phase=Phase.looking, opened=True)
            return looking, [do(person, "click", url=doors.entries[person.token or ""])]
        case Route.invite:
            return _knock(person, life, doors.invites[person.home, person.token or ""])
        case _:
            return _knock(person, life, doors.doors[person.home])


def converse(
    person: Person, life: Life, unread: Sequence[Seen], slot: int, quiz: Quiz, rng: random.Random
) -> tuple[Life, list[Gesture], bool]:
    """Answer at once what asks for it: the way in, the questions at the door, a greeting.

    The third value says that the messages were dealt with, else they are read at leisure (see `read`).
    """
    if not unread:
        return life, [], False
    newest = unread[-1]
    if life.phase is Phase.looking:
        invite = next((url for message in unread for url in message.links if INVITE.match(url)), None)
        return (*_knock(person, life, invite), True) if invite else (life, [], False)
    if life.phase is Phase.knocking and newest.chat_id > 0:
        return (*_answer(person, life, newest, slot, quiz, rng), True)
    if person.start_after == 0 and not life.opened and newest.chat_id < 0 and newest.deep_links:
        pressed = do(person, "press", chat=newest.chat_id, message=newest.message_id, text=newest.deep_links[0])
        return replace(life, opened=True), [pressed], True
    return life, [], False


def live(
    person: Person, life: Life, unread: Sequence[Seen], slot: int, doors: Doors, rng: random.Random, talk: Sequence[int]
) -> Step:
    """Six hours inside: read what came, talk, react, ask the bot something; one day perhaps turn away.

    `talk` are messages of their group that a reaction may go to.
    """
    if life.phase is not Phase.inside:
        return life, []
    age = slot - life.since
    life, gestures = _turn(person, life, age, doors)
    if life.phase is Phase.out or (life.turned and not life.returned and person.temper.turn is Turn.block):
        return life, gestures
    if person.start_after and age >= person.start_after and not life.opened:
        life, gestures = replace(life, opened=True), [*gestures, do(person, "start")]
    if age > person.temper.days * SLOTS_A_DAY:
        return life, gestures
    life, answers = read(person, life, unread, doors, rng)
    return life, [*gestures, *answers, *_mingle(person, life, doors, rng, talk)]


def read(person: Person, life: Life, unread: Iterable[Seen], doors: Doors, rng: random.Random) -> Step:
    """Go through what the bot wrote: press buttons, follow links, tell the biggest problem."""
    gestures: list[Gesture] = []
    for message in unread:
        if message.chat_id < 0:
            continue
        tracked = [url for url in message.links if url.startswith(doors.gateway + TRACKED)]
        for url in rng.sample(tracked, min(MOST_CLICKS, len(tracked))):
            if rng.random() < person.temper.click:
                gestures.append(do(person, "click", url=url))
        if any(data.startswith("problem:") for data in message.callbacks):
            if not life.told and rng.random() < person.temper.tell:
                life = replace(life, told=True)
                gestures.append(_tell(person, message, rng))
        elif (choices := [data for data in message.callbacks if data.startswith(CHOICES)]) and (
            rng.random() < person.temper.press
        ):
            gestures.append(do(person, "press", message=message.message_id, data=rng.choice(choices)))
    return life, gestures


def _part(text: str, entity: dict[str, Any]) -> str:
    """What an entity marks; Telegram counts in units of UTF-16."""
    begin = 2 * entity["offset"]
    return text.encode("utf-16-le")[begin : begin + 2 * entity["length"]].decode("utf-16-le")


def _knock(person: Person, life: Life, link: str) -> Step:
    again = replace(life, phase=Phase.knocking, question=0, wrong=0, knocks=life.knocks + 1, knock_again=None)
    return again, [do(person, "request_join", link=link)]


def _answer(person: Person, life: Life, message: Seen, slot: int, quiz: Quiz, rng: random.Random) -> Step:
    """Answer the question they are at: typed, or by a button where there is one."""
    manner = Gate.right if life.knocks > 1 else person.gate
    if manner is Gate.silent:
        return life, []
    if manner is Gate.fails or (manner is Gate.slips and life.wrong == 0):
        return _answer_wrong(person, life, slot, quiz)
    right = quiz.answers[life.question]
    choices = [data for data in message.callbacks if data.split(":")[0] == "gate" and data.split(":")[1] in right]
    passed = life.question + 1 == len(quiz.answers)
    phase, since = (Phase.inside, slot) if passed else (life.phase, life.since)
    further = replace(life, phase=phase, since=since, question=life.question + 1)
    if choices and rng.random() < 0.6:
        return further, [do(person, "press", message=message.message_id, data=choices[0])]
    return replace(further, opened=True), [do(person, "say", text=rng.choice(right))]


def _answer_wrong(person: Person, life: Life, slot: int, quiz: Quiz) -> Step:
    life = replace(life, wrong=life.wrong + 1, opened=True)
    if life.wrong == quiz.attempts:
        again = slot + RETRY_AFTER if person.persistent and life.knocks == 1 else None
        life = replace(life, phase=Phase.out, knock_again=again)
    return life, [do(person, "say", text="大概 42 吧？" if person.tongue == "zh" else "I guess 42?")]


def _turn(person: Person, life: Life, age: int, doors: Doors) -> Step:
    turn, due = person.temper.turn, person.turn_after is not None and age >= person.turn_after
    if turn and due and not life.turned:
        life = replace(life, turned=True, phase=Phase.out if turn in (Turn.leave, Turn.delete) else life.phase)
        match turn:
            case Turn.stop:
                return replace(life, opened=True), [do(person, "say", text=names.STOP[person.tongue][0])]
            case Turn.block:
                return life, [do(person, "block")]
            case Turn.leave:
                return life, [do(person, "leave", chat=doors.groups[person.home])]
            case Turn.delete:
                return life, [do(person, "delete_account")]
    if life.turned and not life.returned and person.back_after is not None and age >= person.back_after:
        back = do(person, "start") if turn is Turn.block else do(person, "say", text=names.RESUME[person.tongue][0])
        return replace(life, returned=True, opened=True), [back]
    return life, []


def _mingle(person: Person, life: Life, doors: Doors, rng: random.Random, talk: Sequence[int]) -> list[Gesture]:
    group, gestures = doors.groups[person.home], []
    if rng.random() < person.temper.talk:
        gestures.append(do(person, "say", chat=group, text=rng.choice(names.TALK[person.tongue])))
    if talk and rng.random() < person.temper.react:
        gestures.append(do(person, "react", chat=group, message=rng.choice(talk), emoji=rng.choice(names.EMOJI)))
    if life.opened and rng.random() < person.temper.talk / 25:
        gestures.append(do(person, "say", text=rng.choice(names.ASK[person.tongue])))
    return gestures


def _tell(person: Person, message: Seen, rng: random.Random) -> Gesture:
    choices = [data for data in message.callbacks if data.startswith("problem:")]
    if rng.random() < 0.7:
        return do(person, "press", message=message.message_id, data=rng.choice(choices))
    return do(person, "say", text=rng.choice(names.PROBLEMS[person.tongue]))


def do(person: Person, do: str, **arguments: Any) -> Gesture:
    """A gesture of that person's."""
    return {"do": do, "user": person.id, **arguments}
