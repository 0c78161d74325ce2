"""What the community sells, and the discounts that stages offer, as the playbook writes them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from community.playbook_types import Amount, Duration, Entry, Key, Locale, Money, Months, Percent, Period, Text

STARS = "XTR"
RENEWABLE = (Months(months=1), Months(months=3), Months(months=12))
"""Lengths for which a subscription can be: a month, a quarter, a year."""
IN_STARS = Months(months=1)
"""The one for which Telegram takes subscriptions; each of its periods is 30 days."""
MOST_STARS = 10_000
"""Stars that Telegram takes at most for a period."""


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
    once: bool = False
    """True: a coupon gives it to nobody who has had it."""
    prices: tuple[Money, ...] = ()
    """The same in other currencies, one each."""
    on_sale: bool = True
    """False: nobody can order it now; what was ordered or subscribed to goes on."""
    chats: tuple[Text, ...] = ()
    """Titles or numbers of the groups and channels that it opens."""
    grace: Duration = timedelta(days=1)
    """How long after its end its holder stays in them."""
    library: tuple[Key, ...] = ()
    """Keys of the resources that are given with it."""
    includes: tuple[Key, ...] = ()
    """Other plans that are granted with it: a bundle."""
    renews: bool = False
    """True: it can be subscribed to, beside being bought once."""

    def price_in(self, currency: str) -> Amount | None:
        """What it costs in that currency; None: it is not sold in it."""
        prices = (self.price, *self.prices) if self.price else self.prices
        return next((price for price in prices if price.currency == currency), None)

    def renews_in(self, currency: str) -> bool:
        """Whether it can be subscribed to in that currency."""
        price = self.price_in(currency)
        if not self.renews or price is None or self.length not in RENEWABLE:
            return False
        return currency != STARS or (self.length == IN_STARS and price.minor <= MOST_STARS)


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


def library_of(plans: Iterable[TermPlan]) -> list[str]:
    """Keys of the resources that are given with these plans, each once."""
    return list(dict.fromkeys(key for plan in plans for key in plan.library))


def title_of(plan: TermPlan, default: str, locale: str) -> str:
    """The plan's title in `locale`, else in the `default` one."""
    return plan.title.get(locale) or plan.title.get(default) or next(iter(plan.title.values()))
