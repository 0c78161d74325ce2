"""Which moments and people the steps of a stage may be about, where its audience knows several."""

from collections.abc import Iterator
from dataclasses import dataclass

from community.playbook_stages import Stage


@dataclass(frozen=True, slots=True)
class Asked:
    """What an audience understands. `timed`: how its steps may be timed, by the keys of a step."""

    moments: tuple[str, ...]
    who: tuple[str, ...]
    timed: tuple[str, ...]
    reserved: tuple[str, ...] = ()
    """Names that no step may have, as runs have them."""


ASKED = {
    "live_conversion": Asked(
        moments=("announce", "start", "end", "half", "close", "moved", "cancelled"),
        who=("everyone", "registered", "watched", "interested", "told"),
        timed=("after", "immediately"),
        reserved=("close", "result"),
    ),
}


def step_problems(name: str, stage: Stage) -> Iterator[tuple[int, str, str]]:
    """What is wrong with the stage's steps: the step's place, the key, what to do."""
    asked = ASKED.get(name)
    for place, step in enumerate(stage.steps if asked else ()):
        assert asked is not None
        if step.moment not in asked.moments:
            yield place, "moment", _one_of("moment", step.moment, asked.moments)
        if step.who not in asked.who:
            yield place, "who", _one_of("who", step.who, asked.who)
        if step.at is not None and "at" not in asked.timed:
            yield place, "at", "its moment is the same for everyone; give after: -1h instead of day and at"
        if step.name in asked.reserved:
            yield place, "name", f"{step.name} is a run of its own; name the step otherwise"


def _one_of(key: str, given: str | None, known: tuple[str, ...]) -> str:
    return f"{key}: {given or 'missing'}; give one of {', '.join(known)}"
