"""The stages of the SOP as the playbook writes them: why messages are sent, when, in which steps."""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from community.errors import UnknownStage
from community.playbook_experiments import Experiment, Variant
from community.playbook_types import ClockTime, Cron, Duration, Entry, Key, Offset, Percent, Zone
from community.segments import Segment

PRIORITIES = 10
"""Places of a stage among those of its class."""


class MessageClass(StrEnum):
    """Why a message is sent. Their order is their priority (SOP 6.8): the first goes first."""

    reply = "reply"
    payment = "payment"
    support = "support"
    welcome = "welcome"
    renewal = "renewal"
    campaign = "campaign"

    def lane(self, priority: int = PRIORITIES // 2) -> int:
        """Place in the queue, by class and then by `priority` within it: 0 goes first."""
        return list(MessageClass).index(self) * PRIORITIES + priority

    @classmethod
    def of_lane(cls, lane: int) -> "MessageClass":
        """The class whose messages have that place in the queue."""
        return list(cls)[lane // PRIORITIES]


class InFlight(StrEnum):
    """By which version of the SOP members go on who are half-way when another is published."""

    migrate = "migrate"
    stay = "stay"
    """The one by which the first message of that occurrence was planned."""


class Late(StrEnum):
    """What becomes of a step that is first planned after its time (SOP 6.3)."""

    send = "send"
    skip = "skip"
    collapse = "collapse"
    """Of several that are late together only the last is sent."""


class Schedule(Entry):
    """When a stage looks for what is due."""

    cron: Cron
    zone: Zone


class Step(Entry):
    """One message of a stage; its words are the copy `<stage>/<name>`.

    It is due `day` days after the stage's moment (before it when negative) `at` a time of the member's day, or exactly
    `after` that moment, or `immediately`; and again `every` so long, while its reason lasts. A stage with several
    moments says in its audience which names `moment` and `who` may have.
    """

    name: Key
    moment: Key | None = None
    who: Key | None = None
    plans: tuple[Key, ...] = ()
    segments: tuple[Segment, ...] = ()
    """Only for members whom the last count of payers put into one of these; empty: for all."""
    day: int = Field(0, ge=-3650, le=3650)
    at: ClockTime | None = None
    after: Offset | None = None
    immediately: bool = False
    every: Duration | None = None
    expires_after: Duration
    offer: Key | None = None
    promotional: bool
    exempt: bool = False
    own_class: MessageClass | None = Field(None, alias="class")
    late: Late = Late.send
    experiment: Experiment | None = None

    @model_validator(mode="after")
    def _timed(self) -> Self:
        if sum((self.immediately, self.at is not None, self.after is not None)) != 1:
            raise ValueError("give either at: HH:MM or immediately: true, or after: -1h")
        if self.day and self.at is None:
            raise ValueError("day goes with at: HH:MM; a step with immediately: true is sent on day 0; remove day")
        if self.promotional and self.exempt:
            raise ValueError("a promotional step cannot be exempt from caps and quiet hours; drop one of the two")
        return self

    def message_class(self, stage: "Stage") -> MessageClass:
        """The class this step is sent in: its own, else its stage's."""
        return self.own_class or stage.message_class

    def rows(self) -> Iterator["StepRow"]:
        """The step as it is planned: once, or once for each variant of its experiment."""
        if self.experiment is None:
            yield StepRow(self, self)
            return
        low = 0
        for variant in self.experiment.variants:
            high = low + round(variant.share * 100)
            changed = {name: value for name in ("at", "offer") if (value := getattr(variant, name)) is not None}
            yield StepRow(self, self.model_copy(update=changed), variant, low, high)
            low = high


class StepRow(NamedTuple):
    """A step, and how one variant of it comes: for members whose lot is from `low` to before `high`, of 10,000."""

    step: Step
    planned: Step
    variant: Variant | None = None
    low: int = 0
    high: int = 10_000

    @property
    def name(self) -> str:
        """What the stage's audience calls it."""
        return f"{self.step.name}:{self.variant.name}" if self.variant else self.step.name

    @property
    def words(self) -> str:
        """Name of its copy in the stage's folder."""
        return (self.variant and self.variant.words) or self.step.name


class Stage(Entry):
    """One stage of the SOP: who is in it is its audience (SQL), what they get and when is here."""

    enabled: bool = True
    message_class: MessageClass = Field(alias="class")
    priority: int = Field(PRIORITIES // 2, ge=0, lt=PRIORITIES)
    schedule: Schedule
    plan_ahead: Duration | None = None
    approve_above: int | None = Field(None, ge=0)
    holdout: Percent = 0.0
    goal: Key | None = None
    in_flight: InFlight = InFlight.migrate
    steps: tuple[Step, ...] = Field(min_length=1)

    def step(self, name: str) -> Step:
        """The step of that name. Raises UnknownStage naming the known ones."""
        for step in self.steps:
            if step.name == name:
                return step
        raise UnknownStage(f"step {name}: not in this stage; known: {', '.join(s.name for s in self.steps)}")

    def lane(self, step: Step) -> int:
        """The step's place in the queue."""
        return step.message_class(self).lane(self.priority)

    @property
    def horizon(self) -> timedelta:
        """How long before its time a message is put into the queue, so that others know that it will come."""
        return self.plan_ahead or timedelta()


class Approval(Entry):
    """Sends that wait for somebody's word: `above` so many messages in one run, for at most `wait`."""

    above: int = Field(5_000, ge=0)
    wait: Duration = timedelta(hours=12)
    first: Percent = 5.0


def template_name(stage: str, step: str) -> str:
    """Name of the copy of a stage's step."""
    return f"{stage}/{step}"
