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
    """Its rows may say themselves where they came from; of others their member's source counts."""
    once: bool = False
    """No two of its rows have the same key, which makes counting much quicker. A median needs it."""

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
    Kpi("new_members", Measure.number, once=True),
    Kpi("entry_rate", Measure.share, once=True),
    Kpi("first_day", Measure.share, looks_back=1, once=True),
    Kpi("first_week", Measure.share, looks_back=7, once=True),
    Kpi("three_items", Measure.share, looks_back=7, once=True),
    Kpi("told_interest", Measure.share, looks_back=7, once=True),
    Kpi("retention_7", Measure.share, looks_back=14, once=True),
    Kpi("retention_30", Measure.share, looks_back=37, once=True),
    Kpi("members", Measure.number),
    Kpi("joins", Measure.number),
    Kpi("leaves", Measure.number, Better.less),
    Kpi("leave_rate", Measure.share, Better.less),
    Kpi("invite_conversion", Measure.share, looks_back=7, parts=True, once=True),
    Kpi("koc_share", Measure.share),
)
_ACTIVITY = (
    Kpi("active", Measure.number),
    Kpi("active_rate", Measure.share),
    Kpi("speakers", Measure.number),
    Kpi("speaking_rate", Measure.share),
    Kpi("messages", Measure.total),
)
_OUTREACH = (
    Kpi("accepted", Measure.number, parts=True, once=True),
    Kpi("engaged_24h", Measure.share, looks_back=1, parts=True, once=True),
    Kpi("click_through", Measure.share, looks_back=1, parts=True, once=True),
    Kpi("reach_loss", Measure.share, Better.less, parts=True, once=True),
    Kpi("block_rate", Measure.share, Better.less, looks_back=1, parts=True, once=True),
    Kpi("delivery_delay", Measure.seconds, Better.less, parts=True, once=True),
    Kpi("on_time", Measure.share, parts=True, once=True),
)
_MONEY = (
    Kpi("revenue", Measure.money, parts=True, once=True),
    Kpi("refunds", Measure.money, Better.less, parts=True, once=True),
    Kpi("average_order", Measure.money_each, parts=True),
    Kpi("paying", Measure.number, parts=True),
    Kpi("new_payers", Measure.number, parts=True, once=True),
    Kpi("free_to_paid", Measure.share, once=True),
    Kpi("trial_to_paid", Measure.share, looks_back=45, parts=True, once=True),
    Kpi("live_to_paid", Measure.share, looks_back=14, parts=True, once=True),
    Kpi("renewal", Measure.share, looks_back=14, parts=True, once=True),
    Kpi("mrr", Measure.money, parts=True, once=True),
    Kpi("mrr_movements", Measure.money, parts=True),
    Kpi("churn", Measure.share, Better.less, once=True),
    Kpi("arpu", Measure.money_each),
    Kpi("ad_spend", Measure.money, Better.less, parts=True, own_source=True),
    Kpi("cac", Measure.money_each, Better.less, own_source=True),
    Kpi("coupon_use", Measure.share, Better.neither, once=True),
    Kpi("coupon_orders", Measure.number, Better.neither, parts=True, once=True),
)
_SERVICE = (
    Kpi("first_response", Measure.seconds, Better.less, parts=True, once=True),
    Kpi("sla_met", Measure.share, parts=True, once=True),
    Kpi("callback_success", Measure.share, parts=True, once=True),
    Kpi("automation_solved", Measure.share, looks_back=2, once=True),
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
