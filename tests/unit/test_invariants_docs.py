"""The guide to what always holds names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "invariants.md").read_text()


def test_every_promise_has_tests_that_exist() -> None:
    tests = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    promises = re.findall(r"^\| (\d+) \|.*\| (`test_.*) \|$", GUIDE, re.MULTILINE)
    assert [int(number) for number, _ in promises] == list(range(1, 16))
    assert set(re.findall(r"`(test_\w+)`", GUIDE)) <= tests
