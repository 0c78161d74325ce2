"""The guide names all that can be asked for: gestures with their arguments, routes, faults, limits, options."""

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from community.sandbox import faults
from community.sandbox.actions import GESTURES
from community.sandbox.actions.registry import Gesture
from community.sandbox.control.creating import NewBot, NewGroup, NewUser
from community.sandbox.control.journal import JournalQuery
from community.sandbox.control.registry import ROUTES, Asked
from community.sandbox.limits import Limits

GUIDE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ", 1) for line in GUIDE.splitlines() if line.startswith("| ")]


def named(text: str) -> set[str]:
    """All that stands in code marks, and the last word of it."""
    marked = re.findall(r"`([^`\n]+)`", text)
    return {*marked, *(each.rpartition(" ")[2] for each in marked)}


@pytest.mark.parametrize("name", sorted(GESTURES))
def test_every_gesture_is_in_the_guide_with_its_arguments(name: str) -> None:
    row = next(row for row in ROWS if name in named(row[0]))
    assert GESTURES[name].model_fields.keys() - Gesture.model_fields.keys() <= named(row[1])


@pytest.mark.parametrize(("verb", "path"), [route[:2] for route in ROUTES])
def test_every_route_is_in_the_guide(verb: str, path: str) -> None:
    told = "view/…" if path.startswith("view/") and verb == "GET" else path
    assert [row for row in ROWS if verb in row[0] and told in named(row[0])]


def test_the_guide_names_no_other_route() -> None:
    control = GUIDE.partition("## The control interface")[2].partition("## ")[0]
    told = {name for row in re.findall(r"^\| ([^|]*`[^|]*) \|", control, re.MULTILINE) for name in named(row)}
    paths = {name for name in told if name.islower() and " " not in name} - {"view/…"}
    assert paths == {path for verb, path, _ in ROUTES if (verb, path[:5]) != ("GET", "view/")}


@pytest.mark.parametrize("kind", get_args(faults.Kind))
def test_every_fault_is_in_the_guide(kind: str) -> None:
    assert [row for row in ROWS if kind in named(row[0])]


def test_what_rules_limits_and_questions_are_made_of_is_in_the_guide() -> None:
    models: list[type[Asked]] = [NewUser, NewBot, NewGroup, JournalQuery]
    parts = {name for model in models for name in model.model_fields}
    parts |= {each.name for kind in (faults.Rule, Limits) for each in fields(kind)}
    assert parts <= named(GUIDE)
