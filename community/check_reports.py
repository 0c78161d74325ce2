"""The check of what reports say: their words in every locale, a remedy for every watch, templates that are Jinja."""

from collections.abc import Iterator
from pathlib import Path

from jinja2 import TemplateSyntaxError

from community.page_templates import SHIPPED, WORDS, PageTemplates
from community.playbook import Playbook
from community.wording import HTML

FOLDER = "reports"
TEMPLATES = ("report.html.j2", "report.md.j2")

Found = tuple[str, int, str]
"""A file of the folder, a line of it, and what is wrong there."""


def report_problems(folder: Path, playbook: Playbook) -> Iterator[Found]:
    """What is wrong with a playbook folder's words and templates of reports."""
    pages = PageTemplates(folder, FOLDER)
    try:
        words, shipped = pages.words(), PageTemplates(SHIPPED.parent, FOLDER).words()["en"]
    except (ValueError, UnicodeDecodeError) as error:
        yield f"{FOLDER}/{WORDS}", 1, f"{error}; correct it"
        return
    remedies = [f"remedy_{watch.remedy}" for watch in playbook.insight.watch.values()]
    for locale in playbook.community.locales:
        wanted = dict.fromkeys([*(key for key in shipped if not key.startswith("remedy_")), *remedies])
        if missing := [key for key in wanted if not words.get(locale, {}).get(key, "").strip()]:
            yield f"{FOLDER}/{WORDS}", 1, f"{locale} lacks {', '.join(missing)}; write them under {locale}"
    for name in TEMPLATES:
        yield from _parsed(pages, name)


def _parsed(pages: PageTemplates, name: str) -> Iterator[Found]:
    try:
        HTML.parse(pages.find(name).read_text(encoding="utf-8"))
    except TemplateSyntaxError as error:
        yield f"{FOLDER}/{name}", error.lineno, f"{error.message}; correct the Jinja expression"
    except UnicodeDecodeError as error:
        yield f"{FOLDER}/{name}", 1, f"{error}; save it as UTF-8"
