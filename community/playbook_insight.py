"""What the playbook says of figures: which money recurs, what they should reach."""

from typing import Annotated

from pydantic import AfterValidator, Field

from community.kpis import KPIS
from community.playbook_types import Entry, Goal, Key, Percent, Target


def _of_their_kind(targets: dict[str, Goal]) -> dict[str, Goal]:
    for name, goal in targets.items():
        kpi = KPIS.get(name)
        if kpi is None:
            raise ValueError(f"{name}: no such KPI; known: {', '.join(sorted(KPIS))}")
        if goal.kind != kpi.unit:
            raise ValueError(f"{name}: its target is a {kpi.unit}, as in docs/kpis.md")
    return targets


Targets = Annotated[dict[Key, Target], AfterValidator(_of_their_kind)]
"""KPI → what it should reach in a week, or stay below."""


def _goals(**shares: float) -> dict[str, Goal]:
    return {kpi: Goal(kind="share", number=share) for kpi, share in shares.items()}


class Life(Entry):
    """What a group is looked at for in each stage of its life, and what it should reach there (SOP 2.22)."""

    start: Targets = _goals(entry_rate=0.6, told_interest=0.3, first_week=0.5)
    """Its first 7 days."""
    growth: Targets = _goals(speaking_rate=0.2, active_rate=0.4, engaged_24h=0.15)
    """Until it is 30 days old."""
    conversion: Targets = _goals(free_to_paid=0.1, coupon_use=0.2)
    """Until it is 90 days old."""
    maturity: Targets = _goals(active_rate=0.25, renewal=0.6, churn=0.08)
    """Older."""
    spread: Targets = _goals(invite_conversion=0.3, koc_share=0.02)
    """Beside the others, from 30 days on."""


class Insight(Entry):
    """What the figures are held against (SOP 1.12, 1.21, 2.12)."""

    recurring: tuple[Key, ...] = ("membership",)
    """Lines of plans whose money comes again and again (MRR); others are bought once."""
    targets: Targets = Field(default_factory=dict)
    life: Life = Life()
    falls: Percent = 25.0
    """A group's week that is worse than its own four weeks before by so much is told."""
