"""One version of playbook and copy: its hash, its storage, its fallback."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from community.bundle import Bundle, load_bundle
from community.errors import PlaybookError
from tests.shipped import TEMPLATES, shipped_bundle

BUNDLE = shipped_bundle()


def shuffled(value: object) -> object:
    """The same content with the keys of every map the other way round, as another store may return it."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    return [shuffled(part) for part in value] if isinstance(value, list) else value


def test_a_folder_is_read_as_it_stands() -> None:
    assert load_bundle(TEMPLATES) == BUNDLE


def test_storage_keeps_the_hash() -> None:
    stored = json.loads(json.dumps(shuffled(BUNDLE.to_json())))
    again = Bundle.from_json(stored)
    assert again.hash == BUNDLE.hash
    assert again.playbook == BUNDLE.playbook
    assert len(BUNDLE.hash) == 64


def test_every_change_is_another_version() -> None:
    copy = {locale: dict(files) for locale, files in BUNDLE.copy.items()}
    copy["en"]["bot/help"] += "."
    caps = {"per_day": 1, "per_week": 5}
    versions = {
        BUNDLE.hash,
        Bundle(BUNDLE.source, copy).hash,
        Bundle({**BUNDLE.source, "caps": caps}, BUNDLE.copy).hash,
    }
    assert len(versions) == 3


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))))
def test_any_copy_survives_storage(files: dict[str, str]) -> None:
    bundle = Bundle(BUNDLE.source, {"en": files})
    assert Bundle.from_json(json.loads(json.dumps(bundle.to_json()))).hash == bundle.hash


def test_copy_falls_back_to_the_communitys_locale() -> None:
    copy = {"zh-Hans": {"a": "默认", "b": "默认"}, "en": {"a": "own", "empty": ""}}
    bundle = Bundle(BUNDLE.source, copy)
    assert bundle.copy_source("a", "en") == "own"
    assert bundle.copy_source("b", "en") == "默认"
    assert bundle.copy_source("a", "fr") == "默认"
    assert bundle.copy_source("c", "en") is None


def test_a_stored_bundle_that_cannot_be_read_says_what_to_do() -> None:
    with pytest.raises(PlaybookError, match="publish the playbook again"):
        Bundle.from_json({"playbook": {**BUNDLE.source, "from_the_future": 1}, "copy": {}})
    with pytest.raises(PlaybookError, match="publish the playbook again"):
        Bundle.from_json({})


def test_a_bad_folder_is_refused_with_every_problem(tmp_path: Path) -> None:
    (tmp_path / "playbook.yaml").write_text("community: {name: A, zone: Nowhere}\nlimits: 3\n")
    with pytest.raises(PlaybookError) as caught:
        load_bundle(tmp_path)
    lines = str(caught.value).splitlines()
    assert any(f"{tmp_path.name}/playbook.yaml:1: community.zone:" in line for line in lines)
    assert any(f"{tmp_path.name}/playbook.yaml:2: limits: unknown key" in line for line in lines)


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(PlaybookError, match=r"gone/playbook.yaml:1: cannot be read .*put the file there"):
        load_bundle(tmp_path / "gone")


def test_printed_it_is_its_hash_and_not_all_there_is(shipped: Bundle) -> None:
    assert repr(shipped) == f"Bundle({shipped.hash[:12]})"
