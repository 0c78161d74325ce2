"""What a message must not have done, by what is known without the database."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from community.playbook import Playbook
from community.playbook_stages import Step
from tests.interleavings.facts import Intent, Live, Person

DAY, WEEK = timedelta(days=1), timedelta(days=7)
Window = tuple[datetime, datetime]
"""When something is due, and when it has expired: the earliest and the latest by all the zones somebody ever had."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What is known of a stage without its SQL. Each takes the person, the step and the occurrence."""

    window: Callable[["Chronicle", Person, Step, str], Window]
    superfluous: Callable[["Chronicle", Person, Step, str], bool]
    """Whether the person has reached what makes it superfluous, or it is about something that is no more."""
    members_only: Callable[[Step], bool] = lambda step: True
    """Whether the step is for people in a group only."""


class Chronicle:
    """The community's memory of itself, and its judgement of what people receive."""

    def __init__(self, playbook: Playbook, stages: Mapping[str, Stage], now: datetime) -> None:
        self.playbook, self.stages, self.now = playbook, stages, now
        self.people: dict[int, Person] = {}
        self.lives: dict[int, Live] = {}
        self.group_zones: dict[int, str | None] = {}
        self.halted: set[str] = set()
        self.received: Counter[Intent] = Counter()
        self.in_doubt: set[Intent] = set()
        """What was sent without an answer: only then may it arrive again, and then only if it is transactional."""
        self.messages: Counter[str] = Counter()

    def zone(self, person: Person) -> str:
        """Their own, else their group's, else the community's."""
        of_groups = self.playbook.group_defaults.zone or self.playbook.community.zone
        home = None if person.home is None else self.group_zones.get(person.home)
        return person.zone or home or of_groups

    def settle(self, person: Person) -> None:
        """Their zone may be another from now on."""
        person.zones.add(self.zone(person))

    def receive(self, intent: Intent) -> list[str]:
        """Somebody receives a message now; which promises that breaks."""
        person, step = self.people[intent.member], self.playbook.stage(intent.stage).step(intent.step)
        broken = [*self._always(person, intent, step), *self._of_stage(person, intent, step)]
        self.received[intent] += 1
        self.messages[intent.stage] += 1
        if step.promotional:
            broken += self.count(person)
        return broken

    def count(self, person: Person) -> list[str]:
        """A promotional message reaches them now, or may have; which caps that breaks."""
        person.counted.append(self.now)
        caps = self.playbook.caps
        spans = (("day", DAY, caps.per_day), ("week", WEEK, caps.per_week))
        return [
            f"over the cap of a {name}"
            for name, span, cap in spans
            if sum(self.now - span < at <= self.now for at in person.counted) > cap
        ]

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
        promises = {
            "twice": self.received[intent] > 0 and (step.promotional or intent not in self.in_doubt),
            "halted": bool(scopes & self.halted),
            "after opt-out": person.opted_out and not step.exempt,
            "not reachable": person.dm != "open",
            "in quiet hours": not step.exempt and self.is_quiet(person),
        }
        return [name for name, broken in promises.items() if broken]

    def _of_stage(self, person: Person, intent: Intent, step: Step) -> list[str]:
        stage = self.stages[intent.stage]
        first, gone = stage.window(self, person, step, intent.occurrence)
        promises = {
            "before its time": self.now < first,
            "stale": self.now >= gone,
            "superfluous": stage.superfluous(self, person, step, intent.occurrence),
            "after leaving": stage.members_only(step) and not step.exempt and not person.groups,
        }
        return [name for name, broken in promises.items() if broken]


def local_day(zone: str, at: datetime) -> date:
    """The day it is there."""
    return at.astimezone(ZoneInfo(zone)).date()


def moment(zone: str, day: date, at: time) -> datetime:
    """A local time of a day."""
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)
