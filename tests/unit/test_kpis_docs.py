"""Every KPI has one definition, and a row in docs/kpis.md that says what it is."""

import re
from collections import Counter
from pathlib import Path

import pytest

import community.kpis as registry
from community.database.queries import Queries
from community.insight.definitions import FOLDER, rows_of
from community.insight.funnel import Step
from community.kpis import DERIVED, KPIS

DOCS = (Path(__file__).parents[2] / "docs" / "kpis.md").read_text(encoding="utf-8")
TABLES = "\n".join(re.findall(r"^\| KPI .*\n(?:\|.*\n)+", DOCS, re.MULTILINE))
ROWS = Counter(re.findall(r"^\| `(\w+)` \|", TABLES, re.MULTILINE))
FAMILIES = ("growth", "activity", "outreach", "money", "service")


def test_every_kpi_is_defined_once_and_every_definition_is_a_kpi() -> None:
    names = Counter(name for path in FOLDER.glob("*.sql") for name in Queries(path).names)
    assert set(names) == set(KPIS)
    assert set(names.values()) == {1}


@pytest.mark.parametrize("kpi", [name for family in FAMILIES for name in Queries(FOLDER / f"{family}.sql").names])
def test_what_is_defined_is_in_the_docs_once(kpi: str) -> None:
    assert ROWS[kpi] == 1


def test_the_docs_tell_of_nothing_else() -> None:
    assert set(ROWS) == set(KPIS)


@pytest.mark.parametrize("kpi", DERIVED)
def test_what_is_made_of_two_others_says_of_which(kpi: str) -> None:
    made = DERIVED[kpi]
    assert f"(`{kpi}`) is `{made.above}` / `{made.below}`" in DOCS


def test_the_funnels_steps_are_in_the_docs_in_order() -> None:
    assert re.findall(r"^\| \d \| `(\w+)` \|", DOCS, re.MULTILINE) == list(Step)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kpi_of_a_family_is_defined_in_its_file(family: str) -> None:
    expected = {kpi.name for kpi in getattr(registry, f"_{family.upper()}")}
    assert set(Queries(FOLDER / f"{family}.sql").names) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_with_a_part_are_those_said_to_have_one(family: str) -> None:
    for name in Queries(FOLDER / f"{family}.sql").names:
        assert ("NULL::text AS part" in rows_of(name)) is not KPIS[name].parts, name
