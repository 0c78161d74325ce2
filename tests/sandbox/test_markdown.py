"""Both kinds of Markdown, against what the Bot API says of them."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from community.sandbox.errors import ApiError
from community.sandbox.formatting import formatted

Found = list[tuple[Any, ...]]


def read(text: str, mode: str = "MarkdownV2") -> tuple[str, Found]:
    plain, entities = formatted(text, mode, None)
    fields = ("type", "offset", "length", "url", "language", "custom_emoji_id")
    return plain, [tuple(entity[field] for field in fields if field in entity) for entity in entities]


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("*b _i_ __u__*", "b i u", [("bold", 0, 5), ("italic", 2, 1), ("underline", 4, 1)]),
        ("~s~ ||p|| `c\\`d`", "s p c`d", [("strikethrough", 0, 1), ("spoiler", 2, 1), ("code", 4, 3)]),
        ("```py\nx = 1```", "x = 1", [("pre", 0, 5, "py")]),
        ("```x```", "x", [("pre", 0, 1)]),
        ("[a](http://e.org/\\))", "a", [("text_link", 0, 1, "http://e.org/)")]),
        ("[a](nowhere)", "a", []),
        ("😀 *b* 1\\.5", "😀 b 1.5", [("bold", 3, 1)]),
        ("![👍](tg://emoji?id=53)", "👍", [("custom_emoji", 0, 2, "53")]),
        (">q\n>r\nn", "q\nr\nn", [("blockquote", 0, 4)]),
        (">q\n>r||", "q\nr", [("expandable_blockquote", 0, 3)]),
        ("**>q\n>r||\nn", "q\nr\nn", [("expandable_blockquote", 0, 4)]),
        ("_i\\__", "i_", [("italic", 0, 2)]),
        ("___u_**__", "u", [("italic", 0, 1), ("underline", 0, 1)]),
    ],
)
def test_markdown_v2(source: str, text: str, entities: Found) -> None:
    plain, found = read(source)
    assert (plain, sorted(found)) == (text, sorted(entities))


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1.5", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a > b", "Character '>' is reserved and must be escaped with the preceding '\\'"),
        ("wow!", "Character '!' is reserved and must be escaped with the preceding '\\'"),
        ("é *b", "Can't find end of Bold entity at byte offset 3"),
        ("```py\nx", "Can't find end of PreCode entity at byte offset 0"),
        ("[a](b", "Can't find end of a URL at byte offset 4"),
        ("___u___", "Can't find end of Italic entity at byte offset 6"),
        ("[a", "Can't find end of TextUrl entity at byte offset 0"),
        ("![a]", "The entity must contain a tg://emoji or tg://time URL"),
        ("![a](http://x.y)", "Invalid tg://emoji or tg://time URL specified"),
        (">*q\nn", "Can't find end of Bold entity at byte offset 1"),
    ],
)
def test_markdown_v2_refuses(source: str, error: str) -> None:
    with pytest.raises(ApiError) as refused:
        read(source)
    assert refused.value.description == f"Bad Request: can't parse entities: {error}"


def test_the_older_markdown() -> None:
    text, found = read("*b* _i_ `c` [l](http://x.org) a\\_b 1.5 ```x```", "Markdown")
    assert text == "b i c l a_b 1.5 x"
    assert [entity[0] for entity in found] == ["bold", "italic", "code", "text_link", "pre"]
    with pytest.raises(ApiError, match="Can't find end of the entity starting at byte offset 2"):
        read("a *b", "Markdown")


@given(st.text(alphabet="_*[]()~`>#+-=|{}.!\\\n\r aé😀", max_size=30), st.sampled_from(["MarkdownV2", "Markdown"]))
def test_any_text_is_read_or_refused(source: str, mode: str) -> None:
    try:
        text, found = read(source, mode)
    except ApiError:
        return
    length = len(text.encode("utf-16-le")) // 2
    assert all(0 <= offset < offset + size <= length for _, offset, size, *_ in found)


@given(st.text(max_size=30))
def test_escaped_text_comes_out_as_it_went_in(text: str) -> None:
    escaped = "".join(f"\\{each}" if each in "_*[]()~`>#+-=|{}.!\\" else each for each in text)
    assert read(escaped)[0] == text.strip()
