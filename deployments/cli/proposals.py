"""Proposals as the verbs print them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from community.database.installation import sop_now
from community.outbox.forecast import forecast
from community.outreach.proposal import Proposal
from deployments.cli.output import console, local, print_table
from deployments.cli.session import Session
from tasks.words import count, decision_words, reason_words

STATES = {"proposed": "waits for a word", "approved": "approved, being carried out"}


def state_words(proposal: Proposal) -> str:
    """Where it stands: waits, or what was decided by whom."""
    return STATES.get(proposal.state) or decision_words(proposal)


def print_days(proposal: Proposal) -> None:
    """How many of each step on each day, and how many not."""
    print_table(
        console(), "By day", ("day", "step", "would be sent", "of these in the morning", "not sent"), _days(proposal)
    )


def _days(proposal: Proposal) -> Iterator[tuple[object, ...]]:
    for day, steps in sorted(proposal.counts["days"].items()):
        for step, outcomes in sorted(steps.items()):
            deferred = outcomes.get("deferred", 0)
            sends = outcomes.get("send", 0) + deferred
            yield day, step, sends, deferred or None, sum(outcomes.values()) - sends


def print_reasons(title: str, reasons: Mapping[str, int]) -> None:
    """Every reason with its number, the commonest first."""
    rows = [(number, reason_words(reason)) for reason, number in sorted(reasons.items(), key=lambda item: -item[1])]
    print_table(console(), title, ("messages", "why"), rows)


async def print_finish(s: Session, proposal: Proposal, zone: str) -> None:
    """When the last would be out, if it were sent now."""
    queue = await forecast(s.conn, s.settings.bot_id, await sop_now(s.conn))
    if not queue.rate:
        print(f"{count(proposal.left, 'message')}; no rate limit is set, so it would take moments.")
        return
    finish = local(datetime.now(UTC) + queue.takes_with(proposal.left), zone)
    behind = f", behind {queue.due:,} that are due" if queue.due else ""
    morning = proposal.counts["deferred"]
    later = f"; {morning:,} of them wait for their members' mornings" if morning else ""
    print(
        f"{count(proposal.left, 'message')}: the last would be out about {finish} {zone}, at {queue.rate:g} a second"
        f"{behind}{later}."
    )
