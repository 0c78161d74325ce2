"""Message copy: front matter, Jinja in its sandbox, and the buttons under a message."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from pydantic import model_validator

from community.playbook_types import Entry, Key
from community.telegram_html import isolated, showable
from community.yaml_source import Document, parse

Context = Mapping[str, Any]
_Text = Callable[[Context], str]

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_JINJA = re.compile(r"{[{%#]")
# These would let a member's text through unescaped, or write tags that Telegram refuses.
_UNSAFE_FILTERS = ("safe", "tojson", "urlize", "xmlattr", "pprint")
_REFUSED = {
    nodes.Include: "include",
    nodes.Extends: "extends",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.ScopedEvalContextModifier: "autoescape",
}


class ButtonCopy(Entry):
    """A button as written in front matter: its text, and one of what pressing it does."""

    text: str
    action: str | None = None
    """Comes back to the bot as callback data `action[:arg]:<message id>`."""
    link: str | None = None
    """Key of a resource or token of a tracked link."""
    url: str | None = None
    start: str | None = None
    """Start payload: opens the private chat with the bot."""
    each: Key | None = None
    """Name of a list: the button's row is there once for each `item` of it, or not at all."""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if sum(target is not None for target in (self.action, self.link, self.url, self.start)) != 1:
            raise ValueError("a button needs exactly one of action, link, url, start")
        return self


class FrontMatter(Entry):
    """What stands between the `---` lines of a message: rows of buttons; whether it goes under a picture or file."""

    buttons: tuple[tuple[ButtonCopy, ...], ...] = ()
    caption: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button: exactly one of `callback_data` (at most 64 bytes) and `url` is set."""

    text: str
    callback_data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to send: Telegram HTML, and rows of buttons."""

    text: str
    buttons: list[list[Button]]


@dataclass(frozen=True)
class CopySource:
    """One copy file taken apart. `body_line` is the line of the file at which the body starts."""

    front: Document
    body: str
    body_line: int


class Wording:
    """One compiled message in one locale.

    Raises YamlError, pydantic's ValidationError or jinja2's TemplateSyntaxError when the source is not valid.
    """

    def __init__(self, source: str) -> None:
        parts = split(source)
        self._buttons = Buttons(parts.front)
        self._text = _compile(HTML, parts.body.strip())

    def render(self, context: Context) -> Rendered:
        """Fill in `context`. Raises what Jinja raises, when something is missing."""
        return Rendered(self._text(context).strip(), [row for _, row in self._buttons.rows(context)])


class Buttons:
    """The compiled buttons of a message's front matter. Raises what `Wording` raises."""

    def __init__(self, front: Document) -> None:
        rows = FrontMatter.model_validate(front.value or {}).buttons
        self._rows = [(_each(row), [_button(copy) for copy in row]) for row in rows]

    def rows(self, context: Context) -> Iterator[tuple[int, list[Button]]]:
        """The rows of buttons, each with its number in the front matter: one with `each` comes any number of times."""
        for number, (each, buttons) in enumerate(self._rows):
            for item in [None] if each is None else context[each]:
                given = context if each is None else {**context, "item": item}
                yield number, [button(given) for button in buttons]


def split(source: str) -> CopySource:
    """Take a copy file apart. Raises YamlError when its front matter is not YAML."""
    match = _FRONT.match(source)
    if not match:
        return CopySource(Document(None, None), source, 1)
    return CopySource(parse(match[1]), source[match.end() :], source.count("\n", 0, match.end()) + 1)


def parse_template(environment: ImmutableSandboxedEnvironment, source: str) -> nodes.Template:
    """Parse, refusing what would get round escaping or needs other files. Raises TemplateSyntaxError."""
    template = environment.parse(source)
    for node in template.find_all(tuple(_REFUSED)):
        raise TemplateSyntaxError(f"{{% {_REFUSED[type(node)]} %}} is not allowed in message copy", node.lineno)
    return template


def _show(value: object) -> object:
    """Applied to every value that copy prints: nothing for None, no controls or direction overrides in text.

    Text from right to left is set apart, so that it does not turn what stands around it.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    shown = isolated(showable(value))
    return Markup(shown) if isinstance(value, Markup) else shown  # noqa: S704  escaped already


def _environment(autoescape: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=autoescape, undefined=StrictUndefined, finalize=_show, trim_blocks=True, lstrip_blocks=True
    )
    for name in _UNSAFE_FILTERS:
        del environment.filters[name]
    return environment


HTML = _environment(autoescape=True)
PLAIN = _environment(autoescape=False)
"""For button texts and addresses, which Telegram does not read as HTML."""


def _compile(environment: ImmutableSandboxedEnvironment, source: str) -> _Text:
    if not _JINJA.search(source):
        return lambda context: source
    return environment.from_string(parse_template(environment, source)).render


def _each(row: Sequence[ButtonCopy]) -> str | None:
    """The list by which a row is repeated."""
    return next((copy.each for copy in row if copy.each), None)


def _button(copy: ButtonCopy) -> Callable[[Context], Button]:
    text = _compile(PLAIN, copy.text)
    if copy.action is not None:
        action = _compile(PLAIN, copy.action)
        return lambda context: Button(text(context), callback_data=f"{action(context)}:{context['message_id']}")
    url = _url(copy)
    return lambda context: Button(text(context), url=url(context))


def _url(copy: ButtonCopy) -> _Text:
    target = _compile(PLAIN, copy.link or copy.url or copy.start or "")
    if copy.link is not None:
        return lambda context: str(context["link"](target(context)))
    if copy.start is not None:
        return lambda context: f"https://t.me/{context['bot']}?start={target(context)}"
    return target
