"""What buyers do, given what they have seen: wish, choose, pay, come in, pass on, want their money back. Pure."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from community.simulation import names
from community.simulation.behaviour import INVITE, Doors, Gesture, Life, Phase, Seen, do
from community.simulation.people import FIRST_ID, SLOTS_A_DAY, Person, Turn

FIRST_STRANGER = 510_000_001
"""Telegram id of the stranger whom the first person knows; everybody knows another one."""
IDEAS = 1
"""Slot of the day in which people have ideas of their own: many talk at once then, which takes less time than one by
one."""
BUY = "/buy/"
"""Path of the pages on which plans are sold."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Habits of buying. `wishes_after`: slots inside until they ask what is sold, None: only when something is offered.

    `stars`: pays in Telegram where that is possible, else by card on the page. `tempted`: chance for each offer seen.
    """

    wishes_after: int | None
    stars: bool
    tempted: float
    shares: bool
    """Passes their way in on to a stranger."""
    regrets_after: int | None
    """Slots until they want the money of their first purchase back."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody is about to buy. `code`: of an offer that is everybody's, to be typed on the page."""

    plan: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Purse:
    """What a buyer remembers."""

    wish: Wish | None = None
    wished: bool = False
    """Has asked what is sold, unasked."""
    paid: tuple[str, ...] = ()
    """Plans, as often as they were paid for."""
    paid_in: int | None = None
    """Slot of the first payment in Stars."""
    shared: bool = False
    regretted: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """What people know of what is sold: what they ask for by themselves, and for which plan the codes of offers are.

    `personal`: by the beginning of a member's own code; `public`: by that of one that is everybody's.
    """

    favourite: str
    personal: Mapping[str, str]
    public: Mapping[str, str]

    def offer(self, code: str) -> Wish | None:
        """What a code that somebody has read is good for; None: it is none of an offer."""
        if match := re.fullmatch(r"([A-Z0-9]{2,10})-[A-Z0-9]{12}", code):
            plan = self.personal.get(match[1])
            return Wish(plan) if plan else None
        plan = next((plan for prefix, plan in self.public.items() if re.fullmatch(rf"{prefix}[0-9]+", code)), None)
        return Wish(plan, code) if plan else None


Deal = tuple[Purse, list[Gesture]]


def buyer(person: Person, seed: int) -> Buyer:
    """How that person buys; the same for the same seed."""
    rng = random.Random(f"{seed}:buyer:{person.id}")
    wishes = rng.random() < 0.1
    after = rng.randint(2, 4 * SLOTS_A_DAY)
    stars, shares = rng.random() < 0.6, rng.random() < 0.12
    regrets_after = rng.randint(1, 6) if rng.random() < 0.12 else None
    return Buyer(after if wishes else None, stars, 0.6 * person.temper.press, shares, regrets_after)


def stranger_of(person: Person) -> int:
    """Telegram id of somebody whom the person knows, and the community does not."""
    return FIRST_STRANGER + person.id - FIRST_ID


def minds(person: Person, life: Life, slot: int) -> bool:
    """Whether they look at what the bot writes: inside, not fallen silent, and not turned away for good."""
    gone = life.turned and not life.returned and person.temper.turn is Turn.block
    return life.phase is Phase.inside and not gone and slot - life.since <= person.temper.days * SLOTS_A_DAY


def want(person: Person, who: Buyer, purse: Purse, life: Life, slot: int, shelf: Shelf) -> Deal:
    """By themselves: ask what is sold, one day; want the money back, another day."""
    if slot % SLOTS_A_DAY != IDEAS:
        return purse, []
    due = who.wishes_after is not None and slot - life.since >= who.wishes_after
    if due and not purse.wished and purse.wish is None:
        return replace(purse, wished=True, wish=Wish(shelf.favourite)), [_say(person, names.BUY)]
    regrets = who.regrets_after is not None and purse.paid_in is not None
    if regrets and not purse.regretted and slot - (purse.paid_in or 0) >= (who.regrets_after or 0):
        return replace(purse, regretted=True), [_say(person, names.REFUND)]
    return purse, []


