"""What is measured: every KPI by name, how its number is made, over how long it looks. Definitions: docs/kpis.md.

The rows that a KPI counts are the query of its name in `community/insight/kpis/*.sql`; nothing else defines it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """How a KPI's number is made of its rows."""

    number = "number"
    """How many different keys hit."""
    total = "total"
    """The sum of the rows' counts."""
    share = "share"
    """Of all different keys, how many hit."""
    money = "money"
    """The sum of the amounts, in each currency."""
    money_each = "money_each"
    """That sum, divided by how many different keys hit."""
    seconds = "seconds"
    """The median of the seconds; of all different keys, how many hit (were in time)."""


class Better(StrEnum):
    """Which way is good."""

    more = "more"
    less = "less"
    neither = "neither"

    def meets(self, number: float, target: float) -> bool:
        """Whether a number reaches its target, or stays below it."""
        return number <= target if self is Better.less else number >= target


class Keys(StrEnum):
    """How often a key is in a KPI's rows: the more is known of it, the quicker it is counted."""

    several = "several"
    once = "once"
    """No two rows have the same key. A median needs it."""
    in_group = "in_group"
    """Keys are members, each once in a group, all of whom count; without money or parts."""
    inside = "inside"
    """So is what hits, and its share is of who was in a group in the window: one number for all that are of them."""


@dataclass(frozen=True, slots=True)
class Kpi:
    """A KPI. `looks_back`: days before its window on which what happened can still change it."""

    name: str
    measure: Measure
    better: Better = Better.more
    looks_back: int = 0
    parts: bool = False
    """Its rows name a part (a plan, a movement, a stage): the number is shown for each as well."""
    own_source: bool = False
    """Its rows say themselves where they came from; of others their member's source counts."""
    keys: Keys = Keys.several

    @property
    def unit(self) -> str:
        """What its number is, as a target says it: a share, a number, money, or seconds."""
        return "number" if self.measure is Measure.total else self.measure.removesuffix("_each")


@dataclass(frozen=True, slots=True)
class Derived:
    """A KPI made of two others: one number divided by the other."""

    name: str
    above: str
    below: str
    better: Better = Better.more


_GROWTH = (
    Kpi("new_members", Measure.number, keys=Keys.once),
    Kpi("entry_rate", Measure.share, keys=Keys.once),
    Kpi("first_day", Measure.share, looks_back=1, keys=Keys.once),
    Kpi("first_week", Measure.share, looks_back=7, keys=Keys.once),
    Kpi("three_items", Measure.share, looks_back=7, keys=Keys.once),
    Kpi("told_interest", Measure.share, looks_back=7, keys=Keys.once),
    Kpi("retention_7", Measure.share, looks_back=14, keys=Keys.once),
    Kpi("retention_30", Measure.share, looks_back=37, keys=Keys.once),
    Kpi("members", Measure.number, keys=Keys.in_group),
    Kpi("joins", Measure.number),
    Kpi("leaves", Measure.number, Better.less),
    Kpi("leave_rate", Measure.share, Better.less, keys=Keys.inside),
    Kpi("invite_conversion", Measure.share, looks_back=7, parts=True, keys=Keys.once),
    Kpi("koc_share", Measure.share, keys=Keys.inside),
)
_ACTIVITY = (
    Kpi("active", Measure.number, keys=Keys.in_group),
    Kpi("active_rate", Measure.share, keys=Keys.inside),
    Kpi("speakers", Measure.number, keys=Keys.in_group),
    Kpi("speaking_rate", Measure.share, keys=Keys.inside),
    Kpi("messages", Measure.total, keys=Keys.once),
)
_OUTREACH = (
    Kpi("accepted", Measure.number, parts=True, keys=Keys.once),
    Kpi("engaged_24h", Measure.share, looks_back=1, parts=True, keys=Keys.once),
    Kpi("click_through", Measure.share, looks_back=1, parts=True, keys=Keys.once),
    Kpi("reach_loss", Measure.share, Better.less, parts=True, keys=Keys.once),
    Kpi("block_rate", Measure.share, Better.less, looks_back=1, parts=True, keys=Keys.once),
    Kpi("delivery_delay", Measure.seconds, Better.less, parts=True, keys=Keys.once),
    Kpi("on_time", Measure.share, parts=True, keys=Keys.once),
)
_MONEY = (
    Kpi("revenue", Measure.money, parts=True, keys=Keys.once),
    Kpi("refunds", Measure.money, Better.less, parts=True, keys=Keys.once),
    Kpi("average_order", Measure.money_each, parts=True),
    Kpi("paying", Measure.number, parts=True),
    Kpi("new_payers", Measure.number, parts=True, keys=Keys.once),
    Kpi("free_to_paid", Measure.share, own_source=True, keys=Keys.once),
    Kpi("trial_to_paid", Measure.share, looks_back=45, parts=True, keys=Keys.once),
    Kpi("live_to_paid", Measure.share, looks_back=14, parts=True, keys=Keys.once),
    Kpi("renewal", Measure.share, looks_back=14, parts=True, keys=Keys.once),
    Kpi("mrr", Measure.money, parts=True, keys=Keys.once),
    Kpi("mrr_movements", Measure.money, parts=True),
    Kpi("churn", Measure.share, Better.less, keys=Keys.once),
    Kpi("arpu", Measure.money_each),
    Kpi("ad_spend", Measure.money, Better.less, parts=True, own_source=True),
    Kpi("cac", Measure.money_each, Better.less, own_source=True),
    Kpi("coupon_use", Measure.share, Better.neither, keys=Keys.once),
    Kpi("coupon_orders", Measure.number, Better.neither, parts=True, keys=Keys.once),
)
_SERVICE = (
    Kpi("first_response", Measure.seconds, Better.less, parts=True, keys=Keys.once),
    Kpi("sla_met", Measure.share, parts=True, keys=Keys.once),
    Kpi("callback_success", Measure.share, parts=True, keys=Keys.once),
    Kpi("automation_solved", Measure.share, looks_back=2, keys=Keys.once),
)

FAMILIES: dict[str, tuple[Kpi, ...]] = {
    "money": _MONEY,
    "growth": _GROWTH,
    "activity": _ACTIVITY,
    "outreach": _OUTREACH,
    "service": _SERVICE,
}
"""KPIs that are about the same, in the order in which they are shown."""
KPIS: dict[str, Kpi] = {kpi.name: kpi for family in FAMILIES.values() for kpi in family}
DERIVED: dict[str, Derived] = {
    kpi.name: kpi
    for kpi in (
        Derived("ltv", "arpu", "churn"),
        Derived("payback_months", "cac", "arpu", Better.less),
    )
}
