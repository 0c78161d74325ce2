"""Every figure of money, movement and segment is explained."""

from pathlib import Path

import pytest

from community.insight.definitions import defined, rows_of
from community.kpis import DERIVED, KPIS
from community.segments import Segment

GUIDE = (Path(__file__).parents[2] / "docs" / "kpis.md").read_text(encoding="utf-8")
MONEY = (
    *("revenue", "refunds", "average_order", "paying", "new_payers", "free_to_paid", "trial_to_paid", "live_to_paid"),
    *("renewal", "mrr", "mrr_movements", "churn", "arpu", "ad_spend", "cac", "coupon_use", "coupon_orders"),
)


@pytest.mark.parametrize("name", [*MONEY, *DERIVED, *Segment])
def test_it_is_in_the_guide(name: str) -> None:
    assert f"`{name}`" in GUIDE


@pytest.mark.parametrize("name", MONEY)
def test_it_is_defined_and_its_text_is_whole(name: str) -> None:
    assert name in KPIS
    assert name in defined()
    assert "{{" not in rows_of(name)


@pytest.mark.parametrize("movement", ["new", "reactivation", "expansion", "contraction", "churn"])
def test_movements_are_in_the_guide_by_their_names(movement: str) -> None:
    assert f"| `{movement}` |" in GUIDE
    assert f"'{movement}'" in rows_of("mrr_movements")
