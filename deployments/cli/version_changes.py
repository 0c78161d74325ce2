"""What a version changes for who is half-way, in words: of `sop publish --preview` and `sop rollback`."""

from collections.abc import Iterable, Iterator, Mapping

from community.outreach.publishing import Change
from community.playbook_stages import InFlight
from tasks.words import count


def print_changes(changes: Iterable[Change]) -> None:
    """What a version changes for who is half-way."""
    lines = [line for change in changes for line in _lines(change)]
    print("\n".join(f"  {line}" for line in lines or ["nothing changes for who is half-way"]))


def _lines(change: Change) -> Iterator[str]:
    yield f"{change.stage}: {count(change.members, 'member')} half-way, who {_MODES[change.mode]}"
    waits = change.waiting
    numbers = {
        "stay as they are": waits.kept,
        "get the new words": waits.reworded,
        f"are planned anew{_ASKED if change.asks else ''}": waits.anew,
        "are not sent": waits.dropped,
    }
    for what, number in numbers.items():
        if number:
            yield f"  waiting messages that {what}: {number:,}"
    yield from _steps("newly get", change.gains)
    yield from _steps("no longer get", change.loses)


_ASKED = ", after somebody's word, for which the next run asks"
_MODES = {
    None: "get nothing more: the stage is no more",
    InFlight.stay: "stay with the version they began with",
    InFlight.migrate: "go on by this version",
}


def _steps(what: str, steps: Mapping[str, int]) -> Iterator[str]:
    for step, number in sorted(steps.items()):
        yield f"  members who {what} {step}: {number:,}"
