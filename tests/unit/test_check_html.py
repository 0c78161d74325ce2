"""Telegram's HTML: what it takes, and how long it is."""

from html import escape

import pytest
from hypothesis import given, strategies as st

from community.telegram_html import plain_text, problems, showable, utf16_length


@pytest.mark.parametrize(
    "html",
    [
        "plain & simple, 1 &lt; 2",
        "<b>a <i>b <u>c</u></i></b><s>d</s>",
        '<a href="https://a.example/?x=1&amp;y=2">link</a>',
        "<a href='tg://user?id=1'>me</a>",
        '<pre><code class="language-python">x = 1</code></pre>',
        '<span class="tg-spoiler">s</span><tg-spoiler>t</tg-spoiler>',
        "<blockquote expandable>long <b>quote</b></blockquote>",
        '<tg-emoji emoji-id="5368324170671202286">👍</tg-emoji>',
        "<B>case does not matter</b>",
        "",
    ],
)
def test_what_telegram_accepts_has_no_problem(html: str) -> None:
    assert problems(html) == []


@pytest.mark.parametrize(
    ("html", "what"),
    [
        ("<b>a", "never closed"),
        ("a</b>", "closes nothing"),
        ("<b><i>a</b></i>", "<i> must be closed before </b>"),
        ("<br>", "not a tag Telegram accepts"),
        ("<b/>", "bare '<'"),
        ("I <3 you", "bare '<'"),
        ("<!-- x -->", "bare '<'"),
        ("<a>x</a>", "wrong attributes"),
        ('<a href="">x</a>', "empty href"),
        ('<a href="x" onclick="y">x</a>', "wrong attributes"),
        ('<b class="x">x</b>', "wrong attributes"),
        ('<span class="red">x</span>', "tg-spoiler"),
        ("<code>a <b>b</b></code>", "no effect inside <code>"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "cannot be inside another"),
        ("&hellip;", "shown as typed"),
        ("&#0;", "shown as typed"),
    ],
)
def test_what_telegram_refuses_or_drops_is_named(html: str, what: str) -> None:
    assert any(what in problem for problem in problems(html)), problems(html)


@given(st.text())
def test_escaped_text_is_valid_and_reads_as_before(text: str) -> None:
    assert problems(escape(text)) == []
    assert plain_text(escape(text)) == text


@given(st.text(st.characters(codec="utf-8")))
def test_length_is_counted_in_utf16(text: str) -> None:
    assert utf16_length(text) == len(text.encode("utf-16-le")) // 2


def test_length_leaves_out_tags_and_counts_entities_once() -> None:
    assert utf16_length(plain_text('<a href="https://long.example/">a</a> &amp; <b>😀</b>')) == 6


@given(st.text(st.characters()))
def test_showable_text_can_be_sent_and_is_stable(text: str) -> None:
    shown = showable(text)
    shown.encode()
    assert "\0" not in shown
    assert showable(shown) == shown
