"""Every figure made of two others, movement and segment is explained."""

from pathlib import Path

import pytest

from community.insight.definitions import defined, rows_of
from community.kpis import DERIVED
from community.segments import Segment

GUIDE = (Path(__file__).parents[2] / "docs" / "kpis.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*DERIVED, *Segment])
def test_it_is_in_the_guide(name: str) -> None:
    assert f"`{name}`" in GUIDE


@pytest.mark.parametrize("name", defined())
def test_its_text_is_whole(name: str) -> None:
    assert "{{" not in rows_of(name)


@pytest.mark.parametrize("movement", ["new", "reactivation", "expansion", "contraction", "churn"])
def test_movements_are_in_the_guide_by_their_names(movement: str) -> None:
    assert f"| `{movement}` |" in GUIDE
    assert f"'{movement}'" in rows_of("mrr_movements")
