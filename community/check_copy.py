"""The check of one message copy: what Jinja or Telegram would refuse at send time, with the line it stands on."""

import re
import traceback
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from jinja2 import ChainableUndefined, Template, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import ValidationError

from community.copy_contexts import ACTIONS, SCORES, context_of, smallest, standard_context
from community.copy_samples import link_keys, sample_link, sample_moment, sample_page
from community.live_actions import read_live
from community.playbook import Playbook
from community.setup_actions import read_setup
from community.step_copy import told_as
from community.telegram_html import CAPTION_LIMIT, MESSAGE_LIMIT, find_problems, plain_text, utf16_length
from community.wording import HTML, PLAIN, Button, Buttons, CopySource, FrontMatter, parse_template, split
from community.yaml_source import YamlError

Found = tuple[int, str]
"""A line of the file, and what is wrong there."""

_MOMENTS = {"moment": sample_moment, "day": sample_moment}
SAME = 512
"""Copies kept compiled: each is rendered with several samples."""
SAME_TEXTS = 2048
"""Texts kept parsed, of bodies and buttons: who checks again has changed a few of them."""

_MARK = re.compile("\ue000([0-9]+)\ue001")
_START = re.compile(r"https://t\.me/\w+\?start=([A-Za-z0-9_-]{1,64}$)?")
_CALLBACK = re.compile(r"([a-z_]+)(?::([A-Za-z0-9_-]+))?:[0-9]+")


class _Placeholder(ChainableUndefined):
    """Stands where a name is wrong, so that the rest of the copy can be checked too."""

    def __str__(self) -> str:
        return "x"


_LENIENT = HTML.overlay(undefined=_Placeholder)


