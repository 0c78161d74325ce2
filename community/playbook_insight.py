"""What the playbook says of figures: which money recurs, what they should reach."""

from pydantic import Field, field_validator

from community.kpis import KPIS
from community.playbook_types import Entry, Goal, Key, Target


class Insight(Entry):
    """What the figures are held against (SOP 1.12, 1.21, 2.12)."""

    recurring: tuple[Key, ...] = ("membership",)
    """Lines of plans whose money comes again and again (MRR); others are bought once."""
    targets: dict[Key, Target] = Field(default_factory=dict)
    """KPI → what it should reach in a week, or stay below."""

    @field_validator("targets")
    @classmethod
    def _of_their_kind(cls, targets: dict[str, Goal]) -> dict[str, Goal]:
        for name, goal in targets.items():
            kpi = KPIS.get(name)
            if kpi is None:
                raise ValueError(f"{name}: no such KPI; known: {', '.join(sorted(KPIS))}")
            if goal.kind != kpi.unit:
                raise ValueError(f"{name}: its target is a {kpi.unit}, as in docs/kpis.md")
        return targets
