"""The check of a playbook folder: every problem at once, each with file and line."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from os.path import isdir
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from community.check_copy import CopyCheck
from community.check_experiments import experiment_problems
from community.check_offers import offer_problems, title_problems
from community.check_pages import page_problems
from community.check_reports import report_problems
from community.copy_contexts import RESERVED_FOLDERS, needed_copy
from community.playbook import Playbook
from community.playbook_types import Entry
from community.stage_moments import step_problems
from community.yaml_source import Document, YamlError, parse

PLAYBOOK_FILE = "playbook.yaml"
COPY_FOLDER = "copy"

_Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong, where, and what to do. `file` starts with the folder's name, `line` counts from 1."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass
class Sources:
    """What was read from a playbook folder, as far as it could be, and every problem with it."""

    playbook: dict[str, Any] = field(default_factory=dict)
    copy: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def check_folder(folder: Path) -> list[Problem]:
    """Every problem of the playbook and copy under `folder`, by file and line; empty when it can be published."""
    return read_sources(folder).problems


def read_sources(folder: Path) -> Sources:
    """Read and check `playbook.yaml` and `copy/<locale>/**/*.html` under `folder`."""
    sources = Sources()
    playbook = _read_playbook(folder, sources)
    _read_copy(folder, sources)
    for locale, files in sources.copy.items():
        for template, source in files.items():
            found = CopyCheck(template, locale, source, playbook).problems()
            _report(sources, _copy_file(folder, locale, template), folder, found)
    if playbook:
        sources.problems.extend(_misplaced_copy(folder, playbook, sources.copy))
        pages = [*page_problems(folder, playbook), *report_problems(folder, playbook)]
        sources.problems.extend(Problem(f"{folder.name}/{file}", line, message) for file, line, message in pages)
    sources.problems.sort()
    return sources


def _report(sources: Sources, file: Path, folder: Path, found: Iterable[tuple[int, str]]) -> None:
    name = file.relative_to(folder.parent).as_posix()
    sources.problems.extend(Problem(name, line, message) for line, message in found)


def _read_text(file: Path, sources: Sources, folder: Path) -> str | None:
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        _report(sources, file, folder, [(1, f"cannot be read ({error.strerror}); put the file there")])
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _report(sources, file, folder, [(line, "is not UTF-8 text; save the file as UTF-8")])
    else:
        if "\0" not in text:
            return text
        _report(sources, file, folder, [(text[: text.index("\0")].count("\n") + 1, "holds a NUL byte; remove it")])
    return None


def _read_playbook(folder: Path, sources: Sources) -> Playbook | None:
    file = folder / PLAYBOOK_FILE
    if (text := _read_text(file, sources, folder)) is None:
        return None
    try:
        document = parse(text)
    except YamlError as error:
        _report(sources, file, folder, [(error.line, f"{error.message}; correct the YAML there")])
        return None
    twice = [(line, f"{key} is written twice; remove one") for line, key in document.duplicates()]
    _report(sources, file, folder, twice)
    return _validated(file, document, sources, folder)


def _validated(file: Path, document: Document, sources: Sources, folder: Path) -> Playbook | None:
    try:
        playbook = Playbook.model_validate(document.value)
    except ValidationError as error:
        found = [(document.line(detail["loc"]), _explain(detail)) for detail in error.errors()]
        _report(sources, file, folder, found)
        return None
    sources.playbook = document.value
    crossed = [(document.line(path), message) for path, message in _cross_problems(playbook)]
    _report(sources, file, folder, crossed)
    return playbook


def _explain(detail: ErrorDetails) -> str:
    *parents, key = detail["loc"] or ("the playbook",)
    where = ".".join(map(str, [*parents, key])).removesuffix(".[key]")
    match detail["type"]:
        case "extra_forbidden":
            return f"{where}: unknown key; {_suggestion(str(key))}"
        case "missing":
            return f"{where}: missing; add it"
        case "value_error":
            return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
    return f"{where}: {detail['msg'][:1].lower()}{detail['msg'][1:]}, not {detail['input']!r:.60}; correct it"


def _suggestion(key: str) -> str:
    names = {info.alias or name for entry in Entry.__subclasses__() for name, info in entry.model_fields.items()}
    close = get_close_matches(key, names, 1)
    return f"did you mean {close[0]}?" if close else "remove it (docs/playbook.md lists the keys)"


def _cross_problems(playbook: Playbook) -> Iterator[tuple[_Path, str]]:
    """What spans several parts of the playbook, each with the path it stands at."""
    yield from _repeated(("resources",), "key", [resource.key for resource in playbook.resources])
    yield from _repeated(("links",), "token", [link.token for link in playbook.links])
    yield from _repeated(("gate", "questions"), "key", [question.key for question in playbook.gate.questions])
    for name, stage in playbook.stages.items():
        yield from _repeated(("stages", name, "steps"), "name", [step.name for step in stage.steps])
        if name in RESERVED_FOLDERS:
            yield ("stages", name), f"{name} is a folder of the bot's own copy; name the stage otherwise"
        for place, key, what in step_problems(name, stage):
            yield ("stages", name, "steps", place, key), what
    for index, link in enumerate(playbook.links):
        if playbook.resource(link.token):
            yield ("links", index, "token"), f"{link.token} is also a resource's key; name one of them otherwise"
    for index, resource in enumerate(playbook.resources):
        yield from title_problems(("resources", index), resource.title, playbook.community.locales)
    yield from offer_problems(playbook)
    yield from experiment_problems(playbook)
    if playbook.caps.per_week < playbook.caps.per_day:
        yield ("caps", "per_week"), "per_week is less than per_day; raise it or lower per_day"
    if (locale := playbook.group_defaults.locale) and locale not in playbook.community.locales:
        yield ("group_defaults", "locale"), f"{locale} is not in community.locales; add it there"


def _repeated(path: _Path, key: str, values: list[str]) -> Iterator[tuple[_Path, str]]:
    for value, count in Counter(values).items():
        if count > 1:
            last = len(values) - 1 - values[::-1].index(value)
            yield (*path, last, key), f"{key} {value} is used {count} times; each must be different"


def _copy_file(folder: Path, locale: str, template: str) -> Path:
    return folder / COPY_FOLDER / locale / f"{template}.html"


def _read_copy(folder: Path, sources: Sources) -> None:
    root = folder / COPY_FOLDER
    for file in sorted(root.rglob("*.html")) if isdir(root) else ():
        locale, _, template = file.relative_to(root).with_suffix("").as_posix().partition("/")
        if (text := _read_text(file, sources, folder)) is not None:
            sources.copy.setdefault(locale, {})[template] = text


def _misplaced_copy(folder: Path, playbook: Playbook, copy: dict[str, dict[str, str]]) -> Iterator[Problem]:
    """Copy that is missing in a locale, and copy that nothing sends."""
    needed, locales = set(needed_copy(playbook)), playbook.community.locales
    wanted = {(locale, template) for locale in locales for template in needed}
    there = {(locale, template) for locale, files in copy.items() for template in files}
    for locale, template in wanted ^ there:
        name = _copy_file(folder, locale, template).relative_to(folder.parent).as_posix()
        if (locale, template) in wanted:
            yield Problem(name, 1, f"missing copy: {template} in {locale}; write this file")
        else:
            yield Problem(name, 1, "nothing in the playbook sends this; remove or rename the file")
