"""The named-query loader, and every shipped .sql file through it."""

import ast
from pathlib import Path

import pytest

from community.database.queries import Queries, load

CORE = Path(__file__).parents[2] / "community"
FILES = sorted(path for path in CORE.rglob("*.sql") if path.name != "views.sql")

EXAMPLE = """-- A word about the file.
-- name: first
-- Why it has this shape.
SELECT 1

-- name: second_one
SELECT {{what}} FROM {{what}}, {{where}}
"""


@pytest.fixture
def queries(tmp_path: Path) -> Queries:
    (tmp_path / "queries.sql").write_text(EXAMPLE, encoding="utf-8")
    return load(str(tmp_path / "module.py"))


def test_statements_by_name_with_their_comments(queries: Queries) -> None:
    assert queries.first == "-- Why it has this shape.\nSELECT 1\n\n"


def test_an_unknown_name_says_where_and_what_there_is(queries: Queries) -> None:
    with pytest.raises(AttributeError, match=r"queries\.sql: no query named third; it has first, second_one"):
        _ = queries.third


def test_fragments_are_filled_in_everywhere(queries: Queries) -> None:
    assert queries.fill("second_one", what="a", where="b") == "SELECT a FROM a, b\n"


def test_another_file_beside_the_module(tmp_path: Path) -> None:
    (tmp_path / "more.sql").write_text("-- name: x\nSELECT 2\n", encoding="utf-8")
    assert load(str(tmp_path / "module.py"), "more.sql").x == "SELECT 2\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CORE).as_posix())
def test_names_in_a_file_are_unique(path: Path) -> None:
    names = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("-- name:")]
    assert names
    assert len(names) == len(set(names))


def test_every_query_is_used_and_every_used_one_exists() -> None:
    """Per package: `queries.x`, `queries.fill("x")` and names passed as text count as uses.

    What is in `privacy.sql` is run as a whole (`community.privacy`); audiences and KPIs are found by their names.
    """
    for package in sorted({path.parent for path in FILES if path.parent.name not in ("audiences", "kpis")}):
        known = {
            name
            for path in package.glob("*.sql")
            if path.name not in ("views.sql", "privacy.sql")
            for name in Queries(path)._statements
        }
        trees = [ast.parse(path.read_text(encoding="utf-8")) for path in package.glob("*.py")]
        nodes = [node for tree in trees for node in ast.walk(tree)]
        words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        direct = {
            node.attr
            for node in nodes
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id == "_texts" or node.value.id.endswith("queries"))
            and node.attr != "fill"
        }
        assert direct <= known, f"{package.name}: no such query: {direct - known}"
        assert known <= direct | words, f"{package.name}: nobody uses {known - direct - words}"
