"""The check of the pages that a buyer sees, and of what they must say."""

import shutil
from pathlib import Path

import pytest
import yaml

from community.check import check_folder
from community.check_pages import page_problems
from community.page_templates import SHIPPED, PageTemplates
from community.playbook import Payments
from community.sales_contexts import PAGE
from tests.shipped import TEMPLATES, shipped_bundle

PLAYBOOK = shipped_bundle().playbook
IME = "https://ime.example/pay?no={order}&sum={amount}&in={currency}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    return tmp_path / "templates"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder with pages alone: the check of all copy takes a third of a second."""
    shutil.copytree(SHIPPED, tmp_path / "pages")
    return tmp_path


def problems(folder: Path) -> list[str]:
    return list(map(str, check_folder(folder)))


def test_the_shipped_pages_are_right_and_a_folder_may_have_none(folder: Path) -> None:
    assert problems(folder) == []
    shutil.rmtree(folder / "pages")
    assert problems(folder) == []


def test_a_text_that_is_missing_is_named(folder: Path) -> None:
    missing = [(locale, name) for locale in ("en", "zh-Hans", "zh-Hant") for name in sorted(PAGE)]
    for locale, name in missing:
        (folder / "copy" / locale / f"{name}.html").unlink()
    assert problems(folder) == [
        f"templates/copy/{locale}/{name}.html:1: missing copy: {name} in {locale}; write this file"
        for locale, name in missing
    ]


def test_a_word_that_is_missing_is_named(folder: Path) -> None:
    file = folder / "pages" / "words.yaml"
    words = yaml.safe_load(file.read_text(encoding="utf-8"))
    del words["en"]["refund"], words["zh-Hans"]
    file.write_text(yaml.safe_dump(words, allow_unicode=True), encoding="utf-8")
    found = problems(folder)
    assert any("pages/words.yaml:1: en lacks refund; write them under en" in each for each in found)
    assert any("zh-Hans lacks name, price" in each for each in found)


@pytest.mark.parametrize("words", ["en: [", "- a", "en: x", "\0"])
def test_words_that_are_none(pages: Path, words: str) -> None:
    (pages / "pages" / "words.yaml").write_text(words, encoding="utf-8")
    assert any(file == "pages/words.yaml" for file, _, _ in page_problems(pages, PLAYBOOK))


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("{% if %}", "correct the Jinja expression"),
        ("{{ nothing }}", "cannot be rendered"),
        ("{{ words.nothing }}", "cannot be rendered"),
        ("{% extends 'nowhere' %}", "cannot be rendered"),
        ("{{ ''.__class__.__mro__ }}", "cannot be rendered"),
        ("{{ title | safe }}", "correct the Jinja expression"),
    ],
)
def test_a_page_that_cannot_be_rendered_is_named(pages: Path, page: str, told: str) -> None:
    (pages / "pages" / "product.html.j2").write_text(page, encoding="utf-8")
    [(file, line, found)] = page_problems(pages, PLAYBOOK)
    assert (file, line) == ("pages/product.html.j2", 1)
    assert told in found


def test_the_check_of_a_folder_tells_where_its_pages_are_wrong(folder: Path) -> None:
    (folder / "pages" / "product.html.j2").write_text("{% if %}", encoding="utf-8")
    (folder / "pages" / "order.html.j2").write_text("\n{% if %}", encoding="utf-8")
    one, other = problems(folder)
    assert one.startswith("templates/pages/order.html.j2:2: ")
    assert other.startswith("templates/pages/product.html.j2:1: ")


def test_what_a_folder_has_not_is_taken_from_the_shipped_ones(pages: Path) -> None:
    (pages / "pages" / "style.css").unlink()
    found = PageTemplates(pages)
    assert found.find("style.css").parent == SHIPPED
    assert found.find("words.yaml").parent == pages / "pages"


def test_titles_are_escaped_and_words_fall_back(pages: Path) -> None:
    (pages / "pages" / "order.html.j2").write_text("{{ title }} {{ words.back }}", encoding="utf-8")
    shown = PageTemplates(pages).render("order.html.j2", "fr", "en", {"title": "<b>&"})
    assert shown == "&lt;b&gt;&amp; Back"


def test_where_ime_takes_payments() -> None:
    assert Payments(ime_url=IME).ime_url == IME
    for wrong in (
        "http://ime.example/{order}",
        "https://ime.example/",
        "https://{order}.example/",
        "https://ime.example/{order}{secret}",
        "https://ime.example/{order.__class__}",
        "https://ime.example/{order}{",
        "javascript:{order}",
    ):
        with pytest.raises(ValueError, match="ime_url"):
            Payments(ime_url=wrong)
