"""What each stage promises of its own accord: when a message is due and expired, and what makes it superfluous."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from community.playbook_stages import Step
from tests.interleavings.chronicle import Chronicle, Stage, Window, local_day, moment
from tests.interleavings.facts import Person, Term, Times, utc_day

REMEMBERED = timedelta(days=3)
"""For how long before an offer a purchase makes it superfluous."""
ONE_DAY = timedelta(days=1)
FOREVER = timedelta(days=36_500)


def _windows(person: Person, of_zone: Callable[[str], Window]) -> Window:
    """The widest window over all zones the person ever had."""
    windows = [of_zone(zone) for zone in person.zones]
    return min(first for first, _ in windows), max(gone for _, gone in windows)


def _at(step: Step, zone: str, day: date) -> Window:
    assert step.at is not None
    due = moment(zone, day, step.at)
    return due, due + step.expires_after


# welcome_drip: its occurrence is the day of the first admission.


def _welcome_window(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> Window:
    entered = person.entered_at
    assert entered is not None
    assert occurrence == utc_day(entered).isoformat()
    if step.at is None:
        return entered, entered + step.expires_after
    return _windows(person, lambda zone: _at(step, zone, local_day(zone, entered) + timedelta(days=step.day)))


def _welcome_superfluous(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> bool:
    goal = chronicle.playbook.stage("welcome_drip").goal
    assert person.entered_at is not None
    return goal is not None and person.did(goal, person.entered_at)


# offer, of the tests' own: its occurrence is a day.


def _offer_window(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> Window:
    return _windows(person, lambda zone: _at(step, zone, date.fromisoformat(occurrence)))


def _offer_superfluous(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> bool:
    latest_due = _offer_window(chronicle, person, step, occurrence)[1] - step.expires_after
    return person.did("purchase", latest_due - REMEMBERED)


# dormancy_reactivation: a spell of silence, by the day of the last sign.


def _silence(occurrence: str) -> tuple[str, date]:
    kind, _, day = occurrence.partition(":")
    return kind, date.fromisoformat(day)


def _silent_window(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> Window:
    _, day = _silence(occurrence)
    entered = person.entered_at
    assert entered is not None
    earliest = max(day + timedelta(days=step.day - 1), utc_day(entered) + timedelta(days=7))
    latest = max(day + timedelta(days=step.day + 1), utc_day(entered) + timedelta(days=9))
    first = _windows(person, lambda zone: _at(step, zone, earliest))[0]
    return first, _windows(person, lambda zone: _at(step, zone, latest))[1]


def _silent_superfluous(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> bool:
    kind, day = _silence(occurrence)
    signs = chronicle.playbook.signs
    last = person.last(*(signs.activity if kind == "silent" else signs.speaking))
    return last is not None and utc_day(last) > day


# renewal_reminders: an end of a term.


def _end(person: Person, occurrence: str) -> tuple[Term, date]:
    number, _, day = occurrence.partition(":")
    return next(term for term in person.terms if term.id == int(number)), date.fromisoformat(day)


def _rungs(chronicle: Chronicle, term: Term, ends_at: datetime, zone: str) -> dict[str, datetime]:
    """When each rung of the term's plan is due; those that do not fit have none."""
    begun, ended, dues = local_day(zone, term.starts_at), local_day(zone, ends_at), {}
    for step in chronicle.playbook.stage("renewal_reminders").steps:
        assert step.at is not None
        day = ended + timedelta(days=step.day)
        due = moment(zone, day, step.at)
        if (not step.plans or term.plan in step.plans) and day > begun and (step.day > 0 or due < ends_at):
            dues[step.name] = due
    return dues