def shop(
    person: Person, who: Buyer, purse: Purse, fresh: Sequence[Seen], slot: int, shelf: Shelf, doors: Doors,
    rng: random.Random,
) -> Deal:  # fmt: skip
    """Go on with a purchase at once, as each message that has just come allows; come in by a link that was given.

    Who is going to leave does not come in.
    """
    gestures: list[Gesture] = []
    own = [message for message in fresh if message.chat_id > 0]
    for message in own:
        purse, acts = _next(person, who, purse, message, slot, shelf, doors, rng)
        gestures += acts
    ways = [url for message in own for url in _ways(message, doors)]
    if ways and person.temper.turn is not Turn.leave:
        if who.shares and not purse.shared:
            purse = replace(purse, shared=True)
            gestures.append({"do": "request_join", "user": stranger_of(person), "link": ways[-1]})
        gestures.append(do(person, "request_join", link=ways[-1]))
    return purse, gestures


def decide(message: Seen) -> Iterator[str]:
    """What staff press under a message in their chat: refunds are made, and who is due to leave goes."""
    for data in message.callbacks:
        action, _, argument = data.partition(":")
        if (action, "approve" in argument) in (("refunding", True), ("removals", True)):
            yield data


def _next(
    person: Person, who: Buyer, purse: Purse, message: Seen, slot: int, shelf: Shelf, doors: Doors,
    rng: random.Random,
) -> Deal:  # fmt: skip
    wish = purse.wish
    if message.invoice:
        paid = (*purse.paid, wish.plan if wish else shelf.favourite)
        first = slot if purse.paid_in is None else purse.paid_in
        return replace(purse, wish=None, paid=paid, paid_in=first), [do(person, "pay", message=message.message_id)]
    if wish is not None:
        return _choose(person, who, purse, wish, message, doors)
    if purse.regretted and (own := _button(message, "refund:")):
        return purse, [_press(person, message, own)]
    offer = next(filter(None, map(shelf.offer, message.codes)), None)
    if offer and not (offer.code and offer.plan in purse.paid) and rng.random() < who.tempted:
        return replace(purse, wish=offer), [_say(person, names.BUY)]
    return purse, []


def _choose(person: Person, who: Buyer, purse: Purse, wish: Wish, message: Seen, doors: Doors) -> Deal:
    """In the shop: the plan, then how to pay for it."""
    if listed := _button(message, f"buy:{wish.plan}:"):
        return purse, [_press(person, message, listed)]
    stars = _button(message, f"pay:{wish.plan}:")
    if stars and who.stars and wish.code is None:
        return purse, [_press(person, message, stars)]
    page = next((url for url in message.links if url.startswith(f"{doors.gateway}{BUY}{wish.plan}")), None)
    if page is None:
        return purse, []
    done = replace(purse, wish=None, paid=(*purse.paid, wish.plan))
    return done, [do(person, "order", url=with_coupon(page, wish.code))]


def with_coupon(url: str, code: str | None) -> str:
    """The address of a page with that code typed."""
    if code is None:
        return url
    parts = urlsplit(url)
    given = {**dict(parse_qsl(parts.query)), "coupon": code}
    return parts._replace(query=urlencode(given)).geturl()


def _ways(message: Seen, doors: Doors) -> list[str]:
    """Links into a group that are of none of the doors that everybody knows."""
    known = {*doors.doors, *doors.invites.values()}
    return [url for url in message.links if INVITE.match(url) and url not in known]


def _button(message: Seen, beginning: str) -> str | None:
    return next((data for data in message.callbacks if data.startswith(beginning)), None)


def _press(person: Person, message: Seen, data: str) -> Gesture:
    return do(person, "press", message=message.message_id, data=data)


def _say(person: Person, words: Mapping[str, Sequence[str]]) -> Gesture:
    return do(person, "say", text=words[person.tongue][0])
