"""A community on a real database: things are done by the core's own verbs, and noted in the chronicle."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.channels.channel import Outcome, Outgoing, Result
from community.database.installation import claim as claim_installation
from community.database.pool import Connection
from community.groups.membership import joined, left, welcome
from community.groups.models import Group
from community.groups.registry import register
from community.members.people import Person as Known, by_id, see
from community.members.profile import set_zone
from community.members.reach import block, open_chat, opt_in, opt_out, unblock
from community.outbox.bundles import Bundles, publish
from community.outbox.claim import claim, ensure_budget
from community.outbox.compose import Composer
from community.outbox.halt import halt, resume
from community.outbox.record import Delivered, Recorder
from community.outbox.recover import recover
from community.outreach.plan import PlanResult, plan
from tests.interleavings.chronicle import Chronicle
from tests.interleavings.facts import Intent, Person

BOT_ID = 4203
GROUPS = {"Club": None, "Berlin": "Europe/Berlin"}


def composer(bundles: Bundles) -> Composer:
    """Of messages nobody reads: it keeps what it has compiled."""
    return Composer(bundles, bot_id=BOT_ID, username="bot", links_url="http://127.0.0.1:1", link_secret="x")


class Fate(Enum):
    """What becomes of a message that was claimed."""

    arrives = "arrives"
    refused = "refused"
    blocked = "blocked"
    """The answer tells that the member has blocked the bot."""
    later = "later"
    lost = "lost"
    """It arrives, and the answer is lost."""
    killed_before = "killed before"
    killed_after = "killed after"
    stalled = "stalled"
    """It arrives, and its sender sleeps past its lease."""


ANSWERS = {
    Fate.arrives: Outcome(Result.sent),
    Fate.stalled: Outcome(Result.sent),
    Fate.refused: Outcome(Result.refused, "bad_request"),
    Fate.blocked: Outcome(Result.refused, "blocked", dm="blocked"),
    Fate.later: Outcome(Result.later, "not_connected"),
    Fate.lost: Outcome(Result.unknown, "answer_lost"),
}
ARRIVED = {Fate.arrives, Fate.lost, Fate.killed_after, Fate.stalled}
UNANSWERED = {Fate.lost, Fate.killed_after, Fate.killed_before, Fate.stalled}


class World:
    """The community and its chronicle. `told` hears of every promise that a message breaks."""

    def __init__(
        self,
        conn: Connection,
        bundle: Bundle,
        composer: Composer,
        chronicle: Chronicle,
        told: Callable[[Intent, list[str]], None],
    ) -> None:
        self.conn, self.bundle, self.chronicle = conn, bundle, chronicle
        self.groups: list[Group] = []
        self._composer, self._told = composer, told
        self._recorder = Recorder(BOT_ID)
        self._stalled: list[Delivered] = []

    @property
    def now(self) -> datetime:
        """SOP time."""
        return self.chronicle.now

    async def open(self) -> None:
        """An installation with its playbook in force and its groups."""
        await claim_installation(self.conn, BOT_ID, "sandbox")
        await ensure_budget(self.conn, BOT_ID, None)
        await self.move_to(self.now)
        await publish(self.conn, self.bundle, "random")
        for number, (title, zone) in enumerate(GROUPS.items()):
            group = await register(self.conn, -1001 - number, title, self.now)
            await self.conn.execute("UPDATE groups SET zone = %s WHERE id = %s", [zone, group.id])
            self.groups.append(group)
            self.chronicle.group_zones[number] = zone

    async def move_to(self, at: datetime) -> None:
        """Time goes on; whatever was to be tried again shortly may be tried."""
        self.chronicle.now = at
        await self.conn.execute("UPDATE installation SET virtual_now_at = %s", [at])
        await self.conn.execute("UPDATE messages SET not_before_wall = NULL WHERE not_before_wall IS NOT NULL")
        await self.conn.execute("DELETE FROM chat_paces")

    # What members do.

    async def meet(self, *, opened: bool) -> Person:
        """Somebody new, whether or not they have pressed Start."""
        chat = 10_000 + len(self.chronicle.people)
        member = await see(self.conn, Known(chat, f"M{chat}"), self.now, secret="x")
        person = Person(member.id, chat)
        self.chronicle.people[member.id] = person
        self.chronicle.settle(person)
        if opened:
            await self.start(person)
        return person

    async def start(self, person: Person) -> None:
        """They press Start: the chat is open, and whoever came before is welcomed now."""
        if person.dm == "blocked":
            await unblock(self.conn, person.number, self.now)
        await open_chat(self.conn, person.number)
        await self.do(person, "start")
        person.dm = "open"
        if person.groups:
            await welcome(self.conn, self.bundle, person.number, self.now, bot_id=BOT_ID)

    async def join(self, person: Person, place: int) -> None:
        """They are in the group from now on."""
        group, member = self.groups[place], await by_id(self.conn, person.number)
        assert member is not None
        if place in person.groups:
            return
        person.groups.add(place)
        person.home = place
        person.entered_at = person.entered_at or self.now
        self.chronicle.settle(person)
        await joined(self.conn, self.bundle, member, group, self.now, bot_id=BOT_ID)

    async def leave(self, person: Person, place: int) -> None:
        """They leave the group."""
        group, member = self.groups[place], await by_id(self.conn, person.number)
        assert member is not None
        person.groups.discard(place)
        await left(self.conn, member.id, group.id, self.now)

    async def do(self, person: Person, kind: str) -> None:
        """They speak, click, buy …"""
        person.reached[kind] = self.now
        await record(self.conn, [Activity(kind, self.now, person.number)])

    async def opt(self, person: Person, *, out: bool) -> None:
        """They want no more messages, or want them again."""
        person.opted_out = out
        await (opt_out if out else opt_in)(self.conn, person.number, self.now)

    async def block(self, person: Person) -> None:
        """They block the bot."""
        person.dm = "blocked"
        await block(self.conn, person.number, self.now)

    async def choose_zone(self, person: Person, zone: str | None) -> None:
        """They choose a zone; None: their group's."""
        person.zone = zone
        self.chronicle.settle(person)
        await set_zone(self.conn, person.number, zone)

    # What operators do.

    async def halt(self, scope: str) -> None:
        """Nothing of the scope is sent."""
        self.chronicle.halted.add(scope)
        await halt(self.conn, scope)

    async def resume(self, scope: str) -> None:
        """It is sent again."""
        self.chronicle.halted.discard(scope)
        await resume(self.conn, scope)

    async def plan(
        self,
        stage: str,
        as_of: datetime,
        *,
        members: Sequence[int] | None = None,
        conn: Connection | None = None,
        aware: bool = True,
    ) -> PlanResult:
        """A run of the stage for that moment; one that is `aware` knows what time it is by now, as the flows' are."""
        ran_at = self.now if aware else None
        return await plan(conn or self.conn, self.bundle, stage, as_of, bot_id=BOT_ID, members=members, ran_at=ran_at)

    # What the sender does.

    async def deliver(self, limit: int, fates: Iterable[Fate]) -> int:
        """One claim, and what becomes of what it brought; returns how many that was."""
        found = await claim(self.conn, BOT_ID, self.bundle.playbook, self.now, "sender", limit)
        assert len({row["chat_id"] for row in found.rows}) == len(found.rows), "two at once to a chat"
        intents = await self._intents([row["id"] for row in found.rows])
        answered = []
        for row, fate in zip(found.rows, fates, strict=False):
            delivered = await self._send(row, intents[row["id"]], fate)
            if delivered:
                (self._stalled if fate is Fate.stalled else answered).append(delivered)
        await self._recorder.record(self.conn, answered)
        return len(found.rows) + found.settled

    async def lose_leases(self) -> None:
        """Whoever was killed or sleeps has lost what it held."""
        await self.conn.execute(
            "UPDATE messages SET lease_until_wall = clock_timestamp() - interval '1 second' WHERE state = 'sending'"
        )
        await recover(self.conn, BOT_ID, self.now)

    async def wake_sleepers(self) -> None:
        """Those who slept past their lease come back with their answers."""
        await self._recorder.record(self.conn, self._stalled)
        self._stalled.clear()

    async def _intents(self, numbers: list[int]) -> dict[int, Intent]:
        rows = await self.conn.execute(
            "SELECT id, stage, step, occurrence, member_id FROM messages WHERE id = ANY (%s)", [numbers]
        )
        return {
            row["id"]: Intent(row["stage"], row["step"], row["occurrence"], row["member_id"])
            for row in await rows.fetchall()
        }

    async def _send(self, row: dict[str, Any], intent: Intent, fate: Fate) -> Delivered | None:
        composed = await self._composer.compose(self.conn, row)
        if not isinstance(composed, Outgoing):
            self._told(intent, [f"not rendered: {composed.reason}"])
            return Delivered(row, composed)
        if fate in ARRIVED:
            if broken := self.chronicle.receive(intent):
                self._told(intent, broken)
        elif fate is Fate.killed_before and row["promotional"]:
            self.chronicle.count(self.chronicle.people[intent.member])
        if fate in UNANSWERED:
            self.chronicle.in_doubt.add(intent)
        if fate is Fate.blocked:
            self.chronicle.people[intent.member].dm = "blocked"
        answer = ANSWERS.get(fate)
        return Delivered(row, answer) if answer else None
