"""`sop links check`."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from community.bundle import Bundle
from community.check import PLAYBOOK_FILE, read_sources
from community.database.embedded import temporary_postgres
from community.errors import SopError
from community.playbook import Link, Playbook
from community.settings import load_settings
from community.yaml_source import parse
from deployments.cli.check import print_problems, what_is_lost
from deployments.cli.output import console, print_table
from tasks.words import count

DATABASE = "rehearsal"


def check_links(tokens: Sequence[str]) -> int:
    """Rehearse the links and print what became of each step; returns the exit code."""
    settings = load_settings()
    folder = settings.playbook_dir.absolute()
    sources = read_sources(folder)
    if print_problems(sources):
        return 1
    bundle = Bundle(sources.playbook, sources.copy)
    links, began = _named(bundle.playbook, tokens), time.monotonic()
    wrong = _rehearse(bundle, folder, links)
    for note in _untagged(bundle.playbook, folder):
        print(note)
    if lost := what_is_lost(settings):
        print(lost)
    told = count(wrong, "problem") if wrong else "all is fine"
    print(f"\n{count(len(links), 'link')} rehearsed in {time.monotonic() - began:.0f} s: {told}")
    return 1 if wrong else 0


def _rehearse(bundle: Bundle, folder: Path, links: Sequence[Link]) -> int:
    """Print the table; returns how many findings are problems."""
    from community.database.migrate import migrate  # brings SQLAlchemy, and the next one Telegram's library
    from deployments.rehearsal.rehearse import rehearse

    with temporary_postgres() as server:
        url = server.ensure_database(DATABASE)
        migrate(url)
        findings = asyncio.run(rehearse(url, bundle, folder, links, datetime.now(UTC)))
    rows = [(each.token, each.step, each.problem or ("ok" if each.reached else "not reached")) for each in findings]
    print_table(console(whole=True), "Entry links", ("token", "step", "result"), rows)
    return sum(each.problem is not None for each in findings)


def _named(playbook: Playbook, tokens: Sequence[str]) -> list[Link]:
    """The links of these tokens, or all. Raises SopError."""
    known = {link.token: link for link in playbook.links}
    if not known:
        raise SopError(f"{PLAYBOOK_FILE}: no entry links; write them under links:")
    if unknown := [token for token in tokens if token not in known]:
        raise SopError(f"{unknown[0]}: no such entry link under links: in the playbook; known: {', '.join(known)}")
    return [known[token] for token in dict.fromkeys(tokens or known)]


def _untagged(playbook: Playbook, folder: Path) -> Iterator[str]:
    """A line for each resource whose site is not told where its visitor came from."""
    document = parse((folder / PLAYBOOK_FILE).read_text(encoding="utf-8-sig"))
    for place, resource in enumerate(playbook.resources):
        if "utm_source" not in parse_qs(urlsplit(resource.url).query):
            line = document.line(("resources", place, "url"))
            yield (
                f"{folder.name}/{PLAYBOOK_FILE}:{line}: note: the url of {resource.key} has no utm_source; "
                "if that site is yours, add ?utm_source=… so that it knows its visitors"
            )
