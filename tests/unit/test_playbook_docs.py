"""Every key, copy and action is explained to operators."""

import re
from pathlib import Path

import pytest

from community import (
    playbook,
    playbook_experiments,
    playbook_feedback,
    playbook_insight,
    playbook_offers,
    playbook_stages,
)
from community.copy_contexts import ACTIONS, needed_copy
from community.playbook_types import Entry
from community.wording import ButtonCopy, FrontMatter
from tests.shipped import shipped_bundle

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "playbook.md").read_text()
YAML = (ROOT / "templates" / "playbook.yaml").read_text()
WRITTEN = {
    module.__name__
    for module in (
        playbook,
        playbook_experiments,
        playbook_feedback,
        playbook_insight,
        playbook_offers,
        playbook_stages,
    )
}
PLAYBOOK_MODELS = [model for model in Entry.__subclasses__() if model.__module__ in WRITTEN]
COPY_MODELS: list[type[Entry]] = [FrontMatter, ButtonCopy]


def keys(models: list[type[Entry]]) -> list[str]:
    return sorted({field.alias or name for model in models for name, field in model.model_fields.items()})


@pytest.mark.parametrize("key", keys([*PLAYBOOK_MODELS, *COPY_MODELS]))
def test_every_key_is_in_the_guide(key: str) -> None:
    assert f"`{key}`" in GUIDE


@pytest.mark.parametrize("key", keys(PLAYBOOK_MODELS))
def test_every_key_is_in_the_shipped_playbook_so_that_operators_see_it(key: str) -> None:
    assert re.search(rf"(?m)(^|[ {{]){key}:", YAML)


@pytest.mark.parametrize(
    "name", [*(copy for copy in needed_copy(shipped_bundle().playbook) if "/day_" not in copy), *ACTIONS]
)
def test_every_copy_and_action_is_in_the_guide(name: str) -> None:
    assert f"`{name}`" in GUIDE
