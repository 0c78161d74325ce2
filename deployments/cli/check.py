"""`sop check`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from community.check import Sources, read_sources
from community.outreach.statements import AUDIENCES
from community.outreach.welcome import STAGE as WELCOME
from community.settings import Mode, Settings, load_settings
from deployments.cli.output import one_line
from tasks.words import count

NO_PUBLIC_URL = (
    "SOP_PUBLIC_URL is not set, so: links in messages are direct and their clicks are not counted; entry links are "
    "t.me/…?start= addresses; Telegram is polled instead of calling a webhook. "
    "Set it to the gateway's public https address."
)

NO_LIBRARY = "Nor can the library be kept to who holds a plan: whoever has a link opens it, also when the plan is over."


def check(folder: Path | None) -> int:
    """Print every problem of the folder; returns the exit code."""
    settings = load_settings()
    sources = read_sources((folder or settings.playbook_dir).absolute())
    problems = print_problems(sources)
    if lost := what_is_lost(settings):
        print(lost)
        if any(plan.get("library") for plan in sources.playbook.get("plans", {}).values()):
            print(NO_LIBRARY)
    if problems:
        return 1
    print(f"playbook and {count(sum(map(len, sources.copy.values())), 'message')} are fine")
    return 0


def print_problems(sources: Sources) -> int:
    """Print every problem of what was read, one a line; returns how many."""
    problems = [*map(str, sources.problems), *without_audience(sources.playbook), *_without_welcome(sources.playbook)]
    for problem in problems:
        print(one_line(problem))
    return len(problems)


def without_audience(playbook: Mapping[str, Any]) -> list[str]:
    """A line for each stage that no audience belongs to: it would fail at its first run."""
    return [
        f"stages.{name}: no audience; write community/outreach/audiences/{name}.sql, or correct the stage's name"
        for name in playbook.get("stages", {})
        if not (AUDIENCES / f"{name}.sql").exists()
    ]


def _without_welcome(playbook: Mapping[str, Any]) -> list[str]:
    """A line if the stage is missing that admissions begin: nobody could be let in."""
    if not playbook or WELCOME in playbook.get("stages", {}):
        return []
    return [f"stages: {WELCOME} is missing, and nobody can be admitted without; to send nothing, enabled: false in it"]


def what_is_lost(settings: Settings) -> str | None:
    """What a bot without a public address goes without; None where nothing is lost."""
    return NO_PUBLIC_URL if settings.effective_mode is Mode.real and settings.public_url is None else None
