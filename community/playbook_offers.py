"""What the community sells, and the discounts that stages offer, as the playbook writes them."""

from typing import Self

from pydantic import Field, model_validator

from community.playbook_types import Duration, Entry, Key, Locale, Money, Percent, Period, Text


class TermPlan(Entry):
    """Something that can be bought or granted for a time (SOP 1.17, 1.18): a membership, a pack, a trial.

    Terms of one `line` follow each other: a month bought during a year prolongs it, a pack stands beside it.
    """

    title: dict[Locale, Text]
    line: Key = "membership"
    length: Period | None = None
    """None: for life."""
    price: Money | None = None
    trial: bool = False
    """Free, for a while: never counts as a purchase."""
    group: Text | None = None
    """Title or number of the group it opens; empty: none."""


class Offer(Entry):
    """A discount for one member alone, or a free term of a plan, that a step brings with it (`offer: <key>`).

    Exactly one of `percent`, `amount`, `price` and `opens` says what it is. Its code is `<prefix>-<12 characters>`,
    valid for `valid_for` from when the message is due.
    """

    prefix: str = Field(pattern=r"^[A-Z][A-Z0-9]{1,9}$")
    percent: Percent | None = None
    amount: Money | None = None
    price: Money | None = None
    opens: Key | None = None
    plans: tuple[Key, ...] = ()
    """Which plans it is for; none: all."""
    minimum: Money | None = None
    valid_for: Duration

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.percent, self.amount, self.price, self.opens)) != 1:
            raise ValueError("give exactly one of percent, amount, price, opens")
        return self


def title_of(plan: TermPlan, default: str, locale: str) -> str:
    """The plan's title in `locale`, else in the `default` one."""
    return plan.title.get(locale) or plan.title.get(default) or next(iter(plan.title.values()))
