"""Which moments and people the steps of a stage may be about, and how they may be timed: as its audience reads them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from community.playbook_stages import Stage, Step

LOCAL, EXACT = ("at",), ("after", "immediately")
"""How a step may be timed: by a day and the member's clock, or exactly."""
ANY_DAY = range(-3650, 3651)
NONE, ANY_NUMBER = range(1), range(1000)
"""How many `plans` a step may name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What steps of one moment may be. `who` holds None where a step without one is for all."""

    who: tuple[str | None, ...] = (None,)
    timed: tuple[str, ...] = LOCAL
    days: range = ANY_DAY
    every: bool = False
    plans: range = NONE


_LIVE = Asked(who=("everyone", "registered", "watched", "interested", "told"), timed=EXACT)
_SILENCE = Asked(who=("free", "holder", None), days=range(1, 3651))
_AFTERWARDS = range(3651)

ASKED: Mapping[str, Mapping[str | None, Asked]] = {
    "welcome_drip": {None: Asked(timed=("at", "immediately"), days=_AFTERWARDS)},
    "member_care": {
        "coverage": Asked(who=("paying",), timed=LOCAL + EXACT, days=_AFTERWARDS, every=True),
        "month": Asked(who=("paying",), days=range(1, 29)),
        "mid_term": Asked(who=("repeating",), timed=LOCAL + EXACT, every=True, plans=range(2, 3)),
        "entered": Asked(who=("free",), timed=LOCAL + EXACT, days=_AFTERWARDS, every=True, plans=range(1, 2)),
    },
    "dormancy_reactivation": {"silent": _SILENCE, "unspoken": _SILENCE},
    "renewal_reminders": {None: Asked(plans=ANY_NUMBER)},
    "live_conversion": dict.fromkeys(("announce", "start", "end", "half", "close", "moved", "cancelled"), _LIVE),
}
"""Stage → moment → what its steps may be; the moment None is that of a stage that knows but one."""
RESERVED = {"live_conversion": ("close", "result")}
"""Names that no step may have, as runs have them."""


def step_problems(name: str, stage: Stage) -> Iterator[tuple[int, str, str]]:
    """What is wrong with the stage's steps: the step's place, the key, what to do."""
    known = ASKED.get(name)
    for place, step in enumerate(stage.steps if known else ()):
        assert known is not None
        if asked := known.get(step.moment):
            yield from ((place, key, what) for key, what in _of_moment(step, asked))
        else:
            yield place, "moment", _one_of("moment", step.moment, known)
        if step.name in RESERVED.get(name, ()):
            yield place, "name", f"{step.name} is a run of its own; name the step otherwise"


def _of_moment(step: Step, asked: Asked) -> Iterator[tuple[str, str]]:
    if step.who not in asked.who:
        yield "who", _one_of("who", step.who, asked.who)
    if (timed := _timed(step)) not in asked.timed:
        yield timed, _otherwise_timed(timed, asked)
    elif step.at is not None and step.day not in asked.days:
        yield "day", f"day: {step.day}; give {asked.days[0]} to {asked.days[-1]}"
    if step.every and not asked.every:
        yield "every", "every: such a step comes once for each reason; remove it"
    if len(step.plans) not in asked.plans:
        yield "plans", _number_of_plans(step, asked)


def _timed(step: Step) -> str:
    return "immediately" if step.immediately else "at" if step.at is not None else "after"


def _otherwise_timed(timed: str, asked: Asked) -> str:
    if timed == "at":
        return "its moment is the same for everyone; give after: -1h instead of day and at"
    instead = " or immediately: true" if "immediately" in asked.timed else ""
    return f"{timed}: such a step comes by the member's own clock; give day and at: HH:MM{instead} instead"


def _number_of_plans(step: Step, asked: Asked) -> str:
    given = ", ".join(step.plans) or "missing"
    match asked.plans.stop:
        case 1:
            return f"plans: {given}; such a step is for whatever plan; remove it"
        case 2:
            return f"plans: {given}; give the one that is offered"
    return f"plans: {given}; give two: the one that is held and the one that is offered"


def _one_of(key: str, given: str | None, known: Iterable[str | None]) -> str:
    names = [each for each in known if each]
    if not names:
        why = "the stage has but one" if key == "moment" else "such a step is for all of its members"
        return f"{key}: {given}; {why}; remove it"
    or_none = ", or none for all" if None in known else ""
    return f"{key}: {given or 'missing'}; give one of {', '.join(names)}{or_none}"
