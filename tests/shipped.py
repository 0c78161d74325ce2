"""The playbook and copy as shipped, read once a process. Whether they are right is asked by the tests of the check."""

from functools import cache
from pathlib import Path

from community.bundle import Bundle
from community.yaml_source import parse

TEMPLATES = Path(__file__).parents[1] / "templates"


@cache
def shipped_bundle() -> Bundle:
    """As `load_bundle` reads it, without its check, which takes seconds in a new process."""
    copy: dict[str, dict[str, str]] = {}
    for file in sorted((TEMPLATES / "copy").rglob("*.html")):
        locale, _, name = file.relative_to(TEMPLATES / "copy").with_suffix("").as_posix().partition("/")
        copy.setdefault(locale, {})[name] = file.read_text(encoding="utf-8")
    return Bundle(parse((TEMPLATES / "playbook.yaml").read_text(encoding="utf-8")).value, copy)
