"""An A/B test of a step, as the playbook writes it: which variants, for how many, and by what they are judged."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, field_validator

from community.playbook_types import ClockTime, Duration, Entry, Key, Percent


class Metric(StrEnum):
    """What a member must do, within the experiment's time after their message, to count for its variant."""

    engaged = "engaged"
    """A click, a button, an answer, a reaction, a word to the bot: a lower bound of who read it."""
    click_through = "click_through"
    """A click on a link in that very message."""
    spoke = "spoke"
    """Wrote in a group."""
    purchase = "purchase"
    """Paid."""


class Variant(Entry):
    """One way in which the step comes; what it leaves out is as the step says. The first is what others are held to."""

    name: Key
    share: Percent
    words: Key | None = Field(None, alias="copy")
    at: ClockTime | None = None
    offer: Key | None = None


class Experiment(Entry):
    """Which variant a member gets is drawn by `key` and their number: for ever the same.

    `effect`, `level` and `margin` are percentage points; what each is for is in docs/experiments.md.
    """

    key: Key
    metric: Metric = Metric.engaged
    within: Duration = timedelta(hours=24)
    effect: Percent
    level: Percent = 5.0
    margin: Percent = 2.0
    variants: tuple[Variant, ...] = Field(min_length=2, max_length=6)

    @field_validator("within")
    @classmethod
    def _not_too_long(cls, within: timedelta) -> timedelta:
        if within > timedelta(days=30):
            raise ValueError("within: at most 30d; a result would come too late to be of use")
        return within

    @field_validator("effect", "level", "margin")
    @classmethod
    def _of_some_size(cls, points: float) -> float:
        if not 0 < points <= 50:
            raise ValueError("give more than 0, and at most 50 percentage points")
        return points
