"""HTML and entities without HTTP."""

import pytest
from hypothesis import given, strategies as st

from community.sandbox.errors import ApiError
from community.sandbox.formatting import formatted
from community.sandbox.reader import utf16

HTML = st.lists(st.sampled_from(["<b>", "</b>", "<a href='x'>", "</a>", "&lt;", "&", "<", ">", "😀", " ", "x", "/go"]))


def entity(kind: str, offset: int, length: int, **more: str) -> dict[str, object]:
    return {"type": kind, "offset": offset, "length": length, **more}


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("<b>a</b><i>😀</i>b", "a😀b", [entity("bold", 0, 1), entity("italic", 1, 2)]),
        ("  <b> x </b> ", "x", [entity("bold", 0, 1)]),
        ("a &lt;b&gt; &amp; &#33; &x", "a <b> & ! &x", []),
        ('<a href="https://e.org/?a=1&amp;b=2">l</a>', "l", [entity("text_link", 0, 1, url="https://e.org/?a=1&b=2")]),
        ("<b>a<i>b</i></b>", "ab", [entity("bold", 0, 2), entity("italic", 1, 1)]),
        ('<pre><code class="language-py">x</code></pre>', "x", [entity("pre", 0, 1, language="py")]),
        ("<tg-spoiler>s</tg-spoiler>", "s", [entity("spoiler", 0, 1)]),
        ('<span class="tg-spoiler">s</span>', "s", [entity("spoiler", 0, 1)]),
        ("<blockquote expandable>q</blockquote>", "q", [entity("expandable_blockquote", 0, 1)]),
        ("<b></b>x", "x", []),
        ("<code>/no</code> /yes", "/no /yes", [entity("code", 0, 3), entity("bot_command", 4, 4)]),
    ],
)
def test_html(source: str, text: str, entities: list[object]) -> None:
    assert formatted(source, "HTML", None) == (text, entities)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("a <x>b</x>", 'Unsupported start tag "x" at byte offset 2'),
        ("é<b>x</i>", 'Unmatched end tag at byte offset 6, expected "</b>", found "</i>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b x", "Unclosed start tag at byte offset 0"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
    ],
)
def test_broken_html(source: str, error: str) -> None:
    with pytest.raises(ApiError) as caught:
        formatted(source, "html", None)
    assert caught.value.description == f"Bad Request: can't parse entities: {error}"


def test_what_nobody_marked_is_found() -> None:
    _, entities = formatted("/start@b_bot #tag @someone a@b.org https://e.org/x. #1", "", None)
    assert [(e["type"], e["offset"]) for e in entities] == [
        ("bot_command", 0), ("hashtag", 13), ("mention", 18), ("email", 27), ("url", 35),
    ]  # fmt: skip


@given(HTML.map("".join))
def test_any_html_gives_entities_within_the_text_or_an_error(source: str) -> None:
    try:
        text, entities = formatted(source, "HTML", None)
    except ApiError:
        return
    assert all(e["length"] > 0 and e["offset"] + e["length"] <= utf16(text) for e in entities)
