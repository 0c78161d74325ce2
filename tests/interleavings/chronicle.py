"""What happened to whom, and what a message must not have done by that: nothing here is read back from the database."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from community.playbook import Playbook
from community.playbook_stages import Step

DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass
class Person:
    """A member as they know themselves."""

    number: int
    chat_id: int
    zone: str | None = None
    home: int | None = None
    """The group joined last, by its place; `groups`: those they are in."""
    groups: set[int] = field(default_factory=set)
    entered_at: datetime | None = None
    dm: str = "none"
    opted_out: bool = False
    zones: set[str] = field(default_factory=set)
    """Every zone they ever lived by: a message keeps the times that held when it was planned."""
    reached: list[tuple[str, datetime]] = field(default_factory=list)
    counted: list[datetime] = field(default_factory=list)
    """When promotional messages reached them, or may have."""

    def last(self, *kinds: str) -> datetime | None:
        """When they last did one of these."""
        return max((at for kind, at in self.reached if kind in kinds), default=None)


@dataclass(frozen=True, slots=True)
class Intent:
    """Why somebody is written to."""

    stage: str
    step: str
    occurrence: str
    member: int


@dataclass(frozen=True, slots=True)
class Stage:
    """What is known of a stage without its SQL. Each takes the person, the step and the occurrence."""

    due: Callable[["Chronicle", Person, Step, str], tuple[datetime, datetime]]
    """When it is due at the earliest and at the latest, by all the zones the person ever had."""
    superfluous: Callable[["Chronicle", Person, Step, str], bool]
    """Whether the person has reached what makes it superfluous."""
    of_groups: bool = True
    """Whether it is for people in a group only."""


class Chronicle:
    """The community's memory of itself, and its judgement of what people receive."""

    def __init__(self, playbook: Playbook, stages: Mapping[str, Stage], now: datetime) -> None:
        self.playbook, self.stages, self.now = playbook, stages, now
        self.people: dict[int, Person] = {}
        self.group_zones: dict[int, str | None] = {}
        self.halted: set[str] = set()
        self.received: Counter[Intent] = Counter()
        self.in_doubt: set[Intent] = set()
        """What was sent without an answer: only then may it arrive again, and then only if it is transactional."""
        self.messages: Counter[str] = Counter()

    def zone(self, person: Person) -> str:
        """Their own, else their group's, else the community's."""
        of_groups = self.playbook.group_defaults.zone or self.playbook.community.zone
        return person.zone or (None if person.home is None else self.group_zones.get(person.home)) or of_groups

    def settle(self, person: Person) -> None:
        """Their zone may be another from now on."""
        person.zones.add(self.zone(person))

    def local_day(self, zone: str, at: datetime) -> date:
        """The day it is there."""
        return at.astimezone(ZoneInfo(zone)).date()

    def local(self, person: Person, day: date, at: time) -> tuple[datetime, datetime]:
        """A local time of a day, by the earliest and the latest of their zones."""
        moments = [datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC) for zone in person.zones]
        return min(moments), max(moments)

    def receive(self, intent: Intent) -> list[str]:
        """Somebody receives a message now; which promises that breaks."""
        person, step = self.people[intent.member], self.playbook.stage(intent.stage).step(intent.step)
        broken = [*self._always(person, intent, step), *self._of_stage(person, intent, step)]
        self.received[intent] += 1
        self.messages[intent.stage] += 1
        if step.promotional:
            self.count(person, self.now)
            broken += self.over_caps(person)
        return broken

    def count(self, person: Person, at: datetime) -> None:
        """A promotional message reached them, or may have."""
        person.counted.append(at)

    def over_caps(self, person: Person) -> list[str]:
        """Whether any 24 hours or 7 days that end with a message hold more than the caps."""
        broken = set()
        for until in person.counted:
            for name, span, cap in (("day", DAY, self.playbook.caps.per_day), ("week", WEEK, self.playbook.caps.per_week)):
                if sum(until - span < at <= until for at in person.counted) > cap:
                    broken.add(f"over the cap of a {name}")
        return sorted(broken)

    def is_quiet(self, person: Person) -> bool:
        """Whether it is the person's night now."""
        quiet, local = self.playbook.quiet_hours, self.now.astimezone(ZoneInfo(self.zone(person))).time()
        if quiet is None:
            return False
        if quiet.start < quiet.end:
            return quiet.start <= local < quiet.end
        return local >= quiet.start or local < quiet.end

    def _always(self, person: Person, intent: Intent, step: Step) -> list[str]:
        scopes = {"all", f"stage:{intent.stage}", f"chat:{person.chat_id}"}
        again = self.received[intent] > 0 and (step.promotional or intent not in self.in_doubt)
        promises = {
            "twice": again,
            "halted": bool(scopes & self.halted),
            "after opt-out": person.opted_out and not step.exempt,
            "not reachable": person.dm != "open",
            "in quiet hours": not step.exempt and self.is_quiet(person),
        }
        return [name for name, broken in promises.items() if broken]

    def _of_stage(self, person: Person, intent: Intent, step: Step) -> list[str]:
        stage = self.stages.get(intent.stage)
        if stage is None:
            return []
        first, last = stage.due(self, person, step, intent.occurrence)
        promises = {
            "before its time": self.now < first,
            "stale": self.now >= last + step.expires_after,
            "after its goal": stage.superfluous(self, person, step, intent.occurrence),
            "after leaving": stage.of_groups and not step.exempt and not person.groups,
        }
        return [name for name, broken in promises.items() if broken]
