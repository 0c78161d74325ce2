"""What an operator asks for: a session to be announced, or new times for one. Checked before anything is written."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from community.errors import LiveRefused
from community.playbook_offers import TermPlan
from community.playbook_types import Duration, Key, Money, Percent, Text, Url

LONGEST = timedelta(hours=24)
LONGEST_WINDOW = timedelta(days=30)


class Offered(BaseModel):
    """What is sold at the live price: the discount as a coupon that everyone shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: Key
    percent: Percent | None = None
    amount: Money | None = None
    price: Money | None = None
    code: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{2,31}$")] | None = None
    """What members type; None: LIVE and the session's number."""
    first_n: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """How many there are at that price; None: as many as are wanted."""

    @model_validator(mode="after")
    def _one_discount(self) -> Self:
        if sum(kind is not None for kind in (self.percent, self.amount, self.price)) > 1:
            raise ValueError("give one of percent, amount and price")
        if self.percent == 0:
            raise ValueError("a discount of 0 % is none; leave it out")
        if not self.discounted and (self.code or self.first_n):
            raise ValueError("a code, or a number of pieces, needs a live price: give percent, amount or price")
        return self

    @property
    def discounted(self) -> bool:
        """Whether there is a live price at all."""
        return any(kind is not None for kind in (self.percent, self.amount, self.price))


class NewLive(BaseModel):
    """A session as it is to be announced; all moments aware."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text
    speaker: Annotated[str, Field(max_length=255)] = ""
    url: Url
    materials: Url | None = None
    """Where members read up on it beforehand."""
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    announce_at: AwareDatetime | None = None
    """None: at once."""
    window: Duration = timedelta(hours=48)
    """How long the offer lasts, from the end."""
    offered: Offered | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not timedelta() < self.ends_at - self.starts_at <= LONGEST:
            raise ValueError("it must end after its start, within 24 hours")
        if self.announce_at and self.announce_at >= self.starts_at:
            raise ValueError("it must be announced before its start")
        if not timedelta() < self.window <= LONGEST_WINDOW:
            raise ValueError("the window must be longer than nothing and at most 30 days")
        if not self.speaker.isprintable():
            raise ValueError("the speaker must be one line")
        return self


class NewTimes(BaseModel):
    """New times; None: as they were. A session that only begins at another time keeps its length and window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    announce_at: AwareDatetime | None = None
    window: Duration | None = None


def new_live(values: Mapping[str, Any], offered: Mapping[str, Any] | None = None) -> NewLive:
    """The session of these values. Raises LiveRefused naming each that is wrong."""
    try:
        return NewLive(**values, offered=Offered(**offered) if offered else None)
    except ValidationError as error:
        raise LiveRefused("\n".join(_words(one) for one in error.errors())) from None


def new_times(**values: Any) -> NewTimes:
    """The times of these values. Raises LiveRefused naming each that is wrong."""
    try:
        return NewTimes(**values)
    except ValidationError as error:
        raise LiveRefused("\n".join(_words(one) for one in error.errors())) from None


def check_offer(offered: Offered, plans: Mapping[str, TermPlan]) -> None:
    """Raises LiveRefused when the plan is not for sale, or its live price is no discount."""
    plan = plans.get(offered.plan)
    if plan is None or plan.trial:
        known = ", ".join(key for key, known in plans.items() if not known.trial) or "none"
        raise LiveRefused(f"plan {offered.plan}: nothing the playbook sells; it has {known}")
    money = offered.amount or offered.price
    if money is None:
        return
    if plan.price is None or plan.price.currency != money.currency:
        raise LiveRefused(f"{money}: {offered.plan} costs {plan.price or 'nothing yet'}; give the same currency")
    if money.minor >= plan.price.minor:
        raise LiveRefused(f"{money}: {offered.plan} costs {plan.price}; give less")


def _words(error: Any) -> str:
    """pydantic's error as one line."""
    name = ".".join(str(part) for part in error["loc"][:1])
    what = error["msg"].removeprefix("Value error, ")
    given = "" if error["type"] in ("missing", "value_error") else f", not {str(error['input'])[:40]!r}"
    return f"{name}: {what[:1].lower()}{what[1:]}{given}" if name else what
