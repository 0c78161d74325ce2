"""Every copy in every locale with every hostile name: valid for Telegram, short enough, and nothing but text."""

from functools import cache
from typing import Any

import pytest

from community.members.names import NAME_LIMIT, clean_name, display_name, short_name
from community.sandbox.formatting import formatted
from community.telegram_html import isolated, plain_text, utf16_length
from tests.hostile import TEXTS
from tests.unit.test_render import ALL, RENDERER, assert_telegram_takes, context

GROUP_TITLE = 255
WORDS = 4096


def told_by(text: str, template: str, locale: str) -> dict[str, Any]:
    """The context of a copy whose member, group and words are all `text`, as long as each may be."""
    sample = context(template)
    name, first_name, username = named(text)
    changes: dict[str, Any] = {"member": {"name": name, "first_name": first_name, "locale": locale}}
    changes |= {"group": {"title": text[:GROUP_TITLE]}, "text": text[:WORDS], "names": [name] * 20}
    changes |= dict.fromkeys(("what", "where", "next"), text)
    changes["data"] = sample.get("data", {}) | {"name": name, "username": username}
    return {**sample, **{key: value for key, value in changes.items() if key in sample}}


@cache
def named(text: str) -> tuple[str, str, str | None]:
    """Name, first name and username of a member for whom all three are `text`."""
    return display_name(text, text, text), short_name(text, text, text), clean_name(text) or None


@cache
def greeted(text: str) -> tuple[str, str]:
    """Name and first name of a member without a username."""
    return display_name(text, text, None), short_name(text, None, None)


@pytest.mark.parametrize(("template", "locale"), ALL)
def test_every_hostile_text_is_shown_and_nothing_else(template: str, locale: str) -> None:
    shape = entities(template, locale, "Ann")
    for kind, text in TEXTS.items():
        rendered = RENDERER.render(template, locale, told_by(text, template, locale))
        assert_telegram_takes(rendered)
        for button in (button for row in rendered.buttons for button in row):
            assert utf16_length(button.text) <= 64
        shown, _ = formatted(rendered.text, "HTML", None)
        assert shown == plain_text(rendered.text).strip(), "as another reader of Telegram's HTML sees it"
        assert entities(template, locale, text) == shape, kind


def entities(template: str, locale: str, text: str) -> list[str]:
    """What is marked up in a copy greeting `text`, and what Telegram makes a link of by itself."""
    name, first_name = greeted(text)
    member = {"name": name, "first_name": first_name, "locale": locale}
    given = context(template)
    given |= {key: value for key, value in {"member": member, "names": [name]}.items() if key in given}
    _, found = formatted(RENDERER.render(template, locale, given).text, "HTML", None)
    return [entity["type"] for entity in found if entity["type"] != "hashtag"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_name_of_any_kind_is_short_and_keeps_to_itself(text: str) -> None:
    name = display_name(text, text, None)
    assert 0 < len(name) <= NAME_LIMIT
    assert not formatted(name.replace("#", ""), "", None)[1], "no link, no mention, no command"


def test_text_from_right_to_left_turns_nothing_around_it() -> None:
    name = display_name(TEXTS["rtl"], None, None)
    text = RENDERER.render("gate/question_1", "en", told_by(TEXTS["rtl"], "gate/question_1", "en")).text
    assert f"\u2068{name}\u2069," in text
    assert isolated("Ann 李") == "Ann 李"
    assert isolated("Ann א") == "\u2068Ann א\u2069"
