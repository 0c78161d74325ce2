"""Rendering every copy in every locale, whoever the member claims to be."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from community.bundle import Bundle
from community.copy_contexts import context_of, needed_copy, smallest
from community.copy_samples import sample_link, sample_moment, sample_page
from community.members.names import NAMELESS, clean_name, display_name, short_name
from community.outbox.render import Button, Rendered, Renderer, RenderError
from community.telegram_html import plain_text, problems, utf16_length
from tests.shipped import shipped_bundle

BUNDLE = shipped_bundle()
RENDERER = Renderer(BUNDLE)
ALL = [(name, locale) for name in needed_copy(BUNDLE.playbook) for locale in BUNDLE.playbook.community.locales]
NAMES = st.one_of(
    st.text(st.characters(), max_size=70),  # with lone surrogates
    st.text("<>&\"'`{}%#\\/ab\u202e\u2066\u200d\0\n😀", max_size=70),
    st.sampled_from(["{{ 7*7 }}", "{% raw %}", "</b></a>", "&lt;", "‮gnp.exe", "<tg-emoji>", "a\r\nb", "&#60;b&#62;"]),
)


def context(template: str, **changes: Any) -> dict[str, Any]:
    moments = {"moment": sample_moment, "day": sample_moment}
    own = {"link": lambda key: sample_link(BUNDLE.playbook, key), "page": sample_page, **moments}
    return {**context_of(template), **own, **changes}


def render_copy(source: str, **changes: Any) -> Rendered:
    return Renderer(Bundle(BUNDLE.source, {"en": {"x": source}})).render("x", "en", context("x", **changes))


def assert_telegram_takes(rendered: Rendered) -> None:
    rendered.text.encode()
    assert problems(rendered.text) == []
    assert 0 < utf16_length(plain_text(rendered.text)) <= 4096
    for button in (button for row in rendered.buttons for button in row):
        assert button.text.strip()
        assert (button.callback_data is None) != (button.url is None)
        assert len((button.callback_data or "").encode()) <= 64


@given(NAMES, NAMES, NAMES)
@pytest.mark.parametrize("template", needed_copy(BUNDLE.playbook))
def test_any_name_gives_valid_html_everywhere(template: str, first: str, last: str, text: str) -> None:
    name = display_name(first, last, None)
    sample = context(template)
    member = {"name": name, "first_name": short_name(first, last, None)}
    changes: dict[str, Any] = {"group": {"title": text}}
    changes |= {key: text for key in ("what", "where", "next", "text", "due") if key in sample}
    changes |= {"names": [name, name]} if "names" in sample else {}
    changes |= {"data": sample["data"] | {"name": name, "source": text}} if "data" in sample else {}
    for locale in BUNDLE.playbook.community.locales:
        changes["member"] = {**member, "locale": locale}
        assert_telegram_takes(RENDERER.render(template, locale, sample | changes))


@pytest.mark.parametrize(("template", "locale"), ALL)
def test_every_copy_renders_with_the_least_it_may_be_given(template: str, locale: str) -> None:
    assert_telegram_takes(RENDERER.render(template, locale, smallest(context_of(template)) | context(template)))


def test_a_value_is_shown_never_obeyed() -> None:
    rendered = render_copy("<b>{{ member.name }}</b>", member={"name": "<i>{{ 7*7 }}</i>\u202e\0"})
    assert rendered.text == "<b>&lt;i&gt;{{ 7*7 }}&lt;/i&gt;</b>"
    assert plain_text(rendered.text) == "<i>{{ 7*7 }}</i>"


def test_buttons_carry_the_message_id_or_an_address() -> None:
    source = (
        "---\nbuttons:\n  - [{text: Stop, action: stop}, {text: 'A & {{ member.name }}', action: 'answer:x'}]\n"
        "  - [{text: Rules, link: eu_market_rules}, {text: Web, url: 'https://a.example/?a=1&b=2'}]\n"
        "  - [{text: Begin, start: '{{ payload }}'}]\n---\nHi"
    )
    rendered = render_copy(
        source, message_id=42, member={"name": "<B>"}, link=lambda key: f"https://l/{key}", bot="sop_bot", payload="p-1"
    )
    assert rendered == Rendered(
        "Hi",
        [
            [Button("Stop", callback_data="stop:42"), Button("A & <B>", callback_data="answer:x:42")],
            [Button("Rules", url="https://l/eu_market_rules"), Button("Web", url="https://a.example/?a=1&b=2")],
            [Button("Begin", url="https://t.me/sop_bot?start=p-1")],
        ],
    )


def test_links_are_escaped_in_text() -> None:
    rendered = render_copy("<a href=\"{{ link('k') }}\">x</a>", link=lambda key: f"https://l/?a=1&k={key}")
    assert rendered.text == '<a href="https://l/?a=1&amp;k=k">x</a>'


def test_nothing_is_printed_for_none() -> None:
    assert render_copy("a{{ nothing }}b", nothing=None).text == "ab"


def test_the_renderer_knows_community_and_resources() -> None:
    source = "{{ community.name }}: {% for r in resources %}{{ r.key }} {% endfor %}"
    assert render_copy(source).text == "跨境老板圈: tariff_lookup eu_market_rules trade_figures"
    text = Renderer(BUNDLE).render("welcome_drip/welcome", "en", context("welcome_drip/welcome")).text
    assert "US duty rates by HS code" in text


def test_an_unoffered_locale_gets_the_communitys() -> None:
    assert RENDERER.render("bot/help", "fr", context("bot/help")) == RENDERER.render(
        "bot/help", "zh-Hans", context("bot/help")
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ nobody }}", "'nobody' is undefined"),
        ("{{ member.__class__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ link('k') }}", "KeyError|'k'"),
        ("{% if %}", "sop check"),
        ("---\nbuttons: 3\n---\nx", "sop check"),
        ("---\n[\n---\nx", "sop check"),
    ],
)
def test_copy_that_fails_is_an_error_of_ours(source: str, why: str) -> None:
    with pytest.raises(RenderError, match=why):
        render_copy(source, link={}.__getitem__)


def test_unknown_copy_is_named() -> None:
    with pytest.raises(RenderError, match="bot/dance: no such copy"):
        RENDERER.render("bot/dance", "en", {})


@given(NAMES, NAMES, NAMES)
def test_a_shown_name_is_one_short_visible_line(first: str, last: str, username: str) -> None:
    for name in (display_name(first, last, username), short_name(first, last, username)):
        name.encode()
        assert name.strip()
        assert "\n" not in name
        assert "\u202e" not in name
        assert len(name) <= 65  # a username has its @
        assert clean_name(name) == name or name.startswith("@")


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        (("Ana", "Wei", "ana"), "Ana Wei"),
        (("  Ana\t", None, None), "Ana"),
        (("", "", "ana"), "@ana"),
        ((None, None, None), NAMELESS),
        (("\u3164\u200b", "\u2800", None), NAMELESS),
        (("\ufe0f \u0301", None, None), NAMELESS),
        (("\u202egnp.exe", None, None), "gnp․exe"),
        (("t.me/x @spam", "/start https://a.b", None), "t․me/x ＠spam ∕start https∶//a.b"),
        (("J. R. R.", "O'Neil 3.14", None), "J. R. R. O'Neil 3․14"),
        (("👨\u200d👩\u200d👧", None, None), "👨\u200d👩\u200d👧"),
        (("x" * 70, None, None), "x" * 63 + "…"),
        (("a\0b\ud800c", "", ""), "abc"),
    ],
)
def test_how_a_member_is_called(parts: tuple[str | None, str | None, str | None], shown: str) -> None:
    assert display_name(*parts) == shown


def test_a_member_is_greeted_by_first_name() -> None:
    assert short_name("Ana", "Wei", "ana") == "Ana"
    assert short_name("\u3164", "Wei", "ana") == "Wei"