def _renewal_window(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> Window:
    term, day = _end(person, occurrence)
    ends_at = term.ends_at
    if ends_at is None or utc_day(ends_at) != day:
        return chronicle.now - FOREVER, chronicle.now + FOREVER  # superfluous: that end is no more

    def of_zone(zone: str) -> Window:
        dues = _rungs(chronicle, term, ends_at, zone)
        due = dues.get(step.name)
        if due is None:
            return chronicle.now, chronicle.now
        later = [other for other in dues.values() if other > due] + ([ends_at] if step.day <= 0 else [])
        return due, min([due + step.expires_after, *later])

    return _windows(person, of_zone)


def _renewal_superfluous(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> bool:
    term, day = _end(person, occurrence)
    return not term.matters(person.terms) or term.ends_at is None or utc_day(term.ends_at) != day


# member_care: counted from a day, a term or a month.


def _care_window(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> Window:
    if step.moment == "mid_term":
        return _mid_term(chronicle, person, step, occurrence)
    if step.moment == "month":
        begins = date.fromisoformat(f"{occurrence}-01")
        return _windows(person, lambda zone: _at(step, zone, begins + timedelta(days=step.day - 1)))
    named, _, turn = occurrence.partition(":")
    days = step.day + (int(turn or 1) - 1) * (step.every.days if step.every else 0)
    day = date.fromisoformat(named) + timedelta(days=days)
    first = _windows(person, lambda zone: _at(step, zone, day - ONE_DAY))[0]
    return first, _windows(person, lambda zone: _at(step, zone, day + ONE_DAY))[1]


def _mid_term(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> Window:
    term = next(term for term in person.terms if term.id == int(occurrence))
    if term.ends_at is None:
        return chronicle.now - FOREVER, chronicle.now + FOREVER
    middle = term.starts_at + (term.ends_at - term.starts_at) / 2
    return _windows(person, lambda zone: _at(step, zone, local_day(zone, middle) + timedelta(days=step.day)))


def _care_superfluous(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> bool:
    if step.moment == "mid_term":
        term = next(term for term in person.terms if term.id == int(occurrence))
        return person.did(f"purchase:{step.plans[1]}", term.starts_at)
    if step.moment == "entered":
        assert person.entered_at is not None
        return person.did("purchase", person.entered_at)
    return False


# live_conversion: a version of a session.


def _live_window(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> Window:
    number, version = map(int, occurrence.split(":"))
    live = chronicle.lives[number]
    times = live.versions[min(version, len(live.versions)) - 1]
    if step.moment == "cancelled":
        assert live.cancelled_at is not None
        due, until = live.cancelled_at, times.ends_at
    elif step.moment == "moved":
        due, until = live.moved_at[version], times.starts_at
    else:
        due, until = _rung(step, times)
    return due, min(due + step.expires_after, until)


def _rung(step: Step, times: Times) -> Window:
    after = step.after or timedelta()
    half = times.ends_at + (times.window_until_at - times.ends_at) / 2
    moments = {
        "announce": (times.announce_at, times.starts_at),
        "start": (times.starts_at, times.starts_at if after < timedelta() else times.ends_at),
        "end": (times.ends_at, times.window_until_at),
        "half": (half, times.window_until_at),
        "close": (times.window_until_at, times.window_until_at),
    }
    at, until = moments[step.moment or ""]
    return at + after, until


def _live_superfluous(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> bool:
    number, version = map(int, occurrence.split(":"))
    live = chronicle.lives[number]
    if version != live.version or (live.cancelled_at is not None) != (step.moment == "cancelled"):
        return True
    offers = step.moment in ("end", "half", "close")
    return offers and bool(live.plan and person.did(f"purchase:{live.plan}", live.created_at))


def _never(step: Step) -> bool:
    return False


KNOWN = {
    "welcome_drip": Stage(_welcome_window, _welcome_superfluous),
    "dormancy_reactivation": Stage(_silent_window, _silent_superfluous),
    "renewal_reminders": Stage(_renewal_window, _renewal_superfluous, members_only=_never),
    "member_care": Stage(_care_window, _care_superfluous, members_only=_never),
    "live_conversion": Stage(_live_window, _live_superfluous, members_only=lambda step: step.who == "everyone"),
    "offer": Stage(_offer_window, _offer_superfluous),
}
