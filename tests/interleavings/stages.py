"""What each stage promises of its own accord: when a message is due, and what makes it superfluous."""

from datetime import UTC, date, datetime, timedelta

from community.playbook_stages import Step
from tests.interleavings.chronicle import Chronicle, Person, Stage

REMEMBERED = timedelta(days=3)
"""For how long before an offer a purchase makes it superfluous."""


def _welcome_due(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> tuple[datetime, datetime]:
    entered = person.entered_at
    assert entered is not None
    assert occurrence == f"{entered.astimezone(UTC):%Y-%m-%d}"
    if step.at is None:
        return entered, entered
    days = [chronicle.local_day(zone, entered) + timedelta(days=step.day) for zone in person.zones]
    return _span(chronicle, person, days, step)


def _welcome_superfluous(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> bool:
    goal = chronicle.playbook.stage("welcome_drip").goal
    reached = person.last(goal) if goal else None
    return reached is not None and person.entered_at is not None and reached >= person.entered_at


def _offer_due(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> tuple[datetime, datetime]:
    return _span(chronicle, person, [date.fromisoformat(occurrence)], step)


def _offer_superfluous(chronicle: Chronicle, person: Person, step: Step, occurrence: str) -> bool:
    reached = person.last("purchase")
    return reached is not None and reached >= _offer_due(chronicle, person, step, occurrence)[1] - REMEMBERED


def _span(chronicle: Chronicle, person: Person, days: list[date], step: Step) -> tuple[datetime, datetime]:
    assert step.at is not None
    spans = [chronicle.local(person, day, step.at) for day in days]
    return min(first for first, _ in spans), max(last for _, last in spans)


KNOWN = {
    "welcome_drip": Stage(_welcome_due, _welcome_superfluous),
    "offer": Stage(_offer_due, _offer_superfluous),
}