@dataclass(frozen=True)
class CopyCheck:
    """Checks one copy file. `playbook` is None when it is not valid itself; then fewer things can be known."""

    template: str
    locale: str
    source: str
    playbook: Playbook | None

    def problems(self) -> list[Found]:
        """Everything wrong with it, in order of lines."""
        try:
            parts = _parts(self.source)
        except YamlError as error:
            return [(error.line + 1, f"{error.message}; correct the lines between the --- lines")]
        front, names = [*_front_problems(parts)], [*self._names(parts)]
        rendered = [] if front else self._rendered_problems(parts, _LENIENT if names else HTML)
        return sorted({*front, *names, *rendered})

    def _samples(self) -> list[dict[str, Any]]:
        given = context_of(told_as(self.playbook, self.template))
        own = standard_context(self.playbook, self.locale) if self.playbook else _UNKNOWN_PLAYBOOK
        link = {"link": partial(sample_link, self.playbook), "page": sample_page, **_MOMENTS} if given else {}
        return [{**given, **own, **link}, {**smallest(given), **own, "resources": [], **link}]

    def _names(self, parts: CopySource) -> Iterator[Found]:
        """Jinja mistakes, undeclared names, unknown attributes and link keys: in the body and in each button."""
        sample = self._samples()[0]
        for line, environment, text, each in _jinja_texts(parts):
            if each is not None and not isinstance(sample.get(each), list):
                lists = [name for name, value in sample.items() if isinstance(value, list)]
                yield line, f"each: {each} is no list here; use one of {', '.join(sorted(lists))}"
                continue
            given = sample if each is None else {**sample, "item": next(iter(sample[each]), {})}
            try:
                parsed = _parsed(environment, text)
                found = [*_undeclared(parsed, given), *_unknown_links(parsed, self.playbook)]
            except TemplateSyntaxError as error:
                found = [(error.lineno, f"{error.message}; correct the Jinja expression")]
            yield from ((line + offset - 1, message) for offset, message in found)

    def _rendered_problems(self, parts: CopySource, environment: ImmutableSandboxedEnvironment) -> Iterator[Found]:
        """What shows only when it is rendered; with the lenient environment, what is sure in spite of bad names."""
        for sample in self._samples():
            try:
                yield from self._text_problems(parts, sample, environment)
                yield from self._button_problems(parts, sample)
            except Exception as error:  # copy may raise anything
                if environment is HTML:
                    yield parts.body_line + _failing_line(error) - 1, f"cannot be rendered: {error}; correct the copy"

    def _text_problems(
        self, parts: CopySource, sample: Mapping[str, Any], environment: ImmutableSandboxedEnvironment
    ) -> Iterator[Found]:
        html, lines = _render_with_lines(parts, sample, environment)
        for problem in find_problems(html):
            yield lines[bisect_right(lines, (problem.offset, 1 << 30)) - 1][1], problem.message
        text = plain_text(html).strip()
        limit = CAPTION_LIMIT if (parts.front.value or {}).get("caption") else MESSAGE_LIMIT
        if (length := utf16_length(text)) > limit:
            yield parts.body_line, f"up to {length} characters as Telegram counts; the limit is {limit}, shorten it"
        if not text:
            yield parts.body_line, "the message is empty; Telegram refuses it, write some text"

    def _button_problems(self, parts: CopySource, sample: Mapping[str, Any]) -> Iterator[Found]:
        for row, buttons in _buttons(self.source).rows(sample):
            if len(buttons) > 8:
                yield _front_line(parts, ("buttons", row)), "more than 8 buttons in a row; start another row"
            for column, button in enumerate(buttons):
                line = _front_line(parts, ("buttons", row, column))
                yield from ((line, message) for message in self._button(button))

    def _button(self, button: Button) -> Iterator[str]:
        if not button.text.strip() or utf16_length(button.text) > 64:
            yield "button text must have 1 to 64 characters"
        if button.callback_data is not None:
            yield from self._action(button.callback_data)
        elif _START.match(button.url or "") and not _START.fullmatch(button.url or ""):
            yield "a start payload has 1 to 64 of A-Z a-z 0-9 _ -"
        elif not re.fullmatch(r"(https?|tg)://[^\s]+", button.url or ""):
            yield f"{button.url!r} is not an address a button can open; write https://…"

    def _action(self, data: str) -> Iterator[str]:
        if (size := len(data.encode())) > 64:
            yield f"action too long: {size} bytes with the message id, Telegram takes 64; shorten it"
        match = _CALLBACK.fullmatch(data)
        if not match or match[1] not in ACTIONS:
            yield f"action must be one of {', '.join(ACTIONS)}, with an argument after a colon where it needs one"
            return
        if ACTIONS[match[1]] not in (None, match[2] is not None):
            yield f"action {match[1]} {'needs an argument after a colon' if ACTIONS[match[1]] else 'takes no argument'}"
            return
        if match[1] == "setup" and match[2] and self.playbook:
            if read_setup(match[2], self.playbook.community.locales) is None:
                what = match[2].partition("_")[2] or match[2]
                yield f"{what} is nothing that can be set up; see the action setup in docs/playbook.md"
            return
        if match[1] == "live" and read_live(match[2] or "") is None:
            yield f"live:{match[2]} is no wish about a session; write live:register_{{{{ live.id }}}} or live:ask_…"
            return
        known = _arguments(self.playbook, self.template).get(match[1]) if self.playbook and match[2] else None
        if known is not None and match[2] not in known:
            yield f"{match[1]}:{match[2]} is not in the playbook; known: {', '.join(known) or 'none'}"


_UNKNOWN_PLAYBOOK = {"community": {"name": "x" * 255}, "resources": [{"key": "key", "title": "x" * 255}] * 3}


def _front_line(parts: CopySource, path: tuple[str | int, ...]) -> int:
    """Front matter starts on the second line of the file."""
    return parts.front.line(path) + 1


def _front_problems(parts: CopySource) -> Iterator[Found]:
    for line, key in parts.front.duplicates():
        yield line + 1, f"{key} is written twice; remove one"
    try:
        FrontMatter.model_validate({} if parts.front.value is None else parts.front.value)
    except ValidationError as error:
        for detail in error.errors():
            message = detail["msg"].removeprefix("Value error, ")
            yield _front_line(parts, detail["loc"]), f"{'.'.join(map(str, detail['loc']))}: {message}"


