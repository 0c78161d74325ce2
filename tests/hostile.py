"""What nobody well-meaning sends: texts of every hostile kind, and updates bent out of shape."""

from collections.abc import Callable, Container, Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.integration import telegram_kit as kit

JSON = dict[str, Any]
Path = tuple[str | int, ...]

TEXTS: dict[str, str] = {
    "html": "</b></a><script>alert(1)</script><b",
    "entities": "&lt;b&gt; &#60;i&#62; &hellip; &#0; &",
    "jinja": "{{ 7*7 }}{% for x in y %}{# {{ member.__class__ }}",
    "sql": "'; DROP TABLE members;-- \\' OR 1=1 %s %(id)s",
    "shell": "$(reboot) `id` ; rm -rf / | \n\r",
    "markup": "[bold red]x[/] [link=file:///etc/passwd]y[/link] :bomb:",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m\b\b\r",
    "overrides": "\u202egnp.exe\u2066\u2067\u2068 \u061c\u200f",
    "rtl": "עברית، العربية 12",
    "four_bytes": "𝕏👨\u200d👩\u200d👧🏴" * 20,
    "nul": "a\0b\\u0000",
    "surrogates": "\ud800x\udfff\udbff",
    "invisible": "\u3164\u200b\u2800\ufeff",
    "marks": "Z" + "\u0301\u0336" * 200,
    "long": "<&😀 " * 2_500,
    "one_word": "W" * 10_000,
    "formula": "=cmd|'/c calc'!A0",
    "path": "../../etc/passwd",
    "address": "javascript:alert(1)//https://t.me/+x",
    "lines": "a\nb\r\nc\u2028d",
    "empty": "",
}
"""One of each kind, by kind; `long` and `one_word` have 10,000 characters."""

texts: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(list(TEXTS.values())),
    st.text(st.characters(), max_size=80),  # lone surrogates among them
    st.text("<>&\"'`{}%#\\/[]:ab\u202e\u2066\u200d\0\x1b\nא😀", max_size=80),
)


def nested(levels: int) -> list[Any]:
    """A list in a list in a list …"""
    inner: list[Any] = []
    for _ in range(levels):
        inner = [inner]
    return inner


wrong_values: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, True, 0, -1, 7, 2**31, 2**53, 2**63, -(2**63) - 1, 10**300, 1.5, -0.0, 1e308]),
    st.sampled_from([float("inf"), float("nan"), [], {}, [[]], {"id": 5}, [None], [{}], {"": {"": ""}}, "17"]),
    st.builds(nested, st.sampled_from([20, 95, 300])),
    texts,
).map(deepcopy)

CHANNEL = {"id": -1009, "type": "channel", "title": "News"}
ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
SEEDS: dict[str, Callable[[], JSON]] = {
    "private text": lambda: kit.private("hi"),
    "start": lambda: kit.private("/start partner-a"),
    "wish": lambda: kit.private("我的数据"),
    "group text": lambda: kit.group_message("hi"),
    "joined": lambda: kit.group_message(None, new_chat_members=[kit.user()]),
    "topic": lambda: kit.group_message("hi", message_thread_id=5, is_topic_message=True),
    "channel": lambda: kit.group_message("post", kit.user(777000), sender_chat=CHANNEL),
    "anonymous": lambda: kit.group_message("order", ANONYMOUS, sender_chat=kit.CLUB),
    "migrated": lambda: kit.group_message(None, migrate_to_chat_id=-1002),
    "migrated from": lambda: kit.group_message(None, migrate_from_chat_id=-1003),
    "paid": lambda: kit.paid(),
    "paid back": lambda: kit.paid(field="refunded_payment"),
    "checkout": lambda: kit.checkout(),
    "button": lambda: kit.press("problem:price:1"),
    "gate button": lambda: kit.press("gate:no:1"),
    "join request": lambda: kit.join_request(link="partner-a"),
    "arrival": kit.chat_member,
    "departure": lambda: kit.chat_member(was="member", now="left"),
    "bot added": lambda: kit.my_chat_member("left", "administrator"),
    "bot removed": lambda: kit.my_chat_member("administrator", "kicked"),
    "bot blocked": lambda: kit.my_chat_member("member", "kicked", {"id": kit.ANN, "type": "private"}),
    "reaction": lambda: kit.reaction(["👍"]),
}
"""One well-formed update of each kind that is asked for, and of each sort of message."""


def paths(value: Any, here: Path = ()) -> Iterator[Path]:
    """Where in `value` something could be changed."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*here, key)
        yield from paths(part, (*here, key))


def bend(draw: st.DrawFn, whole: Any, keep: Container[Path] = ()) -> Any:
    """A copy of `whole` with one to three of its parts dropped, retyped, made hostile or added; not those of `keep`."""
    whole = deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        found = [path for path in paths(whole) if path not in keep]
        if not found:
            break
        *way, last = draw(st.sampled_from(found))
        holder: Any = whole
        for key in way:
            holder = holder[key]
        match draw(st.sampled_from(["drop", "retype", "retype", "text", "add"])):
            case "drop":
                del holder[last]
            case "retype":
                holder[last] = draw(wrong_values)
            case "text":
                holder[last] = draw(texts)
            case _ if isinstance(holder, dict):
                holder[draw(st.sampled_from(["", "__class__", "hologram", "from", "\ud800"]))] = draw(wrong_values)
    return whole


@st.composite
def bent(draw: st.DrawFn) -> JSON:
    """An update out of shape; its number stays."""
    update: JSON = bend(draw, SEEDS[draw(st.sampled_from(sorted(SEEDS)))](), keep=[("update_id",)])
    return update if len(update) > 1 else {**update, "message": None}
