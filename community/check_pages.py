"""The check of the pages that a buyer sees: their words in every locale, and that they can be rendered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError
from markupsafe import Markup

from community.page_templates import FOLDER, LIBRARY, ORDER, PRODUCT, SHIPPED, WORDS, PageTemplates
from community.playbook import Playbook
from community.sales_contexts import PAGE

_LONG = "<" + "😀" * 99
_AMOUNT = "999999999999.99 USD"
_LANGUAGE = {"locale": "en", "name": _LONG, "address": "/buy/a?lang=en"}
_COMMON: dict[str, Any] = {"community": _LONG, "title": _LONG, "languages": [_LANGUAGE]}
_WAY = {"name": "stars", "currency": "XTR", "amount": _AMOUNT, "coupon": "A" * 32, "renews": False}
SAMPLES: dict[str, dict[str, Any]] = {
    PRODUCT: {
        **_COMMON,
        "plan": "a" * 32,
        "variant": "benefits",
        "lead": Markup("x"),
        "copy": {name.removeprefix("page/"): Markup("x") for name in PAGE},
        "notice": "cancelled",
        "listed": _AMOUNT,
        "due": "1 USD",
        "coupon": "A" * 32,
        "typed": _LONG,
        "free_address": None,
        "ways": [_WAY, {**_WAY, "name": "stripe"}, {**_WAY, "name": "ime"}, {**_WAY, "renews": True}],
        "every": 12,
        "member": "a.b",
        "token": "a" * 32,
    },
    ORDER: {
        **_COMMON,
        "state": "open",
        "number": "A7K2-93QX",
        "amount": _AMOUNT,
        "code": "A" * 10,
        "pay_address": "https://ime.example/",
        "bot_address": "https://t.me/bot",
        "support": Markup("x"),
    },
    LIBRARY: {
        **_COMMON,
        "why": "closed",
        "plans": [{"title": _LONG, "price": _AMOUNT, "address": "/buy/a?lang=en"}],
        "bot_address": "https://t.me/bot?start=membership",
    },
}
"""What the gateway gives each page, at its worst."""

Found = tuple[str, int, str]
"""A file of the folder, a line of it, and what is wrong there."""


def page_problems(folder: Path, playbook: Playbook) -> Iterator[Found]:
    """What is wrong with a playbook folder's pages and their words."""
    pages = PageTemplates(folder)
    try:
        words, wanted = pages.words(), PageTemplates(SHIPPED.parent).words()["en"]
    except (ValueError, UnicodeDecodeError) as error:
        yield f"{FOLDER}/{WORDS}", 1, f"{error}; correct it"
        return
    for locale in playbook.community.locales:
        if missing := [key for key in wanted if not words.get(locale, {}).get(key, "").strip()]:
            yield f"{FOLDER}/{WORDS}", 1, f"{locale} lacks {', '.join(missing)}; write them under {locale}"
    for page, sample in SAMPLES.items():
        yield from _rendered(pages, page, playbook, sample)


def _rendered(pages: PageTemplates, page: str, playbook: Playbook, sample: dict[str, Any]) -> Iterator[Found]:
    name = f"{FOLDER}/{page}"
    try:
        pages.render(page, playbook.community.locale, playbook.community.locale, sample)
    except TemplateSyntaxError as error:
        yield f"{FOLDER}/{error.name or page}", error.lineno, f"{error.message}; correct the Jinja expression"
    except Exception as error:  # a page may raise anything
        yield name, 1, f"cannot be rendered ({type(error).__name__}: {error}); correct the page"
