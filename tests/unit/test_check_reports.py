"""`sop check` of reports: words that are missing, remedies that nobody wrote, templates that are no Jinja."""

import shutil
from pathlib import Path

import pytest
import yaml

from community.bundle import load_bundle
from community.check import check_folder
from community.check_reports import report_problems
from tests.shipped import TEMPLATES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with reports of its own."""
    shutil.copytree(TEMPLATES / "reports", tmp_path / "reports")
    return tmp_path


def problems(folder: Path) -> list[str]:
    found = report_problems(folder, load_bundle(TEMPLATES).playbook)
    return [f"{file}:{line}: {message}" for file, line, message in found]


def reworded(folder: Path, locale: str, **changes: str | None) -> None:
    file = folder / "reports" / "words.yaml"
    words = yaml.safe_load(file.read_text())
    words[locale] = {key: value for key, value in {**words[locale], **changes}.items() if value is not None}
    file.write_text(yaml.safe_dump(words, allow_unicode=True))


def test_as_shipped_or_with_none_of_its_own_nothing_is_wrong(folder: Path, tmp_path: Path) -> None:
    assert problems(folder) == []
    shutil.rmtree(folder / "reports")
    assert problems(folder) == []


def test_a_missing_word_and_a_missing_remedy_are_named(folder: Path) -> None:
    reworded(folder, "zh-Hant", notable=None, remedy_hook=" ")
    assert problems(folder) == ["reports/words.yaml:1: zh-Hant lacks notable, remedy_hook; write them under zh-Hant"]


def test_a_remedy_that_no_watch_names_need_not_be_there(folder: Path) -> None:
    reworded(folder, "en", remedy_of_ours="Call them.")
    reworded(folder, "zh-Hans", of_ours="x")
    assert problems(folder) == []


def test_a_broken_template_is_named_with_its_line(folder: Path) -> None:
    (folder / "reports" / "report.md.j2").write_text("# x\n{% if %}\n")
    (found,) = problems(folder)
    assert found.startswith("reports/report.md.j2:2: ")
    (folder / "reports" / "words.yaml").write_text("en: [")
    assert problems(folder)[0].startswith("reports/words.yaml:1: words.yaml: no YAML")


def test_it_is_part_of_the_check(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "t")
    reworded(tmp_path / "t", "en", remedy_gate=None)
    assert [str(problem) for problem in check_folder(tmp_path / "t")] == [
        "t/reports/words.yaml:1: en lacks remedy_gate; write them under en"
    ]
