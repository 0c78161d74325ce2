"""`sop check` on experiments: what would leave members without a variant, or a comparison without a meaning."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from community.check import check_folder

TEMPLATES = Path(__file__).parents[2] / "templates"
A: dict[str, Any] = {"name": "a", "share": "50%"}
B: dict[str, Any] = {"name": "b", "share": "50%", "at": "20:00"}


def write(folder: Path, source: dict[str, Any]) -> None:
    """Through JSON, so that nothing is an alias of something else."""
    text = yaml.safe_dump(json.loads(json.dumps(source)), allow_unicode=True)
    (folder / "playbook.yaml").write_text(text, encoding="utf-8")


def problems(
    folder: Path, stage: str = "welcome_drip", step: str = "day_1", *, copy: bool = True, **experiments: Any
) -> list[str]:
    """Of the shipped playbook with experiments: step → its experiment; the keyword `on` is for `step` itself.

    Without its copy, all of it is missing, and the check is quick.
    """
    shutil.copytree(TEMPLATES, folder) if copy else folder.mkdir()
    source = yaml.safe_load((TEMPLATES / "playbook.yaml").read_text(encoding="utf-8"))
    for name, experiment in experiments.items():
        wanted = step if name == "on" else name
        place = next(each for each in source["stages"][stage]["steps"] if each["name"] == wanted)
        place["experiment"] = {"key": "slot", "effect": "5%", "variants": [A, B], **experiment}
    write(folder, source)
    return [problem.message for problem in check_folder(folder)]


def test_an_experiment_that_is_as_it_should_be(tmp_path: Path) -> None:
    assert problems(tmp_path / "t", on={}, day_2={"key": "other"}) == []


@pytest.mark.parametrize(
    ("variants", "what"),
    [
        ([A, {**B, "share": "40%"}], "the shares make 90%; make them 100%"),
        ([{**A, "share": "33.333%"}, {**B, "share": "66.667%"}], "in hundredths at the finest"),
        ([{**A, "share": "100%"}, {**B, "share": "0%"}], "b is for nobody"),
        ([A, {**B, "name": "a"}], "name a is used 2 times"),
        ([A, {**B, "at": "10:00"}], "b is the same as a; give it another copy, at or offer"),
        ([A, {**B, "offer": "gift"}], "offer gift is not in the playbook; known: "),
        ([A, {**B, "at": "8 pm"}], "is not a time of day"),
        ([A], "at least 2 items"),
    ],
)
def test_variants_that_cannot_be(tmp_path: Path, variants: list[dict[str, Any]], what: str) -> None:
    assert any(what in each for each in problems(tmp_path / "t", copy=False, on={"variants": variants}))


@pytest.mark.parametrize(
    ("experiment", "what"),
    [
        ({"key": "page_x"}, "is kept for the plans' page"),
        ({"within": "31d"}, "at most 30d"),
        ({"effect": "0%"}, "give more than 0"),
        ({"level": "60%"}, "at most 50"),
        ({"metric": "opened"}, "experiment.metric: input should be 'engaged'"),
        ({"varients": []}, "did you mean variants?"),
    ],
)
def test_an_experiment_that_cannot_be(tmp_path: Path, experiment: dict[str, Any], what: str) -> None:
    assert any(what in each for each in problems(tmp_path / "t", copy=False, on=experiment))


def test_keys_are_told_apart(tmp_path: Path) -> None:
    found = problems(tmp_path / "t", on={}, day_2={})
    assert found == ["key slot is another experiment's too; each must be different"] * 2


def test_another_time_needs_a_time(tmp_path: Path) -> None:
    found = problems(tmp_path / "t", "live_conversion", "open", copy=False, on={})
    assert any("the step has no time of day that could be another" in each for each in found)


def test_another_copy_must_be_there_in_every_language(tmp_path: Path) -> None:
    found = problems(tmp_path / "t", on={"variants": [A, {**B, "copy": "short"}]})
    assert sorted(found) == [
        f"missing copy: welcome_drip/short in {locale}; write this file" for locale in ("en", "zh-Hans", "zh-Hant")
    ]


def test_another_copy_is_given_what_the_steps_own_is(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    shutil.copytree(TEMPLATES, folder)
    source = yaml.safe_load((folder / "playbook.yaml").read_text(encoding="utf-8"))
    [nps] = [step for step in source["stages"]["member_care"]["steps"] if step["name"] == "nps"]
    nps["experiment"] = {"key": "words", "effect": "5%", "variants": [A, {**A, "name": "b", "copy": "nps_b"}]}
    write(folder, source)
    for locale in ("en", "zh-Hans", "zh-Hant"):
        text = "Hello {{ consultant or '' }} {{ since_at }}" + (" {{ ends_at }}" if locale == "en" else "")
        (folder / "copy" / locale / "member_care" / "nps_b.html").write_text(text)
    assert [each.message.partition(";")[0] for each in check_folder(folder)] == ["ends_at is not known here"]
