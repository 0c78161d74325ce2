"""The buying of a synthetic community: everybody's purse, what they paid by Telegram and by card, and staff's word."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from community.sandbox.client import SandboxClient, SandboxError
from community.simulation.behaviour import Doors, Gesture, Life, Seen
from community.simulation.paying import Ime, Paid, SoldOut, Unpaid, order
from community.simulation.people import FIRST_ID, Person
from community.simulation.shopping import Buyer, Deal, Purse, Shelf, buyer, decide, minds, shop, stranger_of, want

BROWSER = {"User-Agent": "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"}
MISSED = "missed"
"""Instead of a gesture: what was offered was not to be had any more."""


@dataclass(slots=True)
class Market:
    """Who has bought what so far. `staff_chat`, `staff`: where decisions are asked for, and who decides."""

    shelf: Shelf
    ime: Ime
    staff_chat: int
    staff: int
    paid: list[Paid] = field(default_factory=list)
    buyers: dict[int, Buyer] = field(default_factory=dict)
    purses: dict[int, Purse] = field(default_factory=dict)
    _fresh: dict[int, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    _asked: list[Gesture] = field(default_factory=list)

    def settle(self, people: Sequence[Person], seed: int) -> list[dict[str, Any]]:
        """Everybody has a purse; returns the strangers whom somebody will show their link, as Telegram knows them."""
        self.buyers = {person.id: buyer(person, seed) for person in people}
        self.purses = {person.id: Purse() for person in people}
        friends = [stranger_of(person) for person in people if self.buyers[person.id].shares]
        return [{"id": friend, "first_name": "A friend of a member's", "language_code": "en"} for friend in friends]

    def look(self, message: Seen) -> None:
        """The bot wrote this, to somebody in private or to the staff chat."""
        if message.chat_id == self.staff_chat:
            about = {"do": "press", "user": self.staff, "chat": self.staff_chat, "message": message.message_id}
            self._asked += [{**about, "data": data} for data in decide(message)]
        elif message.chat_id in self.purses:
            self._fresh[message.chat_id].append(message)

    def decisions(self) -> list[Gesture]:
        """What staff press now."""
        asked, self._asked = self._asked, []
        return asked

    def deal(self, person: Person, life: Life, slot: int, doors: Doors, dice: str, *, leisure: bool) -> list[Gesture]:
        """What a person does about buying. At `leisure` they have ideas of their own, too.

        `dice` is the seed of what is left to chance.
        """
        fresh, who = self._fresh.pop(person.id, []), self.buyers[person.id]
        if not (fresh or leisure) or not minds(person, life, slot):
            return []
        deal: Deal = shop(person, who, self.purses[person.id], fresh, slot, self.shelf, doors, random.Random(dice))
        gestures = deal[1]
        if leisure and not gestures:
            deal = want(person, who, deal[0], life, slot, self.shelf)
            gestures = deal[1]
        self.purses[person.id] = deal[0]
        return gestures

    async def pay(self, sandbox: SandboxClient, gesture: Gesture) -> tuple[str, str | None]:
        """Pay an invoice in Stars, and wait until they are taken; what was done, and why it was refused."""
        try:
            number = await sandbox.pay(gesture["user"], message=gesture["message"])
            payment = await sandbox.wait_paid(number)
        except (SandboxError, TimeoutError) as error:
            return "pay", str(error) or "no answer"
        if payment["state"] != "paid":
            return "pay", payment["error"]
        charge, minor, currency = payment["charge_id"], payment["total_amount"], payment["currency"]
        self.paid.append(Paid(gesture["user"], "stars", charge, minor, currency))
        return "pay", None

    async def order(self, gesture: Gesture, at: float) -> tuple[str, str | None]:
        """Order on the page, each from an address of their own, and pay where it leads."""
        place = gesture["user"] - FIRST_ID
        headers = BROWSER | {"X-Forwarded-For": f"10.20.{place // 250}.{place % 250 + 1}"}
        try:
            address = await order(self.ime.http, gesture["url"], headers)
            self.paid.append(await self.ime.take(address, gesture["user"], at))
        except SoldOut:
            return MISSED, None
        except Unpaid as error:
            return "order", str(error)
        return "order", None