def _jinja_texts(parts: CopySource) -> Iterator[tuple[int, ImmutableSandboxedEnvironment, str, str | None]]:
    """Every text with Jinja in it: its line in the file, its environment, the text, the list that its row repeats."""
    yield parts.body_line, HTML, parts.body, None
    rows = parts.front.value.get("buttons") if isinstance(parts.front.value, dict) else None
    for row, buttons in enumerate(rows if isinstance(rows, list) else []):
        written = [button for button in buttons if isinstance(button, dict)] if isinstance(buttons, list) else []
        each = next((str(button["each"]) for button in written if button.get("each")), None)
        for column, button in enumerate(buttons if isinstance(buttons, list) else []):
            for key, text in button.items() if isinstance(button, dict) else ():
                line = _front_line(parts, ("buttons", row, column, key))
                if isinstance(text, str):
                    yield line, PLAIN, text, each
                if isinstance(text, str) and key == "link" and "{" not in text:
                    yield line, PLAIN, f"{{{{ link({text!r}) }}}}", each


@lru_cache(maxsize=SAME)
def _parts(source: str) -> CopySource:
    return split(source)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """What a text with Jinja in it asks for: the names that it does not set itself, attributes, calls."""

    free: Sequence[nodes.Name]
    accesses: Sequence[nodes.Getattr]
    calls: Sequence[nodes.Call]


@lru_cache(maxsize=SAME_TEXTS)
def _parsed(environment: ImmutableSandboxedEnvironment, text: str) -> _Parsed:
    tree = parse_template(environment, text)
    free = meta.find_undeclared_variables(tree)
    names = [name for name in tree.find_all(nodes.Name) if name.name in free and name.ctx == "load"]
    return _Parsed(names, [*tree.find_all(nodes.Getattr)], [*tree.find_all(nodes.Call)])


def _undeclared(parsed: _Parsed, sample: Mapping[str, Any]) -> Iterator[Found]:
    for name in parsed.free:
        if name.name not in sample and name.name not in HTML.globals:
            yield name.lineno, f"{name.name} is not known here; use one of {', '.join(sorted(sample))}"
    for access in parsed.accesses:
        known = sample.get(access.node.name) if isinstance(access.node, nodes.Name) else None
        if isinstance(known, dict) and access.attr not in known:
            owner = access.node.name if isinstance(access.node, nodes.Name) else ""
            yield access.lineno, f"{owner} has no {access.attr}; it has {', '.join(known)}"


def _unknown_links(parsed: _Parsed, playbook: Playbook | None) -> Iterator[Found]:
    known = link_keys(playbook) if playbook else None
    for call in parsed.calls:
        named = isinstance(call.node, nodes.Name) and call.node.name == "link" and call.args
        if named and isinstance(call.args[0], nodes.Const) and known is not None and call.args[0].value not in known:
            yield call.lineno, f"link {call.args[0].value!r} is not in the playbook; known: {', '.join(sorted(known))}"


def _render_with_lines(
    parts: CopySource, sample: Mapping[str, Any], environment: ImmutableSandboxedEnvironment
) -> tuple[str, list[tuple[int, int]]]:
    """The text, and where in it each line of the file begins: (offset, line), in order."""
    marked = _with_marks(environment, parts.body).render(sample)
    lines, removed = [(0, parts.body_line)], 0
    for mark in _MARK.finditer(marked):
        lines.append((mark.start() - removed, int(mark[1]) + parts.body_line - 1))
        removed += len(mark[0])
    return _MARK.sub("", marked), lines


@lru_cache(maxsize=SAME)
def _with_marks(environment: ImmutableSandboxedEnvironment, body: str) -> Template:
    """The text as a template that prints the number of each line before it."""
    tree = parse_template(environment, body)
    for data in tree.find_all(nodes.TemplateData):
        pieces = data.data.split("\n")
        data.data = "\n".join(f"\ue000{data.lineno + index}\ue001{piece}" for index, piece in enumerate(pieces))
    return environment.from_string(tree)


@lru_cache(maxsize=SAME)
def _buttons(source: str) -> Buttons:
    return Buttons(_parts(source).front)


def _failing_line(error: Exception) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == "<template>"), 1)


def _arguments(playbook: Playbook, template: str) -> dict[str, tuple[str, ...]]:
    """The arguments that an action may carry, for actions whose arguments the playbook lists."""
    choices = [question.choices for question in playbook.gate.questions if question.template == template]
    return {
        "problem": playbook.problem.choices,
        "nps": tuple(map(str, SCORES)),
        "language": playbook.community.locales,
        **({"gate": choices[0]} if choices else {}),
    }
